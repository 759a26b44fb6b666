"""The demo's producer: goes on until every event is acknowledged, and keeps their order."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from examples.demo import sending
from examples.demo.events import JsonObject
from examples.demo.sending import Sender, SendingError
from tidemill.api.errors.v1.item_error_pb2 import ItemError
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.api.triggers.v1.event_service_pb2 import EventOutcome, StartedExecution
from tidemill.client.client import Client


class Triggers:
    """Takes events, but refuses each of `refused` the first so many times."""

    def __init__(self, refused: dict[str, int]) -> None:
        self.taken: list[str] = []
        self._refused = refused

    async def publish(self, namespace: str, events: Sequence[CloudEvent]) -> list[EventOutcome]:
        return [self._take(event.id) for event in events]

    def _take(self, event_id: str) -> EventOutcome:
        if self._refused.get(event_id, 0) > 0:
            self._refused[event_id] -= 1
            return EventOutcome(event_id=event_id, error=ItemError(message="not now"))
        self.taken.append(event_id)
        started = StartedExecution(created=self.taken.count(event_id) == 1)
        return EventOutcome(event_id=event_id, executions=[started])


def event(event_id: str) -> JsonObject:
    return {"id": event_id, "source": "/crm", "type": "t", "subject": "c", "data": {}}


def sender_to(triggers: Triggers, *batches: str) -> Sender:
    client = cast("Client", SimpleNamespace(events=triggers))
    return Sender(client, [[event(event_id) for event_id in batch] for batch in batches])


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_PAUSE_AFTER_REFUSAL_SECONDS", 0)


async def test_every_event_is_sent_and_repeats_are_told_from_starts() -> None:
    triggers = Triggers({})
    sender = sender_to(triggers, "ab", "ca")
    await sender.run()
    assert triggers.taken == ["a", "b", "c", "a"]
    assert (sender.acknowledged, sender.total, sender.started, sender.recognised) == (4, 4, 3, 1)


async def test_a_refused_event_is_sent_again_before_the_next_batch() -> None:
    triggers = Triggers({"a": 2})
    sender = sender_to(triggers, "ab", "c")
    await sender.run()
    assert triggers.taken == ["b", "a", "c"]
    assert sender.acknowledged == 3


async def test_an_event_that_is_refused_for_ever_is_an_error() -> None:
    with pytest.raises(SendingError, match="a first"):
        await sender_to(Triggers({"a": 1_000_000}), "a").run()
