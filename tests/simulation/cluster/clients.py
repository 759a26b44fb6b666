"""Clients and producers: they ask some engine, and ask again until one says yes. That counts as a promise."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final, TypeAlias

from tests.simulation.cluster.documents import NAMESPACE
from tests.simulation.cluster.engines import Engine
from tests.simulation.cluster.loop import SeededLoop
from tests.simulation.cluster.network import LostError, Network
from tests.simulation.cluster.stories import Event, Operation, Start, Story
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.events.v1 import command_pb2
from tidemill.engine.runtime.ingress import Accepted, Prepared
from tidemill.engine.store.rows import DeadLetterRow
from tidemill.errors import TidemillError
from tidemill.json import Json, dumps

TRIES_MAX: Final = 200
AGAIN_US: Final = 200_000
ANSWER_US_MAX: Final = 1_500_000
_AGAIN: Final = frozenset(
    {
        reasons.ERROR_REASON_NOT_READY,
        reasons.ERROR_REASON_STORAGE_UNAVAILABLE,
        reasons.ERROR_REASON_OVERLOADED,
        reasons.ERROR_REASON_WAIT_EXPIRED,
    }
)
Prepare: TypeAlias = Callable[[Engine], Prepared]


@dataclass(frozen=True, slots=True)
class Promise:
    """A command that an engine has accepted, as its client knows it."""

    kind: str
    execution_id: str
    shard: int
    offset: int


class Clients:
    """Plays a story."""

    def __init__(
        self, loop: SeededLoop, network: Network, engines: Callable[[], list[Engine]], seed: int
    ) -> None:
        self._loop = loop
        self._network = network
        self._engines = engines
        self._random = Random(seed)
        self._under_way = 0
        self.promises: list[Promise] = []
        self.started: dict[int, str] = {}
        self.refused: list[str] = []
        self.given_up = 0

    @property
    def idle(self) -> bool:
        """Whether everything has been asked for and answered."""
        return self._under_way == 0

    def play(self, story: Story) -> None:
        """Have everything of the story asked for at its time."""
        begins_us = self._loop.now_us
        self._story = story
        for start in story.starts:
            self._begin(self._start(begins_us + start.at_us, start))
        for event in story.events:
            for time in range(event.times):
                self._begin(self._event(begins_us + event.at_us + time * 300_000, event))
        for operation in story.operations:
            self._begin(self._operate(begins_us + operation.at_us, operation))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._under_way += 1
        self._loop.start(self._count(work), None, "client")

    async def _count(self, work: Coroutine[Any, Any, None]) -> None:
        await work
        self._under_way -= 1

    async def _start(self, at_us: int, start: Start) -> None:
        await self._loop.pause_us(at_us - self._loop.now_us)
        request = pb.StartRequest(
            namespace=NAMESPACE,
            workflow=start.workflow,
            subject=start.subject,
            request_id=f"start-{start.number}",
        )
        request.input.data = dumps(start.given)
        accepted = await self._ask("start", lambda engine: engine.assembly.ingress.prepare_start(request))
        if accepted is not None:
            self.started[start.number] = accepted.execution_id

    async def _event(self, at_us: int, event: Event) -> None:
        await self._loop.pause_us(at_us - self._loop.now_us)
        while self._story.is_steady and len(self.started) < len(self._story.starts):
            # An execution hears what comes after its start.
            await self._loop.pause_us(AGAIN_US)
        await self.tell(f"event-{event.number}", event.type, event.subject, event.data)

    async def tell(self, identity: str, event_type: str, subject: str, data: Json) -> None:
        """Bring an event to its lanes, as the Triggers service does."""
        for lane in ("subject", "type") if subject else ("type",):
            request = pb.HearRequest(namespace=NAMESPACE)
            request.event.id, request.event.source, request.event.type = identity, "/world", event_type
            if subject:
                request.event.subject = subject
            request.event.data = dumps(data)
            if lane == "subject":
                request.subject = subject
            else:
                request.event_type = event_type
            await self._ask("hear", _hears(request))

    async def _operate(self, at_us: int, operation: Operation) -> None:
        await self._loop.pause_us(at_us - self._loop.now_us)
        for _ in range(TRIES_MAX):
            if operation.start in self.started:
                await self.steer(operation.kind, self.started[operation.start])
                return
            await self._loop.pause_us(AGAIN_US)

    async def steer(self, kind: str, execution_id: str) -> None:
        """Cancel, suspend, resume or retry."""
        record = command_pb2.Command()
        getattr(record, kind).SetInParent()
        await self._ask(
            kind, lambda engine: engine.assembly.ingress.prepare(NAMESPACE, execution_id, "", record)
        )

    async def redrive(self, letter: DeadLetterRow) -> None:
        """Take a dead letter up again."""
        await self._ask("redrive", lambda engine: engine.assembly.ingress.prepare_redrive(letter))

    async def _ask(self, kind: str, prepare: Prepare) -> Accepted | None:
        for _ in range(TRIES_MAX):
            engines = [engine for engine in self._engines() if engine.is_open]
            if engines:
                engine = self._random.choice(engines)
                try:
                    accepted = await self._network.request(
                        engine.process, partial(_accept, engine, prepare), ANSWER_US_MAX
                    )
                except (LostError, TidemillError) as error:
                    if isinstance(error, TidemillError) and error.reason not in _AGAIN:
                        self.refused.append(f"{kind}: {error}")
                        return None
                else:
                    promise = Promise(kind, accepted.execution_id, accepted.shard, accepted.offset)
                    self.promises.append(promise)
                    return accepted
            await self._loop.pause_us(AGAIN_US)
        self.given_up += 1
        return None


async def _accept(engine: Engine, prepare: Prepare) -> Accepted:
    outcome = (await engine.assembly.ingress.accept([prepare(engine)]))[0]
    if isinstance(outcome, TidemillError):
        raise outcome
    return outcome


def _hears(request: pb.HearRequest) -> Prepare:
    return lambda engine: engine.assembly.ingress.prepare_hear(request)
