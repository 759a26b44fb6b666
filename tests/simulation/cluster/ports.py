"""The store and the log as one engine sees them, through a network; behind it there is one of each."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, cast

from tests.simulation.cluster.loop import Process
from tests.simulation.cluster.network import Network, served
from tidemill.clock import Clock
from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.log.port import Extent, LogRecord, Wake
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.port import Store
from tidemill.engine.store.rows import ShardCommit, ShardRow
from tidemill.storage import StorageRefusedError, StorageUnavailableError

# What the store refuses, once it stands in a history.
REFUSED = b"the store refuses this"


class Observer(Protocol):
    """Who looks at everything that is written."""

    def taken(self, process: Process, before: Sequence[ShardRow], after: Sequence[ShardRow]) -> None: ...

    def committing(self, process: Process, commits: Sequence[ShardCommit]) -> None: ...

    def committed(self, process: Process, commits: Sequence[ShardCommit], written: set[int]) -> None: ...

    def appended(
        self, process: Process, records: Sequence[tuple[int, bytes]], offsets: list[int]
    ) -> None: ...


class SharedStore(MemoryStore):
    """The one store; it tells an observer what it does, in the moment in which it is done."""

    def __init__(self, shards: int, clock: Clock) -> None:
        super().__init__(shards, clock)
        self.observer: Observer | None = None
        self.caller = Process("nobody")
        self.refuses = True

    def row(self, shard: int) -> ShardRow:
        """A shard as it stands."""
        return self._shards[shard]

    async def take(self, shards: Sequence[int], owner: str) -> list[ShardRow]:
        before = [self._shards[shard] for shard in sorted(shards)]
        rows = await super().take(shards, owner)
        if self.observer is not None:
            self.observer.taken(self.caller, before, rows)
        return rows

    async def commit(self, commits: Sequence[ShardCommit]) -> set[int]:
        if self.refuses and any(REFUSED in row.data for commit in commits for row in commit.histories):
            raise StorageRefusedError("commit", "the data holds what the store refuses")
        if self.observer is not None:
            self.observer.committing(self.caller, commits)
        written = await super().commit(commits)
        if self.observer is not None:
            self.observer.committed(self.caller, commits, written)
        return written


class StorePort:
    """The store at the other end of the network."""

    def __init__(
        self, store: SharedStore, network: Network, process: Process, asks: Callable[..., None]
    ) -> None:
        self._store = store
        self._asks = asks
        self._network = network
        self._process = process

    def __getattr__(self, name: str) -> Callable[..., object]:
        inner = getattr(self._store, name)

        def serve(arguments: tuple[object, ...], named: dict[str, object]) -> object:
            self._store.caller = self._process
            return served(inner(*arguments, **named))

        async def asked(*arguments: object, **named: object) -> object:
            if name == "commit":
                self._asks(cast("Sequence[ShardCommit]", arguments[0]))
            return await self._network.storage(self._process, name, partial(serve, arguments, named))

        setattr(self, name, asked)
        return asked


def store_port(store: SharedStore, network: Network, process: Process, asks: Callable[..., None]) -> Store:
    """The store as a process sees it; `asks` hears of each commit when it leaves."""
    return cast("Store", StorePort(store, network, process, asks))


class SharedLog(MemoryLog):
    """The one log; it tells who looks on, and every reader, what has come."""

    def __init__(self, shards: int) -> None:
        super().__init__(shards)
        self.observer: Observer | None = None
        self.readers: list[LogPort] = []

    def write(self, process: Process, records: Sequence[tuple[int, bytes]]) -> list[int]:
        """Append in one moment."""
        offsets: list[int] = served(self.append(records))
        if self.observer is not None:
            self.observer.appended(process, records, offsets)
        for reader in self.readers:
            reader.came({shard: self.end(shard) for shard, _ in records})
        return offsets

    def end(self, shard: int) -> int:
        """The offset that comes next."""
        return self._end(shard)

    def first(self, shard: int) -> int:
        """The first offset that is kept."""
        return self._first[shard]


class LogPort:
    """The log at the other end of the network; what is appended is seen a while after."""

    def __init__(self, log: SharedLog, shards: int, network: Network, process: Process) -> None:
        self._log = log
        self._network = network
        self._process = process
        self._seen = [log.end(shard) for shard in range(shards)]
        self._wakes: list[Wake] = []
        log.readers.append(self)

    def came(self, ends: Mapping[int, int]) -> None:
        """The log has grown up to these offsets."""
        if not self._process.alive:
            return
        lag_us = self._network.weather.lag_us()
        if lag_us:
            loop = self._network.loop
            loop.at(loop.now_us + lag_us, self._show, ends, context=self._network.outside)
        else:
            self._show(ends)

    def _show(self, ends: Mapping[int, int]) -> None:
        for shard, end in ends.items():
            self._seen[shard] = max(self._seen[shard], end)
        for wake in self._wakes:
            wake(ends)

    async def append(self, records: Sequence[tuple[int, bytes]]) -> list[int]:
        weather = self._network.weather
        if len(records) > 1 and weather.happens(min(weather.failing * 20, 0.5)):
            weather.count("half an append")
            await self._append(records[: int(weather.random.random() * len(records))])
            raise StorageUnavailableError("append", "the outcome is not known")
        return await self._append(records)

    async def _append(self, records: Sequence[tuple[int, bytes]]) -> list[int]:
        serve = partial(self._log.write, self._process, list(records))
        return await self._network.storage(self._process, "append", serve)

    async def read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        if self._seen[shard] <= offset <= self._log.end(shard):
            return []
        return await self._network.storage(self._process, "read", partial(self._read, shard, offset, limit))

    def _read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        # Outside of the log it is a gap; inside, what is not seen yet has not come.
        read: list[LogRecord] = served(self._log.read(shard, offset, limit))
        return [record for record in read if record.offset < self._seen[shard]]

    async def extents(self) -> Mapping[int, Extent]:
        return await self._network.storage(self._process, "extents", lambda: served(self._log.extents()))

    async def identity(self) -> str:
        return "simulated"

    async def trim(self, shard: int, before_offset: int) -> None:
        work = partial(self._trim, shard, before_offset)
        await self._network.storage(self._process, "trim", work)

    def _trim(self, shard: int, before_offset: int) -> None:
        served(self._log.trim(shard, before_offset))

    def on_append(self, wake: Wake) -> None:
        self._wakes.append(wake)

    def forget(self, shards: Collection[int]) -> None:
        """Reads need no preparation here."""

    async def report_applied(self, offsets: Mapping[int, int]) -> None:
        """Nobody watches."""

    async def close(self) -> None:
        """Nothing to let go of."""


def log_port(log: SharedLog, shards: int, network: Network, process: Process) -> Any:  # noqa: ANN401
    """The log as a process sees it."""
    return LogPort(log, shards, network, process)
