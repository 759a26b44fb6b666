"""How many events one core takes in a second, from message to Submit: `python bench/triggers_index.py`.

Each event starts one execution. In the last two cases executions wait, too: for other events, or for these,
which then reach two lanes each. Measured is all of the service's own work, in seconds of CPU: reading
messages, checks, the index, building and encoding the batch, decoding the Engine's answer, the outcomes; not
the network and not the Engine. Exits with 1 when a case is under the limit.
"""

import asyncio
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from tidemill.api.engine.v1.definition_service_pb2 import Definition, WatchDefinitionsResponse
from tidemill.api.engine.v1.execution_service_pb2 import SubmitRequest, SubmitResponse, SubmitResult
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.api.triggers.v1.event_service_pb2 import PublishEventsRequest
from tidemill.clock import SystemClock
from tidemill.events.checking import EventLimits
from tidemill.json import Json
from tidemill.loops import Stop, run_loop
from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import NoTracing
from tidemill.triggers.api.event_service import EventService
from tidemill.triggers.app import read_condition
from tidemill.triggers.catalogue import Catalogue
from tidemill.triggers.publisher import Publisher, PublishLimits
from tidemill.triggers.publishing_telemetry import PublishingTelemetry
from tidemill.triggers.submitter import SubmitLimits, Submitter

BATCH_EVENTS: Final = 64
CALLERS: Final = 8
EVENTS: Final = 51_200
EVENTS_A_SECOND_MIN: Final = 10_000
_SILENCE_US: Final = 3_600_000_000
_EXECUTION_ID: Final = "5b5be8b8-272cc775-55d5-5ea9-bb0a-576c6f8f6c5a"
_DATA: Final = orjson.dumps({"contact": {"id": "c-1001", "score": 42, "tags": ["a", "b"]}, "form": "x" * 150})


@dataclass(frozen=True)
class Case:
    """How many workflows there are, what their filters ask beside the type, and what they wait for."""

    workflows: int
    extra: dict[str, Json] = field(default_factory=dict)
    ordering_key: str = ""
    waits_for: str = ""
    lanes: int = 0


CASES: Final[dict[str, Case]] = {
    "1 workflow, literal type": Case(1),
    "1,000 workflows, literal types": Case(1_000),
    "source and pattern beside the type": Case(1, {"source": "/forms", "subject": "^contact-[0-9]+$"}),
    "expression filter and ordering key": Case(1, {"data": "${ .contact.score > 40 }"}, ".data.contact.id"),
    "1,000 that wait for other events": Case(1_000, waits_for="order.paid"),
    "1,000 that wait for these events": Case(1_000, waits_for="lead.created", lanes=2),
}


def definitions(case: Case) -> Iterable[Definition]:
    """Published workflows, each with a type of its own."""
    for number in range(case.workflows):
        name = f"workflow-{number}"
        document = {
            "document": {
                "dsl": "1.0.3",
                "namespace": "bench",
                "name": name,
                "version": "1.0.0",
                "metadata": {"tidemill": {"orderingKey": case.ordering_key}} if case.ordering_key else {},
            },
            "schedule": {"on": {"one": {"with": {"type": f"lead.created.{number}", **case.extra}}}},
            "do": [],
        }
        made = Definition(
            namespace="bench", name=name, version="1.0.0", document=orjson.dumps(document), revision=number
        )
        if case.waits_for:
            made.listens.add(event_type=f"{case.waits_for}.{number}", own_lane=True, correlation_lane=True)
        yield made


def requests(workflows: int) -> list[bytes]:
    """Encoded requests, as they come from the network."""
    encoded = []
    for start in range(0, EVENTS, BATCH_EVENTS):
        events = [
            CloudEvent(
                id=f"event-{number}",
                source="/forms",
                type=f"lead.created.{number % workflows}",
                subject=f"contact-{number % 1000}",
                time="2026-01-01T00:00:00Z",
                data=_DATA,
            )
            for number in range(start, start + BATCH_EVENTS)
        ]
        encoded.append(PublishEventsRequest(namespace="bench", events=events).SerializeToString())
    return encoded


class Counting:
    """An Engine that answers at once, after the work of encoding and decoding that a channel does."""

    def __init__(self) -> None:
        self.calls = 0
        self.commands = 0

    async def submit(self, request: SubmitRequest, _traceparent: str) -> SubmitResponse:
        request.SerializeToString()
        self.calls += 1
        self.commands += len(request.commands)
        result = SubmitResult(execution_id=_EXECUTION_ID, created=True)
        answer = SubmitResponse(results=[result] * len(request.commands)).SerializeToString()
        return SubmitResponse.FromString(answer)


class NoMetadata:
    """The part of a call's context that the service looks at."""

    def invocation_metadata(self) -> tuple[()]:
        return ()


async def measure(case: Case) -> tuple[float, Counting]:
    """Events a second of CPU, and what the Engine saw."""
    clock, metrics, engine = SystemClock(), Metrics(), Counting()
    catalogue = Catalogue(read_condition, clock=clock, metrics=metrics, silence_us_max=_SILENCE_US)
    catalogue.begin()
    snapshot = WatchDefinitionsResponse(revision=1, definitions=definitions(case), snapshot_complete=True)
    await catalogue.receive(snapshot, asked_us=clock.monotonic_us())
    submit_limits = SubmitLimits(20_000, 67_108_864, 500, 4_194_304, 200_000)
    submitter = Submitter(engine.submit, limits=submit_limits, clock=clock, metrics=metrics)
    limits = PublishLimits(1_000, 1_000, 100, EventLimits(1_000_000, 2_048, 32))
    telemetry = PublishingTelemetry(metrics, NoTracing())
    publisher = Publisher(catalogue, submitter, limits=limits, clock=clock, telemetry=telemetry)
    stop = Stop()
    loop = asyncio.create_task(run_loop(submitter.run_once, name="submit", stop=stop, wake=submitter.wake))
    waiting = iter(requests(case.workflows))
    started = time.process_time()
    await asyncio.gather(*(call(EventService(publisher), waiting) for _ in range(CALLERS)))
    seconds = time.process_time() - started
    stop.set()
    await loop
    return EVENTS / seconds, engine


async def call(service: EventService, waiting: Iterable[bytes]) -> None:
    """One caller: request after request, as gRPC would hand them over."""
    context: Any = NoMetadata()
    for encoded in waiting:
        answer = await service.PublishEvents(PublishEventsRequest.FromString(encoded), context)
        assert all(outcome.executions for outcome in answer.outcomes)
        answer.SerializeToString()


def main() -> int:
    """Print a line a case; the exit code says whether all are fast enough."""
    slowest = float("inf")
    for title, case in CASES.items():
        events_a_second, engine = asyncio.run(measure(case))
        assert engine.commands == EVENTS * (1 + case.lanes)
        slowest = min(slowest, events_a_second)
        a_call = engine.commands / engine.calls
        print(f"{title:36} {events_a_second:9,.0f} events/CPU-s {a_call:6.0f} commands a Submit")
    return 0 if slowest >= EVENTS_A_SECOND_MIN else 1


if __name__ == "__main__":
    sys.exit(main())
