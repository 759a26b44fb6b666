"""Events on their way into the log: which are taken, and which lane's shard they reach."""

from typing import Any

import pytest

from tests.claim_checks import in_memory
from tidemill import lanes
from tidemill.api.engine.v1.execution_service_pb2 import (
    HearRequest,
    StartRequest,
    SubmitCommand,
    SubmitRequest,
    SubmitResult,
)
from tidemill.api.events.v1.command_pb2 import Command
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.clock import ManualClock
from tidemill.engine.api.executions import ExecutionApi
from tidemill.engine.api.reads import Reads
from tidemill.engine.catalogue import Catalogue
from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.ingress import Ingress
from tidemill.engine.runtime.progress import Progress, Watchers
from tidemill.engine.settings import Settings
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.errors import from_item_error
from tidemill.lanes import correlation_lane, lane_hash, shard_of, subject_lane

SETTINGS = Settings(shards=8, event_bytes_max=2_000, event_attribute_bytes_max=50, event_extensions_max=2)
PAID = CloudEvent(id="1", source="/shop", type="order.paid", subject="contact-7", data=b'{"order": 7}')


class Doors:
    """An Engine's ingress over a log that tests can read."""

    def __init__(self) -> None:
        clock = ManualClock(1_700_000_000_000_000)
        self.log = MemoryLog(SETTINGS.shards)
        store, progress = MemoryStore(SETTINGS.shards), Progress()
        progress.applying = True
        catalogue = Catalogue(store, clock, SETTINGS)
        ingress = Ingress(self.log, store, catalogue, progress, Environment(settings=SETTINGS, clock=clock))
        self._api = ExecutionApi(
            ingress, Reads(store, progress, Watchers(), SETTINGS, check=in_memory()), SETTINGS
        )

    async def submit(self, *requests: HearRequest | StartRequest) -> list[SubmitResult]:
        commands = [
            SubmitCommand(hear=item) if isinstance(item, HearRequest) else SubmitCommand(start=item)
            for item in requests
        ]
        context: Any = None
        answer = await self._api.Submit(SubmitRequest(namespace="crm", commands=commands), context)
        return list(answer.results)

    async def refusal(self, request: HearRequest) -> tuple[str, dict[str, str]]:
        """Why one event is not taken."""
        (result,) = await self.submit(request)
        assert not result.HasField("position")
        error = from_item_error(result.error)
        return error.reason_name, dict(error.metadata)

    async def commands(self, lane: bytes) -> list[Command]:
        """What the log holds for the shard of a lane."""
        records = await self.log.read(shard_of(lane_hash(lane), SETTINGS.shards), 0, 100)
        return [Command.FromString(record.data) for record in records]


def hear(event: CloudEvent = PAID, **changes: str) -> HearRequest:
    return HearRequest(**{"namespace": "crm", "subject": "contact-7", **changes}, event=event)


def changed(**attributes: Any) -> CloudEvent:  # noqa: ANN401 - any attribute
    event = CloudEvent()
    event.CopyFrom(PAID)
    event.MergeFrom(CloudEvent(**attributes))
    return event


@pytest.mark.parametrize(
    ("request_", "lane"),
    [
        (hear(), subject_lane("crm", "contact-7")),
        # The subject whose lane it is need not be the event's own.
        (hear(subject="contact-8"), subject_lane("crm", "contact-8")),
        (hear(subject="", event_type="order.paid"), correlation_lane("crm", "order.paid")),
        (hear(subject="", event_type="*"), correlation_lane("crm", lanes.ALL_TYPES)),
        (hear(namespace=""), subject_lane("crm", "contact-7")),
        (hear(namespace="other"), subject_lane("other", "contact-7")),
    ],
)
async def test_an_event_is_logged_for_its_lane(request_: HearRequest, lane: bytes) -> None:
    doors = Doors()
    (result,) = await doors.submit(request_)
    (command,) = await doors.commands(lane)
    assert (command.lane, command.execution_id, command.request_id) == (lane, "", "")
    assert command.namespace == lane.partition(b"\0")[0].decode()
    assert (command.schema, command.accepted_at_us) == (1, 1_700_000_000_000_000)
    assert command.hear.event == PAID
    assert (result.execution_id, result.HasField("error")) == ("", False)
    assert (result.position.shard, result.position.offset) == (shard_of(lane_hash(lane), 8), 0)


async def test_a_repeat_is_logged_again_for_the_lane_knows_it() -> None:
    doors = Doors()
    first, again = [*await doors.submit(hear()), *await doors.submit(hear())]
    assert (first.position.offset, again.position.offset) == (0, 1)


async def test_events_keep_their_order_and_a_refused_one_costs_itself_alone() -> None:
    doors = Doors()
    unknown = StartRequest(namespace="crm", workflow="nothing")
    results = await doors.submit(hear(), unknown, hear(subject=""), hear(changed(id="2")))
    assert [item.HasField("error") for item in results] == [False, True, True, False]
    logged = await doors.commands(subject_lane("crm", "contact-7"))
    assert [command.hear.event.id for command in logged] == ["1", "2"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (hear(subject=""), "subject"),
        (hear(event_type="order.paid"), "subject"),
        (hear(subject="", event_type="order.made"), "event_type"),
        (hear(namespace="a\0b"), "namespace"),
        (hear(subject="a\0b"), "subject"),
        (hear(CloudEvent()), "id"),
        (hear(CloudEvent(id="1", source="/shop")), "type"),
        (hear(changed(time="yesterday")), "time"),
        (hear(changed(data_content_type="text/plain")), "data_content_type"),
        (hear(changed(extensions={"A": "b"})), "extensions"),
    ],
)
async def test_what_is_malformed_is_refused_by_field(request_: HearRequest, field: str) -> None:
    assert await Doors().refusal(request_) == ("INVALID_REQUEST", {"field": field})


@pytest.mark.parametrize(
    ("request_", "limit"),
    [
        (hear(namespace="n" * 64), "namespace_bytes_max"),
        (hear(subject="s" * 257), "subject_bytes_max"),
        (hear(changed(source="s" * 257)), "source_bytes_max"),
        (hear(changed(extensions={"a": "b" * 51})), "extensions_bytes_max"),
        (hear(changed(extensions={"a": "", "b": "", "c": ""})), "extensions_max"),
        (hear(changed(data=b'"' + b"d" * 2_000 + b'"')), "event_bytes_max"),
    ],
)
async def test_what_is_too_large_is_refused_by_the_limit(request_: HearRequest, limit: str) -> None:
    reason, metadata = await Doors().refusal(request_)
    assert (reason, metadata["limit"]) == ("TOO_LARGE", limit)


async def test_data_is_json() -> None:
    reason, metadata = await Doors().refusal(hear(changed(data=b"{")))
    assert (reason, metadata) == ("INVALID_PAYLOAD", {"field": "data"})
