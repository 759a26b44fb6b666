"""Commits of the Engine's store: batches a second on a fresh file, as the batch step writes them.

`python bench/engine_store.py [BATCHES]` prints one line a run. Each batch holds a step of each of 256 running
executions: a row of history, a timer armed and one gone. Run it on the disk that the Engine would use.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tidemill.engine.store.rows import ExecutionRow, HistoryRow, ShardCommit, TimerRow
from tidemill.engine.store.sqlite import SqliteStore

SHARDS = 8
EXECUTIONS = 100_000
STEPS_A_BATCH = 256
HISTORY = b"\x08\x01\x10" + bytes(range(256)) + b"x" * 64


def execution_id(number: int) -> str:
    """An id that is as spread out as real ones."""
    lane = (number * 2654435761) % 2**32
    return f"{lane:08x}-0190a000-0000-7000-8000-{number:012x}"


def batches(count: int) -> Iterator[list[ShardCommit]]:
    """Batches of steps, round after round through all executions."""
    step = 0
    for number in range(1, count + 1):
        commits = [ShardCommit(shard, 1, number, number, number) for shard in range(SHARDS)]
        for _ in range(STEPS_A_BATCH):
            turn, execution = divmod(step, EXECUTIONS)
            step += 1
            commit = commits[execution % SHARDS]
            key = execution_id(execution)
            commit.histories.append(HistoryRow(key, 2 * turn + 1, 2 * turn + 2, number, HISTORY))
            commit.timers_gone.append((key, f"t{turn - 1}"))
            commit.timers_armed.append(TimerRow(commit.shard, number, key, f"t{turn}"))
            if turn == 0:
                commit.executions.append(_row(key, commit.shard, number))
        yield commits


def _row(key: str, shard: int, number: int) -> ExecutionRow:
    return ExecutionRow(
        execution_id=key, namespace="shop", workflow="cart", version="1.0.0", subject="", shard=shard,
        phase=3, owes=False, started_at_us=number, closed_at_us=0, output=b"", error=b"", reason="",
        sequence=0, request_id="", input_digest=b"d" * 32,
    )  # fmt: skip


async def measure(count: int) -> float:
    """Batches a second."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "state.db", SHARDS)
        await store.take(range(SHARDS), "bench")
        made = list(batches(count))
        began = time.perf_counter()
        for commits in made:
            await store.commit(commits)
        seconds = time.perf_counter() - began
        await store.close()
    return count / seconds


def main() -> None:
    """Measure, and say so."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    rate = asyncio.run(measure(count))
    print(f"{rate:,.0f} commits/s of {STEPS_A_BATCH} steps: {rate * STEPS_A_BATCH:,.0f} steps/s")


if __name__ == "__main__":
    main()
