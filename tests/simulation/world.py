"""One whole Tidemill on a virtual clock: the real Engine on a real store and log, the real Triggers, and a
scripted outside world. It can crash between any two steps, and a year passes in no time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final

from tests.simulation.actions import Outside
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.definition_service_pb2 import WatchDefinitionsResponse
from tidemill.api.engine.v1.execution_pb2 import Execution, ExecutionPhase
from tidemill.blobs.memory import MemoryBlobs
from tidemill.blobs.port import BlobStore
from tidemill.clock import ManualClock
from tidemill.engine.api import messages
from tidemill.engine.api.executions import ExecutionApi
from tidemill.engine.api.reads import Reads
from tidemill.engine.core.tasks.registry import KINDS
from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.log.port import CommandLog
from tidemill.engine.runtime.assembly import Assembly, Loop
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.settings import Settings
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.port import Store
from tidemill.engine.store.rows import ExecutionFilter, TimerRow
from tidemill.events.checking import EventLimits
from tidemill.json import Json, dumps
from tidemill.telemetry.tracing import NoTracing
from tidemill.triggers.app import read_condition
from tidemill.triggers.catalogue import Catalogue
from tidemill.triggers.core.event import RawEvent
from tidemill.triggers.outcomes import Outcome
from tidemill.triggers.publisher import Publisher, PublishLimits
from tidemill.triggers.publishing_telemetry import PublishingTelemetry
from tidemill.triggers.submitter import SubmitLimits, Submitter

SHARDS: Final = 4
SECOND_US: Final = 1_000_000
# Monday, 2 March 2026, 09:00 UTC.
START_US: Final = 1_772_442_000 * SECOND_US
STEPS_MAX: Final = 1_000_000
_SUBMIT_LIMITS: Final = SubmitLimits(
    queued_commands_max=10_000,
    queued_bytes_max=1 << 26,
    submit_commands_max=500,
    submit_bytes_max=1 << 22,
    retry_delay_us=SECOND_US,
)
_PUBLISH_LIMITS: Final = PublishLimits(
    events_per_request_max=1_000,
    starts_per_event_max=1_000,
    lanes_per_event_max=100,
    event=EventLimits(data_bytes_max=1_000_000, attribute_bytes_max=2_048, extensions_max=32),
)


class CrashError(Exception):
    """Raised where a test lets the process die."""


class World:
    """Everything that survives a crash is in `store`, `log` and `outside`; the rest is built anew."""

    def __init__(
        self,
        *,
        seed: int = 1,
        store: Store | None = None,
        log: CommandLog | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.settings = settings or Settings(shards=SHARDS)
        self.store = store or MemoryStore(self.settings.shards)
        self.log = log or MemoryLog(self.settings.shards)
        self.clock = ManualClock(START_US)
        self.outside = Outside()
        self.outside.publish = self._emitted
        self.blobs: BlobStore = MemoryBlobs(self.clock)
        self.source = random.Random(seed)
        self.steps = 0
        self.crashes = 0
        # What a new process finds: the same store and log, where need be opened anew from their files.
        self.reopen: Callable[[Store, CommandLog], Awaitable[tuple[Store, CommandLog]]] = _as_they_are
        # Processes die only while nobody waits for their answer: what a client does then is not the story.
        self.is_settling = False
        # Called before each step; it may raise CrashError, and then the process dies and begins anew.
        self.before_step: Callable[[], None] = lambda: None
        self._event_numbers = count(1)
        self._start_numbers = count(1)

    async def open(self) -> "World":
        """Start the processes."""
        environment = self.environment = Environment(
            settings=self.settings,
            clock=self.clock,
            source=random.Random(self.source.random()),
            blobs=self.blobs,
        )
        self.outside.check = environment.check
        self.engine = Assembly(environment, self.store, self.log, owner="world", kinds=KINDS)
        await self.engine.open()
        memory = self.engine.memory
        reads = Reads(self.store, memory.progress, memory.watchers, self.settings, check=environment.check)
        self.api = ExecutionApi(self.engine.ingress, reads, self.settings)
        self._loops = [loop for loop in self.engine.loops() if loop.name not in ("gauges", "housekeeping")]
        self._triggers = Catalogue(
            read_condition, clock=self.clock, metrics=environment.metrics, silence_us_max=10**18
        )
        self._triggers.begin()
        self._submitter = Submitter(
            self._submit, limits=_SUBMIT_LIMITS, clock=self.clock, metrics=environment.metrics
        )
        telemetry = PublishingTelemetry(environment.metrics, NoTracing())
        self._publisher = Publisher(
            self._triggers, self._submitter, limits=_PUBLISH_LIMITS, clock=self.clock, telemetry=telemetry
        )
        await self._watch()
        return self

    async def crash(self) -> None:
        """Lose everything that is in memory, and start again."""
        self.crashes += 1
        self.store, self.log = await self.reopen(self.store, self.log)
        await self.open()

    async def publish(self, document: bytes | str | dict[str, Json]) -> None:
        """Publish a definition."""
        data = document.encode() if isinstance(document, str) else document
        data = data if isinstance(data, bytes) else dumps(data)
        row, _, _ = await self.engine.catalogue.publish("", data)
        await self.engine.schedules.settle(row.namespace, row.name)
        await self._watch()
        await self.settle()

    async def start(
        self, namespace: str, workflow: str, given: Json = None, *, subject: str = "", version: str = ""
    ) -> str:
        """Start an execution and let it come as far as it can; returns its id."""
        request = pb.StartRequest(
            namespace=namespace,
            workflow=workflow,
            subject=subject,
            version=version,
            # Gives the execution the same id in every run of a story.
            request_id=f"start-{next(self._start_numbers)}",
        )
        if given is not None:
            request.input.data = dumps(given)
        accepted = await self.engine.ingress.start(request)
        await self.settle()
        return accepted.execution_id

    async def event(self, namespace: str, event_type: str, data: Json = None, **attributes: str) -> Outcome:
        """Publish an event as a producer would, and let everything come as far as it can."""
        raw = RawEvent(
            id=attributes.pop("id", "") or f"event-{next(self._event_numbers)}",
            source=attributes.pop("source", "/tests"),
            type=event_type,
            subject=attributes.pop("subject", ""),
            data=b"" if data is None else dumps(data),
            extensions=attributes,
        )
        outcome = await self._send(namespace, raw)
        await self.settle()
        return outcome

    async def submit(self, namespace: str, **kind: object) -> pb.SubmitResult:
        """Submit one command: `cancel=CancelRequest(...)` and the like."""
        command = pb.SubmitCommand(**kind)  # type: ignore[arg-type]
        request = pb.SubmitRequest(namespace=namespace, commands=[command])
        response = await self.api.Submit(request, None)  # type: ignore[arg-type]
        await self.settle()
        return response.results[0]

    async def get(self, execution_id: str) -> Execution:
        """An execution as its row stands."""
        return messages.execution((await self.store.get([execution_id]))[execution_id])

    async def phase(self, execution_id: str) -> str:
        """An execution's phase, in lower case."""
        name = ExecutionPhase.Name((await self.get(execution_id)).phase)
        return name.removeprefix("EXECUTION_PHASE_").lower()

    async def executions(self, namespace: str = "", *, with_triggers: bool = False) -> list[Execution]:
        """All executions, oldest first."""
        rows = await self.store.page_executions(
            ExecutionFilter(namespace=namespace, with_triggers=with_triggers), 100_000
        )
        found = [messages.execution(row) for row in reversed(rows)]
        for execution in found:
            await self.environment.check.fetch_into(execution, execution.execution_id)
        return found

    async def settle(self) -> None:
        """Let everything happen that needs no time to pass, through crashes if there are any."""
        worked = True
        while worked:
            self.is_settling = True
            try:
                worked = await self._pass()
            except CrashError:
                self.is_settling = False
                await self.crash()
        self.is_settling = False

    async def advance(self, duration_us: int) -> None:
        """Let time pass: each timer fires at its own time."""
        target_us = self.clock.now_us() + duration_us
        await self.settle()
        while (due_us := await self._next_due_us()) is not None and due_us <= target_us:
            await self.clock.advance_us(max(due_us - self.clock.now_us(), 0))
            await self.settle()
        await self.clock.advance_us(target_us - self.clock.now_us())
        await self.settle()

    async def _pass(self) -> bool:
        """One step of each loop, in a random order; whether any did something."""
        order: list[Loop] = list(self._loops)
        self.source.shuffle(order)
        worked = False
        for loop in order:
            self._count_step()
            worked = await loop.step() or worked
        self._count_step()
        return await self.outside.serve(self.engine.memory.calls, self.clock.now_us()) or worked

    def _count_step(self) -> None:
        self.steps += 1
        assert self.steps < STEPS_MAX, "the world goes round in circles"
        self.before_step()

    async def _next_due_us(self) -> int | None:
        due = [row.due_at_us for row in await self._first_timers()]
        wait_us = self.engine.memory.calls.wait_us()
        if wait_us is not None:
            due.append(self.clock.now_us() + wait_us)
        return min(due, default=None)

    async def _first_timers(self) -> list[TimerRow]:
        pages = [await self.store.page_timers(shard, 2**62, None, 1) for shard in range(self.settings.shards)]
        return [row for page in pages for row in page]

    async def _emitted(self, namespace: str, arguments: dict[str, Json]) -> None:
        """The action `events.publish`."""
        known = ("id", "source", "type", "subject", "time", "data", "specversion")
        raw = RawEvent(
            id=str(arguments["id"]),
            source=str(arguments["source"]),
            type=str(arguments["type"]),
            subject=str(arguments.get("subject", "")),
            time=str(arguments.get("time", "")),
            data=dumps(arguments["data"]) if "data" in arguments else b"",
            extensions={name: str(value) for name, value in arguments.items() if name not in known},
        )
        await self._send(namespace, raw)

    async def _send(self, namespace: str, raw: RawEvent) -> Outcome:
        publishing = asyncio.ensure_future(self._publisher.publish(namespace, [raw]))
        try:
            while not publishing.done():
                await asyncio.sleep(0)
                await self._submitter.run_once()
        except CrashError:
            publishing.cancel()
            raise
        return publishing.result()[0]

    async def _submit(self, request: pb.SubmitRequest, _: str) -> pb.SubmitResponse:
        return await self.api.Submit(request, None)  # type: ignore[arg-type]

    async def _watch(self) -> None:
        """Bring the Triggers' index up to date, as the stream of definitions does."""
        catalogue = self.engine.catalogue
        definitions = [
            messages.definition(row, latest=catalogue.is_latest(row), with_document=True)
            for row in catalogue.rows()
        ]
        await self._triggers.receive(
            WatchDefinitionsResponse(
                revision=catalogue.revision, definitions=definitions, snapshot_complete=True
            ),
            asked_us=self.clock.monotonic_us(),
        )


async def _as_they_are(store: Store, log: CommandLog) -> tuple[Store, CommandLog]:
    return store, log
