"""A store in memory with whole executions in it, and a reader over it."""

from collections.abc import Collection, Mapping
from itertools import count
from types import SimpleNamespace

from tests.unit.core.driver import EXECUTION_ID, START_US, Driver, set_task
from tidemill.engine.lifecycle.reading import LifecycleReader, Wanted
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.rows import ExecutionRow, HistoryRow, ShardCommit
from tidemill.telemetry.metrics import Metrics

SHARDS = 3
PAGE_ROWS = 2
OWNED = SimpleNamespace(owned={0: None, 1: None})


class NoListens:
    """A catalogue of definitions that listen to nothing."""

    def of(self, definition: tuple[str, str, str]) -> Collection[str]:
        return ()


class LifecycleStore(MemoryStore):
    """Adds commits to its shards."""

    everything = Wanted()

    def __init__(self) -> None:
        super().__init__(SHARDS)
        self._numbers = count(1)
        self._commits: Mapping[int, count[int]] = {shard: count(1) for shard in range(SHARDS)}

    async def run_execution(self, shard: int, *, subject: str = "", kind: int = 0) -> str:
        """Commit the whole history of an execution of one task: four facts, five lifecycle events."""
        driver = Driver(set_task("greet", {"x": 1})).start(subject=subject)
        (data,) = driver.rows
        return await self.commit_row(shard, 1, data, kind=kind, subject=subject)

    async def commit_row(
        self, shard: int, sequence: int, data: bytes, *, kind: int = 0, subject: str = ""
    ) -> str:
        """Commit one row of a new execution."""
        execution_id = f"{next(self._numbers):08x}{EXECUTION_ID[8:]}"
        row = ExecutionRow(
            execution_id, "shop", "orders", "1.2.3", subject, shard, 7, False, START_US, 0, b"", b"", "", 0,
            "", b"", kind=kind,
        )  # fmt: skip
        number = next(self._commits[shard])
        commit = ShardCommit(shard, 0, 0, START_US, number, executions=[row])
        commit.histories.append(HistoryRow(execution_id, sequence, sequence + 3, number, data))
        assert await self.commit([commit]) == {shard}
        return execution_id

    async def commit_nothing(self, shard: int) -> None:
        """A commit that adds to no history."""
        await self.commit([ShardCommit(shard, 0, 0, START_US, next(self._commits[shard]))])


def reader_of(store: LifecycleStore, metrics: Metrics) -> LifecycleReader:
    """A reader of small pages."""
    return LifecycleReader(store, NoListens(), metrics, page_rows=PAGE_ROWS)
