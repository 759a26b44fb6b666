"""A publisher over a scripted Engine, all in one process and without a network."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.contract.fake_engine import definition, execution_id_of
from tests.unit.triggers.samples import LIMITS
from tidemill.api.engine.v1.definition_service_pb2 import WatchDefinitionsResponse
from tidemill.api.engine.v1.execution_service_pb2 import (
    StartRequest,
    SubmitCommand,
    SubmitRequest,
    SubmitResponse,
    SubmitResult,
)
from tidemill.api.engine.v1.position_pb2 import Position
from tidemill.clock import ManualClock
from tidemill.errors import TidemillError, to_item_error
from tidemill.json import Json, loads
from tidemill.loops import Pacing, Stop, run_loop
from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import NoTracing
from tidemill.triggers.catalogue import Catalogue
from tidemill.triggers.core.compiling import compile_condition
from tidemill.triggers.core.conditions import StartCondition
from tidemill.triggers.publisher import Publisher, PublishLimits
from tidemill.triggers.publishing_telemetry import PublishingTelemetry
from tidemill.triggers.submitter import SubmitLimits, Submitter

SILENCE_US_MAX = 1_500_000
SUBMIT_LIMITS = SubmitLimits(
    queued_commands_max=20,
    queued_bytes_max=100_000,
    submit_commands_max=10,
    submit_bytes_max=50_000,
    retry_delay_us=200_000,
)


def read_json_condition(data: bytes) -> StartCondition:
    """Documents of these tests are JSON."""
    document = loads(data)
    assert isinstance(document, dict)
    return compile_condition(document)


@dataclass
class ScriptedEngine:
    """Answers Submit calls; a closed gate holds them, errors are used up one a call.

    `commands` are those of all calls in order: `start` or `hear`, the workflow or the lane, the event's id.
    """

    calls: list[list[str]] = field(default_factory=list)
    starts: list[StartRequest] = field(default_factory=list)
    commands: list[tuple[str, str, str]] = field(default_factory=list)
    traceparents: list[str] = field(default_factory=list)
    errors: list[Exception | None] = field(default_factory=list)
    refused: dict[str, TidemillError] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    answers_less: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def submit(self, request: SubmitRequest, traceparent: str) -> SubmitResponse:
        self.calls.append([_event_id(command) for command in request.commands])
        self.starts += [command.start for command in request.commands if command.HasField("start")]
        self.commands += [_told(command) for command in request.commands]
        self.traceparents.append(traceparent)
        self.called.set()
        await self.gate.wait()
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        results = [self._result(request, number) for number in range(len(request.commands))]
        return SubmitResponse(results=results[: len(results) - self.answers_less])

    def _result(self, request: SubmitRequest, number: int) -> SubmitResult:
        command = request.commands[number]
        if refusal := self.refused.get(_event_id(command)):
            return SubmitResult(error=to_item_error(refusal))
        if command.HasField("hear"):
            return SubmitResult(position=Position(offset=number))
        start = command.start
        identifier = execution_id_of(start)
        created = identifier not in self.started
        self.started.add(identifier)
        return SubmitResult(execution_id=identifier, created=created)


def _event_id(command: SubmitCommand) -> str:
    return command.start.origin.event_id or command.hear.event.id


def _told(command: SubmitCommand) -> tuple[str, str, str]:
    if command.HasField("start"):
        return "start", command.start.workflow, _event_id(command)
    lane = command.hear.subject or f"type {command.hear.event_type}"
    return "hear", lane, _event_id(command)


class Service:
    """Catalogue, submitter and publisher, with the submitter's loop running inside `async with`."""

    def __init__(self, *, limits: SubmitLimits = SUBMIT_LIMITS) -> None:
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.engine = ScriptedEngine()
        self.catalogue = Catalogue(
            read_json_condition, clock=self.clock, metrics=self.metrics, silence_us_max=SILENCE_US_MAX
        )
        self.submitter = Submitter(self.engine.submit, limits=limits, clock=self.clock, metrics=self.metrics)
        self.publisher = Publisher(
            self.catalogue,
            self.submitter,
            limits=PublishLimits(
                events_per_request_max=50, starts_per_event_max=3, lanes_per_event_max=3, event=LIMITS
            ),
            clock=self.clock,
            telemetry=PublishingTelemetry(self.metrics, NoTracing()),
        )
        self._stop = Stop()
        self._task: asyncio.Task[None] | None = None

    async def put_in_force(self, *documents: dict[str, Json]) -> None:
        """Receive a whole snapshot."""
        self.catalogue.begin()
        await self.receive(*documents)

    async def receive(self, *documents: dict[str, Json], complete: bool = True) -> int | None:
        """Receive one message of the stream."""
        message = WatchDefinitionsResponse(
            revision=len(documents),
            definitions=[definition(item, number) for number, item in enumerate(documents, 1)],
            snapshot_complete=complete,
        )
        return await self.catalogue.receive(message, asked_us=self.clock.monotonic_us())

    async def __aenter__(self) -> "Service":
        pacing = Pacing(clock=self.clock, metrics=self.metrics)
        loop = run_loop(
            self.submitter.run_once, name="submit", stop=self._stop, pacing=pacing, wake=self.submitter.wake
        )
        self._task = asyncio.create_task(loop)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self.engine.gate.set()
        self._stop.set()
        await self._task


def metric(metrics: Metrics, name: str) -> float:
    """The sum of a metric over its labels."""
    values: Sequence[float] = [
        sample.value for family in metrics.collect() for sample in family.samples if sample.name == name
    ]
    return sum(values)
