"""An engine that finds a snapshot goes on from it; one that cannot read it goes on from the history."""

import sqlite3
from pathlib import Path

from tests.contract.engine_bench import EngineBench, running_engine
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.engine.store.sqlite.store import SqliteStore
from tidemill.json import Json

CANCELLED, WAITING = 5, 3
LOOP: dict[str, Json] = {
    "count": {"for": {"each": "n", "in": "${ [range(50)] }"}, "do": [{"add": {"set": {"n": "${ $n }"}}}]}
}
PAUSE: dict[str, Json] = {"pause": {"wait": {"hours": 1}}}


async def looped(bench: EngineBench) -> str:
    """An execution that has gone through a loop and waits."""
    await bench.publish(LOOP, PAUSE)
    started = await bench.start()
    assert (await bench.get(started)).phase == WAITING
    return started.execution_id


def change(data: Path, sql: str) -> None:
    """Change the engine's file while it is closed."""
    connection = sqlite3.connect(data / "state.db")
    with connection:
        assert connection.execute(sql).rowcount == 1
    connection.close()


async def cancel(bench: EngineBench, execution_id: str) -> list[int]:
    """Cancel the execution; returns the numbers of all its events."""
    await bench.executions.Cancel(
        pb.CancelRequest(namespace="shop", execution_id=execution_id, reason="enough", request_id="r")
    )
    request = pb.ExecutionServiceGetRequest(namespace="shop", execution_id=execution_id)
    assert (await bench.executions.Get(request)).execution.phase == CANCELLED
    return [event.sequence for event in await bench.history(execution_id)]


async def test_an_engine_that_cannot_read_a_snapshot_goes_on_from_the_history(tmp_path: Path) -> None:
    async with running_engine(tmp_path, snapshot_events_min=20) as bench:
        execution_id = await looped(bench)
        events = len(await bench.history(execution_id))
    change(tmp_path, "UPDATE snapshot SET data = x'ff'")
    async with running_engine(tmp_path, snapshot_events_min=20) as bench:
        assert await cancel(bench, execution_id) == [*range(1, events + 2)]


async def test_history_before_a_snapshot_is_not_read(tmp_path: Path) -> None:
    async with running_engine(tmp_path, snapshot_events_min=20) as bench:
        execution_id = await looped(bench)
    store = SqliteStore(tmp_path / "state.db", 8)
    stored = (await store.load([execution_id]))[execution_id]
    await store.close()
    assert stored.snapshot is not None
    assert stored.history == []
    change(tmp_path, "UPDATE history SET data = x'ff'")
    async with running_engine(tmp_path) as bench:
        await bench.executions.Suspend(
            pb.SuspendRequest(namespace="shop", execution_id=execution_id, reason="look", request_id="r")
        )
        request = pb.ExecutionServiceGetRequest(namespace="shop", execution_id=execution_id)
        execution = (await bench.executions.Get(request)).execution
        assert (execution.reason, execution.sequence) == ("look", stored.snapshot.sequence + 1)


async def test_a_short_execution_gets_no_snapshot(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        execution_id = await looped(bench)
    store = SqliteStore(tmp_path / "state.db", 8)
    assert (await store.load([execution_id]))[execution_id].snapshot is None
    await store.close()
