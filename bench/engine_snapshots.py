"""How long it takes to load an execution: out of its whole history, and out of a snapshot.

`python bench/engine_snapshots.py [ROUNDS]` runs a loop of so many rounds (200,000) in the core, stores what
it leaves as the batch step would, and loads it both ways.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tidemill.engine.core.commands import Command, FireTimer, Start
from tidemill.engine.core.decide import decide
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.plan import compile_plan
from tidemill.engine.core.state import ExecutionState, Phase
from tidemill.engine.records import Cause, encode_batch
from tidemill.engine.runtime.snapshots import Growth, Loaded, load_states
from tidemill.engine.store.rows import HistoryRow, ShardCommit, SnapshotRow
from tidemill.engine.store.sqlite.store import SqliteStore
from tidemill.json import Json

EXECUTION_ID = "00000000-0190a000-0000-7000-8000-000000000001"
SNAPSHOT_EVENTS_MIN = 1_000
START_US = 1_700_000_000_000_000


def document() -> dict[str, Json]:
    """A loop, and a wait after it."""
    loop: Json = {"for": {"each": "n", "in": "${ .items }"}, "do": [{"add": {"set": {"n": "${ $n }"}}}]}
    header: Json = {"dsl": "1.0.3", "namespace": "shop", "name": "count", "version": "1.0.0"}
    return {"document": header, "do": [{"count": loop}, {"pause": {"wait": {"days": 1}}}]}


def run(rounds: int) -> tuple[ExecutionState, list[HistoryRow], list[SnapshotRow]]:
    """The state that waits after the loop, the rows of its history, and its snapshots."""
    plan = compile_plan(document())
    payload = Payload.of({"items": [number % 10 for number in range(rounds)]})
    command: Command = Start(
        execution_id=EXECUTION_ID, namespace="shop", workflow="count", version="1.0.0", input=payload,
        input_digest=b"",
    )  # fmt: skip
    state: ExecutionState | None = None
    rows: list[HistoryRow] = []
    snapshots: list[SnapshotRow] = []
    growth = Growth()
    while True:
        decision = decide(plan, state, command, now_us=START_US, seed=1)
        state = decision.state
        assert state is not None
        data = encode_batch(decision.events, [Cause(len(decision.events), None)], START_US)
        first = state.sequence - len(decision.events) + 1
        rows.append(HistoryRow(EXECUTION_ID, first, state.sequence, len(rows) + 1, data))
        growth.add(len(decision.events), len(data))
        if (snapshot := growth.take(state, SNAPSHOT_EVENTS_MIN)) is not None:
            snapshots.append(snapshot)
        if not state.yielded:
            assert state.phase is Phase.WAITING, state.error
            return state, rows, snapshots
        command = FireTimer(next(iter(state.timers)))


async def measure(rounds: int) -> None:
    """Run, store, load; print how it went."""
    began = time.perf_counter()
    state, rows, snapshots = run(rounds)
    print(f"{rounds:,} rounds, {state.sequence:,} events: decided in {time.perf_counter() - began:.2f} s")
    history_bytes = sum(len(row.data) for row in rows)
    print(f"history {history_bytes:,} bytes in {len(rows)} rows")
    print(f"{len(snapshots)} snapshots of {sum(len(row.data) for row in snapshots):,} bytes")
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "state.db", 1)
        await store.take([0], "bench")
        await store.commit([ShardCommit(0, 1, 1, 1, 1, histories=rows)])
        folded = await load(store, "whole history")
        await store.commit([ShardCommit(0, 1, 2, 2, 2, snapshots=snapshots[-1:])])
        restored = await load(store, "snapshot and what came after")
        await store.close()
    assert isinstance(folded.state, ExecutionState)
    assert isinstance(restored.state, ExecutionState)
    assert folded.state.sequence == restored.state.sequence == state.sequence


async def load(store: SqliteStore, name: str) -> Loaded:
    """Load the execution, and say how long it took."""
    began = time.perf_counter()
    loaded = (await load_states(store, [EXECUTION_ID]))[EXECUTION_ID]
    print(f"loaded from the {name} in {(time.perf_counter() - began) * 1000:.1f} ms")
    return loaded


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000))
