"""Loops of 200,000 rounds on a real Engine: bounded memory, a SIGKILL midway, a quick load, and the end."""

import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import pytest

from tests.claim_checks import in_memory
from tests.contract.engine_bench import EngineClients
from tests.contract.fake_actions import FakeActions, serve
from tests.e2e.engine_process import EngineProcess
from tests.waiting import eventually
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.execution_pb2 import EXECUTION_PHASE_COMPLETED, Execution
from tidemill.bench.processes import peak_rss_mb
from tidemill.engine.runtime.snapshots import load_states
from tidemill.engine.settings import Settings
from tidemill.engine.store.sqlite.store import SqliteStore
from tidemill.json import Json

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROUNDS: Final = 200_000
# All rounds together leave 600,000 and 800,000 events, of which none may be kept; an idle Engine holds 70 MB.
GROWTH_MB_MAX: Final = 80.0
LOAD_SECONDS_MAX: Final = 2.0
SECONDS_MAX: Final = 150.0


@dataclass(frozen=True)
class Loop:
    """A document that counts its rounds, and the input with which it makes all of them."""

    name: str
    tasks: tuple[dict[str, Json], ...]
    given: dict[str, Json]
    output: Json


LOOPS: Final = (
    Loop(
        "over-items",
        (
            {
                "count": {
                    "for": {"each": "item", "in": ".items"},
                    "do": [{"add": {"set": {"sum": "${ (.sum // 0) + $item }"}}}],
                }
            },
        ),
        {"items": [1] * ROUNDS},
        {"sum": ROUNDS},
    ),
    Loop(
        "by-then",
        (
            {"add": {"set": {"sum": "${ .sum + 1 }"}}},
            {
                "again": {
                    "switch": [
                        {"more": {"when": f".sum < {ROUNDS}", "then": "add"}},
                        {"done": {"then": "end"}},
                    ]
                }
            },
        ),
        {"sum": 0},
        {"sum": ROUNDS},
    ),
)


@pytest.fixture
async def actions() -> AsyncIterator[str]:
    server = await serve(FakeActions())
    yield server.address
    await server.stop(0)


async def until(clients: EngineClients, started: pb.StartResponse, sequence: int) -> Execution:
    """The execution, once its history has come so far, or it has closed."""
    seen = Execution()

    async def is_there() -> bool:
        seen.CopyFrom(await clients.get(started))
        return seen.sequence >= sequence or seen.HasField("closed_at")

    await eventually(is_there, seconds=SECONDS_MAX)
    return seen


async def load(data: Path, execution_id: str) -> tuple[float, int]:
    """Load an execution from the files of an Engine that is down: seconds, and the events folded."""
    store = SqliteStore(data / "state.db", Settings().shards)
    begun = time.perf_counter()
    loaded = (await load_states(store, in_memory(), [execution_id]))[execution_id]
    seconds = time.perf_counter() - begun
    await store.close()
    return seconds, loaded.growth.events


@pytest.mark.timeout(240)
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.name)
async def test_a_loop_of_200_000_rounds_survives_a_kill_in_bounded_memory(
    loop: Loop, tmp_path: Path, actions: str
) -> None:
    engine = EngineProcess(tmp_path, actions)
    await engine.start()
    clients = EngineClients(engine.address)
    try:
        await clients.publish(*loop.tasks)
        idle_mb = peak_rss_mb({"engine": engine.pid})["engine"]
        started = await clients.start(loop.given)
        killed_at = (await until(clients, started, 2 * ROUNDS)).sequence
        peak_mb = peak_rss_mb({"engine": engine.pid})["engine"]
        await engine.kill()
        load_seconds, folded = await load(tmp_path, started.execution_id)
        await engine.start()
        await clients.channel.channel_ready()
        closed = await until(clients, started, 10 * ROUNDS)
        peak_mb = max(peak_mb, peak_rss_mb({"engine": engine.pid})["engine"])
    finally:
        await clients.close()
        with suppress(ProcessLookupError):
            await engine.kill()
    assert closed.phase == EXECUTION_PHASE_COMPLETED, closed.error.detail
    assert orjson.loads(closed.output.data) == loop.output
    assert 2 * ROUNDS <= killed_at < closed.sequence
    assert peak_mb - idle_mb <= GROWTH_MB_MAX
    assert load_seconds <= LOAD_SECONDS_MAX
    assert folded < killed_at // 4
