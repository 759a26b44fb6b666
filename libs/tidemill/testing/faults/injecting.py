"""The faults: which there are, in which order they come, and how each is done to a cluster."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

import asyncpg

from tidemill.stack.cluster import Cluster
from tidemill.stack.group import StackError
from tidemill.stack.layout import ServiceName
from tidemill.testing.clusters import LEDGER_NAME, STORE_NAME, Servers
from tidemill.testing.faults.cutting import cut_connection


class Fault(Enum):
    """What is done to a cluster; the value is for people."""

    KILL_ENGINE = "SIGKILL of an engine"
    KILL_ACTIONS = "SIGKILL of an action process"
    KILL_TRIGGERS = "SIGKILL of a triggers process"
    STOP_ENGINE = "graceful stop of an engine"
    PAUSE_ENGINE = "SIGSTOP of an engine past its lease"
    KILL_KAFKA = "SIGKILL of Kafka"
    KILL_POSTGRES = "SIGKILL of Postgres"
    CUT_COMMIT = "connection cut in a COMMIT"
    CUT_IDLE = "connection cut elsewhere"
    ENDED_ITSELF = "process that ended by itself"


# Decks: each is shuffled, and every fault in it happens.
PROCESS_DECK: Final = (
    *(Fault.KILL_ENGINE,) * 3,
    *(Fault.KILL_ACTIONS,) * 2,
    *(Fault.KILL_TRIGGERS,) * 2,
    *(Fault.PAUSE_ENGINE,) * 2,
    Fault.STOP_ENGINE,
)
SERVER_DECK: Final = (*(Fault.CUT_COMMIT,) * 8, Fault.KILL_KAFKA, Fault.KILL_POSTGRES)

_BETWEEN_SECONDS: Final = (0.5, 3.0)
_DOWN_SECONDS: Final = (0.0, 1.5)
# The lease lives three seconds: whoever is paused for longer has lost its shards when it goes on.
_PAUSED_SECONDS: Final = (4.0, 6.0)
_REVIVALS_MAX: Final = 20
_REVIVAL_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.25
_SERVICES: Final[dict[Fault, ServiceName]] = {
    Fault.KILL_ENGINE: "engine",
    Fault.KILL_ACTIONS: "actions",
    Fault.KILL_TRIGGERS: "triggers",
    Fault.STOP_ENGINE: "engine",
    Fault.PAUSE_ENGINE: "engine",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is hurt, and who is told."""

    cluster: Cluster
    servers: Servers
    say: Callable[[str], None]


class Injector:
    """Does faults to a cluster, and starts again what has ended, as a supervisor does."""

    def __init__(self, target: Target, source: random.Random) -> None:
        self.counts: Counter[Fault] = Counter()
        self._target = target
        self._source = source
        self._in_hand: set[str] = set()

    async def run(self, rounds: int, loaded: asyncio.Event) -> None:
        """Go through both decks, side by side, with pauses that are drawn: at least so many times, and until
        the load is over. No rounds, no faults."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deal(PROCESS_DECK, rounds, loaded))
            group.create_task(self._deal(SERVER_DECK, rounds, loaded))

    async def keep(self) -> None:
        """Start again whatever ends without having been killed, until cancelled."""
        cluster = self._target.cluster
        while True:
            for name in cluster.layout.names:
                if name not in self._in_hand and cluster.process(name).exit_code is not None:
                    self.counts[Fault.ENDED_ITSELF] += 1
                    code = cluster.process(name).exit_code
                    self._target.say(f"{name} ended by itself with exit code {code}")
                    await self._hold(name, self._revive)
            await asyncio.sleep(_POLL_SECONDS)

    async def _deal(self, deck: tuple[Fault, ...], rounds: int, loaded: asyncio.Event) -> None:
        dealt = 0
        while dealt < rounds or (rounds and not loaded.is_set()):
            dealt += 1
            for fault in self._source.sample(deck, len(deck)):
                if dealt > rounds and loaded.is_set():
                    return
                await asyncio.sleep(self._source.uniform(*_BETWEEN_SECONDS))
                await self._do(fault)

    async def _do(self, fault: Fault) -> None:
        match fault:
            case Fault.KILL_ENGINE | Fault.KILL_ACTIONS | Fault.KILL_TRIGGERS:
                await self._to_one(fault, self._kill)
            case Fault.STOP_ENGINE:
                await self._to_one(fault, self._stop)
            case Fault.PAUSE_ENGINE:
                await self._to_one(fault, self._pause)
            case Fault.KILL_KAFKA:
                self._count(fault, "kafka")
                await self._target.servers.restart_kafka()
            case Fault.KILL_POSTGRES:
                self._count(fault, "postgres")
                await self._target.servers.restart_postgres()
            case _:
                await self._cut()

    async def _to_one(self, fault: Fault, do: Callable[[str], Awaitable[None]]) -> None:
        names = self._target.cluster.layout.named(_SERVICES[fault])
        free = [name for name in names if name not in self._in_hand]
        if free:
            name = self._source.choice(free)
            self._count(fault, name)
            await self._hold(name, do)

    async def _hold(self, name: str, do: Callable[[str], Awaitable[None]]) -> None:
        self._in_hand.add(name)
        try:
            await do(name)
        finally:
            self._in_hand.discard(name)

    async def _kill(self, name: str) -> None:
        await self._target.cluster.kill(name)
        await asyncio.sleep(self._source.uniform(*_DOWN_SECONDS))
        await self._revive(name)

    async def _stop(self, name: str) -> None:
        await self._target.cluster.process(name).stop()
        await self._revive(name)

    async def _pause(self, name: str) -> None:
        self._target.cluster.pause(name)
        await asyncio.sleep(self._source.uniform(*_PAUSED_SECONDS))
        self._target.cluster.resume(name)

    async def _cut(self) -> None:
        try:
            in_commit = await cut_connection(self._target.servers.postgres.url(), [STORE_NAME, LEDGER_NAME])
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return  # the server is being restarted beside us
        self._count(Fault.CUT_COMMIT if in_commit else Fault.CUT_IDLE, "postgres")

    async def _revive(self, name: str) -> None:
        """Start it until it stays: what it needs may be away at this moment."""
        for _ in range(_REVIVALS_MAX):
            try:
                await self._target.cluster.revive(name, seconds=_REVIVAL_SECONDS)
            except StackError as error:
                self._target.say(f"{name} did not start: {error}")
                await self._target.cluster.kill(name)
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return
        raise StackError(f"{name} did not start {_REVIVALS_MAX} times", [])

    def _count(self, fault: Fault, name: str) -> None:
        self.counts[fault] += 1
        self._target.say(f"{fault.value}: {name}")
