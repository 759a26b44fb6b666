"""The real process: killed between a claim and its record, stopped in good order, refused a bad directory."""

import asyncio
from pathlib import Path

import pytest

from tests.contract.actions_host import READY, Host
from tests.contract.engine_side import call
from tidemill.actions.ledger.sqlite import FILE_NAME
from tidemill.api.events.v1 import history_pb2

SUCCEEDED = history_pb2.ACTION_STATE_SUCCEEDED


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


async def test_a_process_killed_between_claim_and_record(host: Host) -> None:
    host.hang.touch()
    calls = [
        call("once", "test.once:1.0.0", str(host.hang)),
        call("risky", "test.at_most_once:1.0.0", str(host.hang)),
    ]
    async with host.running() as (process, engine):
        assert (await engine.result(call("done", "test.once:1.0.0"))).state == SUCCEEDED
        await engine.send(*calls)
        await host.until(lambda: host.counted().total() == 3)
        await process.kill()
    host.hang.unlink()
    async with host.running() as (_, engine):
        done = await engine.result(call("done", "test.once:1.0.0", delivery=1))
        assert (done.state, done.from_record) == (SUCCEEDED, True)
        await engine.send(*calls)
        results = {result.key: result for result in await engine.results(2)}
        # Class once: run again under the same key, by which the outside tells that it is the same effect.
        assert results["once"].state == SUCCEEDED
        assert results["risky"].state == history_pb2.ACTION_STATE_UNKNOWN
    assert host.counted() == {"done": 1, "once": 2, "risky": 1}


async def test_a_kill_at_random_moments_loses_no_acknowledged_outcome_and_repeats_no_recorded_effect(
    host: Host,
) -> None:
    acknowledged: set[str] = set()
    for round_ in range(3):
        async with host.running() as (process, engine):
            await engine.send(*(call(f"r{round_}-{number}", "test.once:1.0.0") for number in range(500)))
            for result in await engine.results(100 * round_ + 1):
                assert result.state == SUCCEEDED
                acknowledged.add(result.key)
            await process.kill()
    before = host.counted()
    async with host.running() as (_, engine):
        await engine.send(*(call(key, "test.once:1.0.0", delivery=1) for key in acknowledged))
        results = await engine.results(len(acknowledged))
        assert all(result.from_record and result.state == SUCCEEDED for result in results)
    assert host.counted() == before


async def test_a_stop_finishes_what_has_begun(host: Host) -> None:
    host.hang.touch()
    async with host.running() as (process, engine):
        await engine.send(call("slow", "test.once:1.0.0", str(host.hang)))
        await host.until(lambda: host.counted()["slow"] == 1)
        stopping = asyncio.create_task(process.stop())
        await host.until(lambda: '"event":"stopping"' in host.log.read_text())
        host.hang.unlink()
        [result] = await engine.results(1)
        assert (result.key, result.state) == ("slow", SUCCEEDED)
        assert await stopping == 0


async def test_a_second_process_on_the_directory_is_refused_in_one_line(host: Host) -> None:
    async with host.running():
        first_log = host.log.read_text()
        second = await host.start()
        assert await second.wait() == 1
        [line] = host.log.read_text().splitlines()
        assert line.startswith("error: the data directory")
        assert READY in first_log


async def test_a_damaged_ledger_is_refused_in_one_line(host: Host) -> None:
    host.data.mkdir()
    (host.data / FILE_NAME).write_bytes(b"no database at all" * 500)
    process = await host.start()
    assert await process.wait() == 1
    [line] = host.log.read_text().splitlines()
    assert line.startswith("error: the effect ledger")
    assert FILE_NAME in line


@pytest.mark.parametrize(
    ("variable", "value", "word"),
    [
        ("TIDEMILL_ACTIONS_MODULES", "no_such_module", "no_such_module"),
        ("TIDEMILL_ACTIONS_HTTP_HOSTS", "example.com", "HTTP_HOSTS"),
        ("TIDEMILL_ACTIONS_THREADS_MAX", "many", "THREADS_MAX"),
    ],
)
async def test_a_wrong_setting_is_refused_in_one_line(
    host: Host, variable: str, value: str, word: str
) -> None:
    process = await host.start(**{variable: value})
    assert await process.wait() == 1
    [line] = host.log.read_text().splitlines()
    assert line.startswith("error: ")
    assert word in line
