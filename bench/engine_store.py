"""Commits of the Engine's store, as the batch step writes them: batches a second on a fresh store.

`python bench/engine_store.py [--seconds S] [--shards N] [URL]` prints a line for each size of batch, for
SQLite and, where the URL of an empty database is given, for Postgres. A batch holds steps of executions of
eight steps: a row of history, a timer armed and one gone; the first and the last write the execution's row
too. Run it on the disk that the Engine would use.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from tidemill.engine.store.port import Store
from tidemill.engine.store.postgres.store import open_store
from tidemill.engine.store.postgres.tables import make_tables
from tidemill.engine.store.rows import ExecutionRow, HistoryRow, ShardCommit, TimerRow
from tidemill.engine.store.sqlite.store import SqliteStore
from tidemill.postgres import open_postgres

EXECUTIONS = 2_000  # at once
STEPS_AN_EXECUTION = 8
SIZES = (1, 64, 256)
SHARDS = 8
SECONDS = 5.0
HISTORY = b"\x08\x01\x10" + bytes(range(256)) + b"x" * 64


def execution_id(number: int) -> str:
    """An id that is as spread out as real ones."""
    lane = (number * 2654435761) % 2**32
    return f"{lane:08x}-0190a000-0000-7000-8000-{number:012x}"


def batches(size: int, shards: int, first_commit: int) -> Iterator[list[ShardCommit]]:
    """Batches of steps without end, generation after generation of executions."""
    step, number = 0, first_commit
    while True:
        number += 1
        commits: dict[int, ShardCommit] = {}
        for _ in range(size):
            turns, place = divmod(step, EXECUTIONS)
            generation, turn = divmod(turns, STEPS_AN_EXECUTION)
            step += 1
            shard = place % shards
            if shard not in commits:
                commits[shard] = ShardCommit(shard, 1, number, number, number)
            key = execution_id((size << 24) + generation * EXECUTIONS + place)
            commits[shard].histories.append(HistoryRow(key, 2 * turn + 1, 2 * turn + 2, number, HISTORY))
            commits[shard].timers_gone.append((key, f"t{turn - 1}"))
            commits[shard].timers_armed.append(TimerRow(shard, number, key, f"t{turn}"))
            if turn in (0, STEPS_AN_EXECUTION - 1):
                commits[shard].executions.append(_row(key, shard, number, turn))
        yield [*commits.values()]


def _row(key: str, shard: int, number: int, turn: int) -> ExecutionRow:
    return ExecutionRow(
        execution_id=key, namespace="shop", workflow="cart", version="1.0.0", subject="", shard=shard,
        phase=7 if turn else 3, owes=False, started_at_us=number, closed_at_us=turn and number, output=b"",
        error=b"", reason="", sequence=2 * turn + 2, request_id="", input_digest=b"d" * 32,
    )  # fmt: skip


async def measure(store: Store, size: int, shards: int, seconds: float) -> float:
    """Batches a second. What makes them is not counted."""
    last = max((await store.last_commits()).values())
    spent, count = 0.0, 0
    for commits in batches(size, shards, last):
        began = time.perf_counter()
        written = await store.commit(commits)
        spent += time.perf_counter() - began
        assert len(written) == len(commits)
        count += 1
        if spent >= seconds:
            break
    return count / spent


@asynccontextmanager
async def sqlite(shards: int) -> AsyncIterator[Store]:
    """A file that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "state.db", shards)
        yield store
        await store.close()


@asynccontextmanager
async def postgres(url: str, shards: int) -> AsyncIterator[Store]:
    """An empty database."""
    pool = await open_postgres(url, part="store")
    await make_tables(pool, shards)
    await pool.close()
    store = await open_store(url, shards)
    yield store
    await store.close()


async def report(url: str, shards: int, seconds: float) -> None:
    """Measure each store with each size, and say so."""
    stores = {"sqlite": sqlite(shards)} | ({"postgres": postgres(url, shards)} if url else {})
    for name, opened in stores.items():
        async with opened as store:
            await store.take(range(shards), "bench")
            for size in SIZES:
                rate = await measure(store, size, shards, seconds)
                print(f"{name:9} {rate:8,.0f} commits/s of {size:3} steps: {rate * size:8,.0f} steps/s")


def main() -> None:
    """Measure, and say so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="")
    parser.add_argument("--shards", type=int, default=SHARDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments = parser.parse_args()
    asyncio.run(report(arguments.url, arguments.shards, arguments.seconds))


if __name__ == "__main__":
    main()
