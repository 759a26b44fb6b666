"""One engine process: the real Assembly between faulty ports, with its loops and its streams to actions."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol, cast

from tests.simulation.cluster.clocks import SkewedClock
from tests.simulation.cluster.loop import Process, SeededLoop
from tidemill.backoff import Backoff
from tidemill.engine.core.tasks.registry import Kinds
from tidemill.engine.log.port import CommandLog
from tidemill.engine.runtime.assembly import Assembly, Loop
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.items import Item
from tidemill.engine.runtime.turns import ShardTurn
from tidemill.engine.settings import Settings
from tidemill.engine.store.port import Store
from tidemill.engine.store.rows import ShardCommit
from tidemill.storage import StorageUnavailableError

STEP_US: Final = 50
# Loops that only show or tell.
_LEFT_OUT = frozenset({"gauges", "log-report"})


class Stream(Protocol):
    """A connection to an Action service that is begun again whenever it is lost."""

    async def run(self) -> None: ...


@dataclass(slots=True)
class Batch:
    """What a batch step is at: its items, and those that the core, or a lane, has had a look at."""

    items: list[Item] = field(default_factory=list)
    decided: list[Item] = field(default_factory=list)


class Engine:
    """A process from its start to its end."""

    def __init__(self, name: str, loop: SeededLoop, *, skew_us: int, seed: int) -> None:
        self.name = name
        self.process = Process(name)
        self.clock = SkewedClock(loop, skew_us)
        self.is_open = False
        self.is_stopping = False
        self.batch = Batch()
        self._batches: dict[tuple[int, int, int], Batch] = {}
        self.after_batch: Callable[[Engine], None] = lambda _: None
        self.raised: Callable[[Engine, str, Exception], None] = lambda *_: None
        self._loop = loop
        self._random = Random(seed)
        self._keeping = 0
        self._wakes: list[asyncio.Event] = []

    def build(self, settings: Settings, store: Store, log: CommandLog, kinds: Kinds) -> None:
        """Put it together."""
        environment = Environment(settings=settings, clock=self.clock, source=self._random)
        self.assembly = Assembly(environment, store, log, owner=self.name, kinds=kinds)
        self._watch_batches()

    def _watch_batches(self) -> None:
        deciding: Any = self.assembly.batches._deciding
        decide, run, decide_lane = deciding.decide, deciding._run, deciding._lanes.decide

        async def watched(items: Sequence[Item]) -> list[ShardTurn]:
            self.batch = Batch(list(items))
            return cast("list[ShardTurn]", await decide(items))

        async def watched_run(*arguments: object, item: Item, **others: object) -> None:
            self.batch.decided.append(item)
            await run(*arguments, item=item, **others)

        async def watched_lane(item: Item, *others: object) -> None:
            self.batch.decided.append(item)
            await decide_lane(item, *others)

        deciding.decide, deciding._run, deciding._lanes.decide = watched, watched_run, watched_lane

    def batch_of(self, commit: ShardCommit) -> Batch:
        """The batch whose commit arrives at the store, when this engine may long be at another one."""
        return self._batches[commit.shard, commit.epoch, commit.commit_number]

    def asks(self, commits: Sequence[ShardCommit]) -> None:
        """A commit leaves for the store."""
        for commit in commits:
            self._batches[commit.shard, commit.epoch, commit.commit_number] = self.batch

    def start(self, streams: list[Stream]) -> None:
        """Let it run."""
        self._loop.start(self._run(streams), self.process, self.name)

    async def _run(self, streams: list[Stream]) -> None:
        try:
            await self.assembly.open()
        except StorageUnavailableError:
            self.process.alive = False
            return
        for loop in self.assembly.loops():
            if loop.name not in _LEFT_OUT:
                self._loop.start(self._keep(loop), self.process, loop.name)
                self._keeping += 1
        for stream in streams:
            self._loop.start(stream.run(), self.process, "stream")
        self.is_open = True

    async def _keep(self, loop: Loop) -> None:
        """What `run_loop` does, without tasks of its own for each wait."""
        wake = loop.wake or asyncio.Event()
        self._wakes.append(wake)
        backoff = Backoff(max_us=loop.backoff_us_max)
        failures = 0
        while not self.is_stopping:
            wake.clear()
            try:
                worked = await loop.step()
            except Exception as error:
                failures += 1
                self.raised(self, loop.name, error)
                await self._loop.pause_us(backoff.delay_us(failures, self._random))
                continue
            failures = 0
            if loop.name == "batches":
                self.after_batch(self)
            if worked:
                # A step takes a while, however busy a process is.
                await self._loop.pause_us(STEP_US)
            else:
                await self._loop.wait_us(wake, loop.idle_us() if callable(loop.idle_us) else loop.idle_us)
        self._keeping -= 1

    async def leave(self) -> None:
        """Stop as SIGTERM has it: take nothing more, end each step, hand the shards over."""
        assembly = self.assembly
        assembly.ingress.close()
        self.is_stopping = True
        while self._keeping:
            for wake in self._wakes:
                wake.set()
            await self._loop.pause_us(50_000)
        with suppress(StorageUnavailableError):
            await assembly.membership.leave()
        self.process.alive = False
