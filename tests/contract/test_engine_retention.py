"""An engine whose executions have lost their histories, and then their rows: what is known of them still."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from tests.contract.engine_bench import EngineBench, reason_of, running_engine
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.clock import SystemClock
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.retention import Retention
from tidemill.engine.settings import Settings

COMPLETED, FAULTED = 7, 6
HOUR_US = 3_600_000_000


class Later(SystemClock):
    """An hour and a bit ahead."""

    def now_us(self) -> int:
        return super().now_us() + HOUR_US + 60_000_000


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[EngineBench]:
    async with running_engine(tmp_path) as bench:
        yield bench


async def forget(bench: EngineBench, **terms: int) -> None:
    """Have an hour pass, after which only this is kept."""
    environment = Environment(settings=Settings(**terms), clock=Later())  # type: ignore[arg-type]
    await Retention(bench.engine._storage.store, environment).run_once()


async def test_a_repeated_start_finds_an_execution_without_history(bench: EngineBench) -> None:
    await bench.publish({"step": {"set": {"done": True}}})
    first = await bench.start(request_id="once")
    await bench.closed(first)
    await forget(bench, history_retention_us=HOUR_US)
    again = await bench.start(request_id="once")
    assert (again.execution_id, again.created) == (first.execution_id, False)
    found = await bench.get(first)
    assert found.phase == COMPLETED
    assert await bench.history(first.execution_id) == []
    assert (await bench.closed(again)).phase == COMPLETED


async def test_a_faulted_execution_without_history_is_not_taken_up(bench: EngineBench) -> None:
    await bench.publish({"step": {"raise": {"error": {"type": "https://a.test/b", "status": 400}}}})
    first = await bench.start()
    await bench.closed(first)
    await forget(bench, history_retention_us=HOUR_US)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await bench.executions.Retry(pb.RetryRequest(namespace="shop", execution_id=first.execution_id))
    assert reason_of(raised.value) == "EXECUTION_NOT_FOUND"
    assert (await bench.get(first)).phase == FAULTED


async def test_an_execution_without_row_never_was(bench: EngineBench) -> None:
    await bench.publish({"step": {"set": {"done": True}}})
    first = await bench.start(request_id="once")
    await bench.closed(first)
    await forget(bench, history_retention_us=HOUR_US, execution_retention_us=HOUR_US)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await bench.get(first)
    assert reason_of(raised.value) == "EXECUTION_NOT_FOUND"
    again = await bench.start(request_id="once")
    assert (again.execution_id, again.created) == (first.execution_id, True)
    assert (await bench.closed(again)).phase == COMPLETED
