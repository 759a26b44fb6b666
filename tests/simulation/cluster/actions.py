"""Action services in several replicas with one ledger, and the provider behind them that knows its keys."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tests.simulation.cluster.engines import Engine
from tests.simulation.cluster.loop import MICRO, Process, SeededLoop
from tests.simulation.cluster.network import Network
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.errors.v1.problem_pb2 import Problem
from tidemill.api.events.v1 import history_pb2
from tidemill.engine.runtime.sessions import Session
from tidemill.json import Json, loads

CallKey: TypeAlias = tuple[str, int]
LEASE_US: Final = 3 * MICRO
_ERRORS: Final = "https://open-workflow-specification.org/spec/1.0.0/errors/communication"


@dataclass(slots=True)
class Provider:
    """The world: takes each key once, and answers a repeat as it answered first."""

    effects: dict[str, list[tuple[int, str, bytes]]] = field(default_factory=dict)

    def ask(self, call: pb.ActionCall) -> pb.ActionResult:
        """Take a call; one that comes again has no second effect."""
        made = self.effects.setdefault(call.key, [])
        arguments = call.arguments.data or b"null"
        if all(attempt != call.attempt for attempt, _, _ in made):
            made.append((call.attempt, call.action, arguments))
        result = pb.ActionResult(key=call.key, attempt=call.attempt)
        if call.action.startswith("flaky") and call.attempt <= 1 + len(call.key) % 2:
            result.state = history_pb2.ACTION_STATE_FAILED
            result.error.CopyFrom(Problem(type=_ERRORS, status=503, title="Communication Error"))
        else:
            result.state = history_pb2.ACTION_STATE_SUCCEEDED
            result.output.data = arguments
        return result


@dataclass(slots=True)
class Ledger:
    """Claims and outcomes of all replicas: (key, attempt)."""

    outcomes: dict[CallKey, pb.ActionResult] = field(default_factory=dict)
    succeeded: dict[str, pb.ActionResult] = field(default_factory=dict)
    claims: dict[CallKey, int] = field(default_factory=dict)

    def known(self, identity: CallKey) -> pb.ActionResult | None:
        """The outcome of an attempt; that of an earlier one where that was a success."""
        found = self.outcomes.get(identity) or self.succeeded.get(identity[0])
        if found is None:
            return None
        answer = pb.ActionResult()
        answer.CopyFrom(found)
        answer.attempt = identity[1]
        answer.from_record = True
        return answer

    def record(self, result: pb.ActionResult) -> pb.ActionResult:
        """The first outcome stands."""
        identity = (result.key, result.attempt)
        stands = self.outcomes.setdefault(identity, result)
        if stands.state == history_pb2.ACTION_STATE_SUCCEEDED:
            self.succeeded.setdefault(result.key, stands)
        return stands


Emit: TypeAlias = Callable[[str, dict[str, Json]], Awaitable[None]]


class Replica:
    """One Action service. What it was at when it dies is taken up by whoever is asked again."""

    def __init__(self, number: int, loop: SeededLoop, network: Network, ledger: Ledger) -> None:
        self.number = number
        self.provider = Provider()
        self.emit: Emit = _nowhere
        self.seen: Callable[[pb.ActionCall], None] = lambda _: None
        self.process = Process(f"actions-{number}")
        self._loop = loop
        self._network = network
        self._ledger = ledger
        self._epochs: dict[int, int] = {}
        # Who waits for each attempt that is under way here.
        self._waiting: dict[CallKey, list[Stream]] = {}
        self._cancelled: dict[CallKey, asyncio.Event] = {}

    def crash(self) -> None:
        """Lose all that is under way."""
        self.process.alive = False
        self.process = Process(f"actions-{self.number}")
        self._epochs.clear()
        self._waiting.clear()
        self._cancelled.clear()

    def take(self, stream: "Stream", message: pb.ExecuteRequest) -> None:
        """A message has come over a stream."""
        for call in message.calls:
            self.seen(call)
            self._take(stream, call)
        for asked in message.cancellations:
            self._cancel(stream, (asked.key, asked.attempt))

    def _take(self, stream: "Stream", call: pb.ActionCall) -> None:
        identity = (call.key, call.attempt)
        highest = self._epochs.get(call.shard, 0)
        if call.epoch < highest:
            failure = pb.DELIVERY_FAILURE_REFUSED
            stream.answer(pb.ActionResult(key=call.key, attempt=call.attempt, delivery_failure=failure))
            return
        self._epochs[call.shard] = call.epoch
        weather = self._network.weather
        if (answer := self._ledger.known(identity)) is not None:
            stream.answer(answer)
        elif weather.happens(weather.losing / 2):
            weather.count("action unavailable")
            failure = pb.DELIVERY_FAILURE_UNAVAILABLE
            stream.answer(pb.ActionResult(key=call.key, attempt=call.attempt, delivery_failure=failure))
        elif identity in self._waiting:
            self._waiting[identity].append(stream)
        else:
            self._waiting[identity] = [stream]
            self._loop.start(self._run(call), self.process, "call")

    async def _run(self, call: pb.ActionCall) -> None:
        """Claim, do, record, answer."""
        identity = (call.key, call.attempt)
        cancelled = self._cancelled[identity] = asyncio.Event()
        while self._ledger.known(identity) is None:
            ends_us = self._ledger.claims.get(identity, 0)
            if ends_us <= self._loop.now_us:
                self._ledger.claims[identity] = self._loop.now_us + LEASE_US
                break
            # Another replica is at it, or was when it died.
            await self._loop.pause_us(100_000)
        if (answer := self._ledger.known(identity)) is None:
            answer = await self._perform(call, cancelled)
        waiting = self._waiting.pop(identity, [])
        self._cancelled.pop(identity, None)
        for stream in waiting:
            stream.answer(answer)

    async def _perform(self, call: pb.ActionCall, cancelled: asyncio.Event) -> pb.ActionResult:
        random = self._network.weather.random.random
        if call.action.startswith("hang"):
            await self._held(call, cancelled)
        else:
            await self._loop.wait_us(cancelled, int(random() ** 3 * 1_500_000) + 1_000)
        if cancelled.is_set():
            return self._ledger.record(_ended(call.key, call.attempt))
        if call.action == "events.publish":
            arguments = loads(call.arguments.data)
            assert isinstance(arguments, dict)
            await self.emit(call.namespace, arguments)
        result = self.provider.ask(call)
        # A crash here leaves an effect without a record.
        if random() < 0.3:
            await self._loop.pause_us(20_000)
        return self._ledger.record(result)

    async def _held(self, call: pb.ActionCall, cancelled: asyncio.Event) -> None:
        """An action that does not end by itself for long; its lease is renewed."""
        for _ in range(30):
            await self._loop.wait_us(cancelled, MICRO)
            if cancelled.is_set():
                return
            self._ledger.claims[call.key, call.attempt] = self._loop.now_us + LEASE_US

    def _cancel(self, stream: "Stream", identity: CallKey) -> None:
        if (known := self._ledger.known(identity)) is not None:
            stream.answer(known)
        elif identity in self._waiting:
            self._waiting[identity].append(stream)
            if identity in self._cancelled:
                self._cancelled[identity].set()
        else:
            self._loop.start(self._end_elsewhere(stream, identity), self.process, "cancel")

    async def _end_elsewhere(self, stream: "Stream", identity: CallKey) -> None:
        """Nobody here runs it: whoever does is waited for; one that nobody runs is ended in the ledger."""
        while self._ledger.known(identity) is None:
            if self._ledger.claims.get(identity, 0) <= self._loop.now_us:
                self._ledger.record(_ended(*identity))
            else:
                await self._loop.pause_us(100_000)
        known = self._ledger.known(identity)
        assert known is not None
        stream.answer(known)


class Stream:
    """The connection of an engine to a replica, begun again whenever it is lost; it keeps the order."""

    def __init__(self, engine: Engine, replica: Replica, loop: SeededLoop, network: Network) -> None:
        self.process = engine.process
        self._calls = engine.assembly.memory.calls
        self.replica = replica
        self._loop = loop
        self._network = network
        self._connection = 0
        self._session: Session | None = None
        self._inbox: deque[pb.ActionResult] = deque()
        self._there_us = self._back_us = 0

    def lose(self) -> None:
        """Everything on its way is lost, both ways."""
        self._connection += 1
        self._inbox.clear()
        if self._session is not None:
            self._session.wake.set()

    async def run(self) -> None:
        """Connect, carry, begin again."""
        while True:
            await self._loop.pause_us(self._network.weather.message_us())
            connection = self._connection
            session = self._session = self._calls.connect(None)
            while connection == self._connection:
                session.wake.clear()
                await self._carry(session)
            self.lose()
            self._session = None
            self._calls.disconnected(session)

    async def _carry(self, session: Session) -> None:
        if self._inbox:
            results = list(self._inbox)
            self._inbox.clear()
            self._calls.received(session, results)
        message = self._calls.next_message(session)
        if message is None:
            await self._loop.wait_us(session.wake, self._calls.wait_us())
            return
        copied = pb.ExecuteRequest()
        copied.CopyFrom(message)
        self._there_us = self._later(self._there_us)
        self._loop.at(self._there_us, self._arrive, self._connection, copied, context=self._network.outside)
        await asyncio.sleep(0)

    def _arrive(self, connection: int, message: pb.ExecuteRequest) -> None:
        if connection == self._connection:
            self.replica.take(self, message)

    def answer(self, result: pb.ActionResult) -> None:
        """The replica answers; now and then twice."""
        weather = self._network.weather
        for _ in range(2 if weather.happens(weather.losing) else 1):
            self._back_us = self._later(self._back_us)
            copied = pb.ActionResult()
            copied.CopyFrom(result)
            self._loop.at(
                self._back_us, self._returned, self._connection, copied, context=self._network.outside
            )

    def _returned(self, connection: int, result: pb.ActionResult) -> None:
        if connection == self._connection:
            self._inbox.append(result)
            if self._session is not None:
                self._session.wake.set()

    def _later(self, before_us: int) -> int:
        return max(before_us, self._loop.now_us + self._network.weather.message_us())


def _ended(key: str, attempt: int) -> pb.ActionResult:
    return pb.ActionResult(key=key, attempt=attempt, state=history_pb2.ACTION_STATE_CANCELLED)


async def _nowhere(_namespace: str, _event: dict[str, Json]) -> None:
    return None
