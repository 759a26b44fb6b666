"""Two real Action services on one ledger in Postgres: one is killed, paused or stopped, the other goes on."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from tests.contract.actions_host import READY, Host
from tests.contract.engine_side import EngineSide, call
from tests.contract.postgres_ledger import joined_ledger
from tidemill.actions.ledger.postgres import migrate_ledger
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.events.v1 import history_pb2
from tidemill.stack.process import ServiceProcess

SUCCEEDED = history_pb2.ACTION_STATE_SUCCEEDED
CANCELLED = history_pb2.ACTION_STATE_CANCELLED
UNKNOWN = history_pb2.ACTION_STATE_UNKNOWN
# The lease of 3 s, the longest wait between two questions, and a machine that is busy.
TAKEOVER_SECONDS = 8.0
Running = tuple[Host, ServiceProcess, EngineSide]


class Pair:
    """Two replicas; both note their effects in one file and hang on another."""

    def __init__(self, folder: Path, url: str) -> None:
        self.hosts = [Host(_made(folder / name), TIDEMILL_ACTIONS_LEDGER_URL=url) for name in ("a", "b")]
        for host in self.hosts:
            host.effects, host.hang = folder / "effects", folder / "hang"
        self.hosts[0].effects.touch()
        self.hang = folder / "hang"
        self.counted = self.hosts[0].counted
        self.until = self.hosts[0].until

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[Running, Running]]:
        first, second = self.hosts
        async with first.running() as (one, engine_one), second.running() as (other, engine_other):
            yield (first, one, engine_one), (second, other, engine_other)

    def hanging(self, key: str, action: str, **changes: object) -> pb.ActionCall:
        """A call that hangs while the file is there."""
        return call(key, f"test.{action}:1.0.0", str(self.hang), **changes)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.fixture
async def pair(tmp_path: Path, postgres_url: str) -> Pair:
    await migrate_ledger(postgres_url)
    return Pair(tmp_path, postgres_url)


async def test_what_a_killed_replica_had_is_answered_by_the_other_soon(pair: Pair) -> None:
    pair.hang.touch()
    async with pair.running() as ((_, process, engine), (_, _, other)):
        done = await engine.result(call("done", "test.once:1.0.0"))
        await engine.send(pair.hanging("once", "once"), pair.hanging("risky", "at_most_once"))
        await pair.until(lambda: pair.counted().total() == 3)
        await process.kill()
        pair.hang.unlink()
        killed = time.monotonic()
        await other.send(
            call("done", "test.once:1.0.0", delivery=1),
            pair.hanging("once", "once", delivery=1),
            pair.hanging("risky", "at_most_once", delivery=1),
        )
        results = {result.key: result for result in await other.results(3)}
        assert time.monotonic() - killed < TAKEOVER_SECONDS
    assert (results["done"].output, results["done"].from_record) == (done.output, True)
    assert (results["once"].state, results["risky"].state) == (SUCCEEDED, UNKNOWN)
    assert pair.counted() == {"done": 1, "once": 2, "risky": 1}


async def test_a_call_that_one_replica_runs_is_joined_by_the_other(pair: Pair) -> None:
    pair.hang.touch()
    async with pair.running() as ((_, process, engine), (_, _, other)):
        await engine.send(pair.hanging("k", "whose"))
        await pair.until(lambda: pair.counted()["k"] == 1)
        await other.send(pair.hanging("k", "whose", delivery=1))
        await other.send(call("quick"))
        assert [result.key for result in await other.results(1)] == ["quick"]
        pair.hang.unlink()
        [result], [joined] = await engine.results(1), await other.results(1)
        assert orjson.loads(result.output.data) == orjson.loads(joined.output.data) == process.pid
    assert pair.counted()["k"] == 1


async def test_a_call_is_cancelled_by_asking_both_though_one_of_them_runs_it(pair: Pair) -> None:
    pair.hang.touch()
    async with pair.running() as ((_, _, engine), (_, _, other)):
        await engine.send(pair.hanging("k", "once"))
        await pair.until(lambda: pair.counted()["k"] == 1)
        await other.send(cancel=[("k", 1)])
        await other.send(call("quick"))
        assert [result.key for result in await other.results(1)] == ["quick"], "it waits for who runs it"
        await engine.send(cancel=[("k", 1)])
        assert {result.state for result in await engine.results(2)} == {CANCELLED}
        assert [result.state for result in await other.results(1)] == [CANCELLED]


async def test_a_replica_that_was_paused_past_its_lease_comes_late_and_goes_on_under_a_new_one(
    pair: Pair,
) -> None:
    pair.hang.touch()
    async with pair.running() as ((paused, process, engine), (_, going, other)):
        await engine.send(pair.hanging("k", "whose"))
        await pair.until(lambda: pair.counted()["k"] == 1)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            pair.hang.unlink()
            taken_over = await other.result(pair.hanging("k", "whose", delivery=1))
        finally:
            os.kill(process.pid, signal.SIGCONT)
        [late] = await engine.results(1)
        assert orjson.loads(taken_over.output.data) == orjson.loads(late.output.data) == going.pid
        await pair.until(lambda: "an outcome came late" in paused.log.read_text())
        # A claim that comes before it has noticed is refused, and delivered again by the engine.
        async with asyncio.timeout(20):
            while (result := await engine.result(call("next", "test.whose:1.0.0"))).delivery_failure:
                assert result.delivery_failure == pb.DELIVERY_FAILURE_UNAVAILABLE
        assert orjson.loads(result.output.data) == process.pid
        await pair.until(lambda: "the lease of this replica has run out" in paused.log.read_text())
    assert pair.counted() == {"k": 2, "next": 1}


async def test_a_stop_finishes_what_has_begun_and_then_ends_the_lease(pair: Pair, postgres_url: str) -> None:
    pair.hang.touch()

    async def living() -> int:
        async with joined_ledger(postgres_url) as ledger:
            count = await ledger.postgres.run(
                lambda connection: connection.fetchval("SELECT count(*) FROM replica WHERE name <> 'test'")
            )
            await ledger.replicas.leave(ledger.holder)
        return int(count)

    async with pair.running() as ((host, process, engine), (_, _, other)):
        assert await living() == 2
        await engine.send(pair.hanging("k", "once"))
        await pair.until(lambda: pair.counted()["k"] == 1)
        stopping = asyncio.create_task(process.stop())
        await host.until(lambda: '"event":"stopping"' in host.log.read_text())
        assert await living() == 2
        pair.hang.unlink()
        assert [result.state for result in await engine.results(1)] == [SUCCEEDED]
        assert await stopping == 0
        assert await living() == 1
        assert (await other.result(pair.hanging("k", "once", delivery=1))).from_record


async def test_tables_are_made_on_purpose_only(tmp_path: Path, postgres_url: str) -> None:
    host = Host(tmp_path, TIDEMILL_ACTIONS_LEDGER_URL=postgres_url)
    process = await host.start()
    assert await process.wait() == 1
    [line] = host.log.read_text().splitlines()
    assert line.startswith("error: ")
    assert 'run "tidemill migrate"' in line
    environment = {**os.environ, "TIDEMILL_ACTIONS_LEDGER_URL": postgres_url}
    migrating = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tidemill.actions.migrate", env=environment
    )
    assert await migrating.wait() == 0
    async with host.running():
        assert READY in host.log.read_text()


async def test_a_server_that_is_away_is_told_in_one_line_without_its_password(tmp_path: Path) -> None:
    host = Host(tmp_path, TIDEMILL_ACTIONS_LEDGER_URL="postgresql://tidemill:secret@127.0.0.1:1/tidemill")
    process = await host.start()
    assert await process.wait() == 1
    [line] = host.log.read_text().splitlines()
    assert "effect ledger" in line
    assert "secret" not in line
