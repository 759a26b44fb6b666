"""What the open tasks of an execution wait for, folded from its history. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, cast

from tidemill.api.engine.v1.execution_service_pb2 import HistoryEvent
from tidemill.api.events.v1 import history_pb2
from tidemill.client.plain import payload_value, rfc3339
from tidemill.json import Json, dumps
from tidemill.lanes import ALL_TYPES

_EVENTS_LANE: Final = b"events"


@dataclass(slots=True)
class Wait:
    """What one task waits for; whatever it does not wait for is empty.

    `due_at_us` is the time of a wait, of a slot that was granted, or of a retry; `timeout_at_us` is when the
    task's time runs out.
    """

    due_at_us: int = 0
    timeout_at_us: int = 0
    events: list[dict[str, Json]] = field(default_factory=list)
    child: str = ""
    slot: Json = None
    action: str = ""

    def hear(self, received: history_pb2.EventReceived) -> None:
        """Count an event for its filter, and learn the correlation values that it brings to all of them."""
        known = cast("dict[str, Json]", payload_value(received.correlations) or {})
        for event in self.events:
            event["heard"] = cast("int", event["heard"]) + (event["filter"] == received.filter)
            event["expected"] = {**cast("dict[str, Json]", event["expected"]), **known}

    def to_json(self) -> Json:
        """The object `waits_for` of `get --json`; None for a task that waits for nothing itself."""
        told: dict[str, Json] = {}
        if self.due_at_us:
            told["due_at"] = rfc3339(self.due_at_us)
        if self.events:
            told["events"] = [*self.events]
        if self.child:
            told["execution_id"] = self.child
        if self.slot is not None:
            told["slot"] = self.slot
        if self.action:
            told["action"] = self.action
        if told and self.timeout_at_us:
            told["timeout_at"] = rfc3339(self.timeout_at_us)
        return told or None


class WaitFold:
    """The last wait of each task, whether it is over or not: who reads it knows which tasks are open."""

    def __init__(self) -> None:
        self._waits: dict[str, Wait] = {}

    def apply(self, event: HistoryEvent) -> None:
        """Fold one event."""
        fact = event.event
        match fact.WhichOneof("kind"):
            case "task_started":
                self._waits[fact.task_started.reference] = _wait_of(fact.task_started)
            case "error_caught":
                self._of(fact.error_caught.reference).due_at_us = fact.error_caught.retry_at_us
            case "task_retried":
                self._of(fact.task_retried.reference).due_at_us = 0
            case "slot_granted":
                self._of(fact.slot_granted.reference).due_at_us = fact.slot_granted.due_at_us
            case "event_received":
                self._of(fact.event_received.reference).hear(fact.event_received)
            case "listening_ended":
                self._of(fact.listening_ended.reference).events = []
            case _:
                pass

    def of(self, reference: str) -> Json:
        """What the open task waits for."""
        wait = self._waits.get(reference)
        return None if wait is None else wait.to_json()

    def _of(self, reference: str) -> Wait:
        return self._waits.setdefault(reference, Wait())


def wait_text(wait: Json) -> str:
    """The object `waits_for` in words: what follows `waits for`."""
    told = cast("dict[str, Json]", wait)
    words = list(_words(told))
    return " and ".join(words) + (f", at most until {told['timeout_at']}" if "timeout_at" in told else "")


def _words(told: dict[str, Json]) -> Iterator[str]:
    if "events" in told:
        events = cast("list[dict[str, Json]]", told["events"])
        yield ", ".join(_event_words(event) for event in events)
    if "execution_id" in told:
        yield f"the end of execution {told['execution_id']}"
    if "action" in told:
        yield f"the outcome of {told['action']}"
    if "slot" in told:
        slot = cast("dict[str, Json]", told["slot"])
        yield f"a slot of {slot['key']}: {slot['limit']} in {slot['per_seconds']:g} s"
    if "due_at" in told:
        yield f"{told['due_at']}"


def _event_words(event: dict[str, Json]) -> str:
    kind = "an event" + (f" {event['type']}" if event["type"] else "")
    subject = f" of subject {event['subject']}" if event["subject"] else ""
    expected = cast("dict[str, Json]", event["expected"])
    values = ", ".join(f"{name} = {dumps(value).decode()}" for name, value in expected.items())
    heard = f" ({event['heard']} heard)" if event["heard"] else ""
    return kind + subject + (f" with {values}" if values else "") + heard


def _wait_of(started: history_pb2.TaskStarted) -> Wait:
    wait = Wait(timeout_at_us=started.timeout_at_us)
    match started.WhichOneof("detail"):
        case "due_at_us":
            wait.due_at_us = started.due_at_us
        case "listening":
            wait.events = [_event(subscription) for subscription in started.listening.subscriptions]
        case "child" if started.child.awaited:
            wait.child = started.child.execution_id
        case "slot":
            wait.slot = _slot(started.slot)
        case "action":
            wait.action = started.action.action
        case _:
            pass
    return wait


def _event(subscription: history_pb2.Subscription) -> dict[str, Json]:
    """What history tells of a filter: its place, and the type or the subject of the lane that it hears."""
    segments = subscription.lane.split(b"\0")
    by_type = len(segments) > 2 and segments[2] == _EVENTS_LANE
    name = segments[-1].decode()
    return {
        "filter": subscription.filter,
        "type": name if by_type and name != ALL_TYPES else None,
        "subject": None if by_type else name,
        "expected": payload_value(subscription.expected) or {},
        "heard": 0,
    }


def _slot(requested: history_pb2.SlotRequested) -> Json:
    return {
        "key": requested.lane.rpartition(b"\0")[2].decode(),
        "limit": requested.limit,
        "per_seconds": requested.per_us / 1_000_000,
    }
