"""Programs of the real Action service: cancelled, out of time, stopped with it, and killed with it."""

import sys
from pathlib import Path

import orjson
import pytest

from tests.contract.actions_host import Host
from tests.contract.engine_side import call
from tests.unit.actions.programs import STUBBORN, left_in, marked
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.events.v1 import history_pb2

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs run on Linux alone")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "runs").mkdir()
    return Host(
        tmp_path,
        TIDEMILL_ACTIONS_PROCESSES="shell,script",
        TIDEMILL_ACTIONS_PROCESS_FOLDER=str(tmp_path / "runs"),
        TIDEMILL_ACTIONS_PROCESS_PYTHON=sys.executable,
        TIDEMILL_ACTIONS_PROCESS_KILL_GRACE_US="200000",
        TIDEMILL_ACTIONS_DRAIN_US_MAX="200000",
    )


def stubborn(mark: str, ready: Path, **changes: object) -> pb.ActionCall:
    """A family that will not go."""
    arguments = {"language": "python", "code": STUBBORN, "arguments": [str(ready)]}
    return call("k", "run.script", {**arguments, "environment": {"MARK": mark}, **changes})


async def test_a_cancellation_ends_the_program_and_its_family(host: Host, tmp_path: Path) -> None:
    mark, ready = f"mark-{tmp_path}", tmp_path / "ready"
    async with host.running() as (_, engine):
        await engine.send(stubborn(mark, ready))
        await host.until(ready.exists)
        await engine.send(cancel=[("k", 1)])
        # One for the call, and one for the cancellation.
        states = [result.state for result in await engine.results(2)]
        assert states == [history_pb2.ACTION_STATE_CANCELLED] * 2
        assert marked(mark) == []
        assert left_in(tmp_path / "runs") == []


async def test_the_time_of_the_task_is_that_of_the_program(host: Host, tmp_path: Path) -> None:
    mark, ready = f"mark-{tmp_path}", tmp_path / "ready"
    async with host.running() as (_, engine):
        one = stubborn(mark, ready)
        one.timeout_us = 2_000_000
        result = await engine.result(one)
        assert ready.exists()
        assert (result.state, result.error.status) == (history_pb2.ACTION_STATE_FAILED, 408)
        assert marked(mark) == []


@pytest.mark.parametrize("awaits", [True, False])
async def test_a_stop_of_the_service_ends_its_programs(host: Host, tmp_path: Path, awaits: bool) -> None:
    mark, ready = f"mark-{tmp_path}", tmp_path / "ready"
    async with host.running() as (process, engine):
        await engine.send(stubborn(mark, ready, **{"await": awaits}))
        await host.until(ready.exists)
        assert await process.stop() == 0
        assert marked(mark) == []
        assert left_in(tmp_path / "runs") == []


async def test_no_program_outlives_a_service_that_is_killed(host: Host, tmp_path: Path) -> None:
    mark, ready = f"mark-{tmp_path}", tmp_path / "ready"
    async with host.running() as (process, engine):
        await engine.send(stubborn(mark, ready))
        await host.until(ready.exists)
        assert len(marked(mark)) == 3
        await process.kill()
        await host.until(lambda: marked(mark) == [])
        await host.until(lambda: left_in(tmp_path / "runs") == [])


@pytest.mark.parametrize(
    ("effect_class", "state", "runs"),
    [
        ("once", history_pb2.ACTION_STATE_SUCCEEDED, ["k", "k"]),
        ("at_most_once", history_pb2.ACTION_STATE_UNKNOWN, ["k"]),
    ],
)
async def test_what_becomes_of_a_program_that_was_lost_is_the_operators_choice(
    host: Host, tmp_path: Path, effect_class: str, state: int, runs: list[str]
) -> None:
    host.settings["TIDEMILL_ACTIONS_PROCESS_EFFECT_CLASS"] = effect_class
    count, again = tmp_path / "count", tmp_path / "again"
    command = f"echo $TIDEMILL_IDEMPOTENCY_KEY >> {count}; [ -e {again} ] || sleep 300; echo done"
    one = call("k", "run.shell", {"command": command})
    async with host.running() as (process, engine):
        await engine.send(one)
        await host.until(lambda: count.exists() and count.read_text())
        await process.kill()
    again.touch()
    async with host.running() as (_, engine):
        one.delivery = 1
        result = await engine.result(one)
        assert result.state == state
        assert count.read_text().split() == runs


async def test_a_program_sees_nothing_of_the_services_environment(host: Host) -> None:
    async with host.running() as (_, engine):
        result = await engine.result(call("k", "run.shell", {"command": "env | sort"}))
    names = [line.partition("=")[0] for line in orjson.loads(result.output.data).splitlines()]
    # The last is the shell's own.
    assert names == ["LANG", "PATH", "PWD", "TIDEMILL_IDEMPOTENCY_KEY"]


async def test_a_kind_that_is_off_is_a_configuration_error_and_leaves_no_record(host: Host) -> None:
    one = call("k", "run.shell", {"command": "echo done"})
    host.settings["TIDEMILL_ACTIONS_PROCESSES"] = "script"
    async with host.running() as (process, engine):
        result = await engine.result(one)
        assert result.error.type.endswith("/errors/configuration")
        assert "TIDEMILL_ACTIONS_PROCESSES=shell turns it on" in result.error.detail
        assert await process.stop() == 0
    host.settings["TIDEMILL_ACTIONS_PROCESSES"] = "shell"
    async with host.running() as (_, engine):
        one.attempt = 2
        assert orjson.loads((await engine.result(one)).output.data) == "done\n"


async def test_only_so_many_run_at_once(host: Host, tmp_path: Path) -> None:
    host.settings["TIDEMILL_ACTIONS_PROCESSES_IN_FLIGHT_MAX"] = "2"
    # Each says how many have begun and not ended, itself included.
    command = f"touch {tmp_path}/on-$1; ls {tmp_path} | grep -c on-; sleep 0.2; rm {tmp_path}/on-$1"
    calls = [call(f"k{n}", "run.shell", {"command": command, "arguments": [n]}) for n in range(6)]
    async with host.running() as (_, engine):
        await engine.send(*calls)
        results = await engine.results(len(calls))
    at_once = [int(orjson.loads(result.output.data)) for result in results]
    assert max(at_once) <= 2


@pytest.mark.parametrize(
    ("variable", "value", "word"),
    [
        ("TIDEMILL_ACTIONS_PROCESSES", "shell,perl", "perl"),
        ("TIDEMILL_ACTIONS_PROCESS_SHELL", "/no/such/sh", "/no/such/sh"),
        ("TIDEMILL_ACTIONS_PROCESS_EFFECT_CLASS", "twice", "at_most_once"),
        ("TIDEMILL_ACTIONS_PROCESS_FOLDER", "/no/such/folder", "/no/such/folder"),
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
