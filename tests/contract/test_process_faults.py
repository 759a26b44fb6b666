"""Programs that misbehave: too long, too much, too many, and those that must not outlive their task."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.actions.programs import (
    LIMITS,
    STUBBORN,
    error,
    left_in,
    marked,
    output,
    processes,
    run,
)
from tidemill.actions.core.model import ActionState
from tidemill.actions.registry import NotDeliveredError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs run on Linux alone")


def stubborn(mark: str, ready: Path) -> dict[str, object]:
    return {"language": "python", "code": STUBBORN, "arguments": [str(ready)], "environment": {"MARK": mark}}


async def until(path: Path) -> None:
    """Processes have no event to wait for from here."""
    async with asyncio.timeout(20):
        while not path.exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.01)


async def until_gone(mark: str) -> None:
    """No process has the mark any more."""
    async with asyncio.timeout(20):
        while marked(mark):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def mark_of(folder: Path) -> str:
    """A word that no other test has: its folder."""
    return f"mark-{folder}"


async def ended(work: Awaitable[object]) -> float:
    """How many seconds the work took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await work
    return loop.time() - began


async def test_a_cancelled_program_takes_its_whole_family_along(tmp_path: Path) -> None:
    mark, ready = mark_of(tmp_path), tmp_path / "ready"
    folder = tmp_path / "runs"
    folder.mkdir()
    task = asyncio.ensure_future(run(processes(folder), "run.script", **stubborn(mark, ready)))
    await until(ready)
    assert len(marked(mark)) == 3
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert marked(mark) == []
    assert left_in(folder) == []


async def test_a_program_may_end_in_good_order_when_it_is_asked_to(tmp_path: Path) -> None:
    done, ready = tmp_path / "done", tmp_path / "ready"
    command = f"trap 'echo bye > {done}; exit' TERM; touch {ready}; while :; do sleep 0.02; done"
    task = asyncio.ensure_future(run(processes(tmp_path), "run.shell", command=command))
    await until(ready)
    task.cancel()
    assert await ended(asyncio.wait([task])) < 10
    assert done.read_text() == "bye\n"


async def test_what_a_program_leaves_running_ends_with_it(tmp_path: Path) -> None:
    mark = mark_of(tmp_path)
    command = "sleep 300 & setsid sleep 300 & (setsid sleep 300 &) ; echo done"
    outcome = await run(processes(tmp_path), "run.shell", command=command, environment={"MARK": mark})
    assert output(outcome) == "done\n"
    assert marked(mark) == []


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_a_program_that_talks_without_end_is_killed(tmp_path: Path, stream: str) -> None:
    mark = mark_of(tmp_path)
    command = "trap '' TERM; " + ("yes" if stream == "stdout" else "yes >&2")
    outcome = await run(processes(tmp_path), "run.shell", command=command, environment={"MARK": mark})
    assert error(outcome).type.endswith("/runtime")
    assert f"more on {stream} than process_output_bytes_max, 65536" in error(outcome).detail
    assert marked(mark) == []


async def test_output_up_to_the_limit_comes_whole(tmp_path: Path) -> None:
    command = "head -c 65536 /dev/zero | tr '\\0' x; head -c 65536 /dev/zero | tr '\\0' y >&2"
    given = output(await run(processes(tmp_path), "run.shell", command=command, **{"return": "all"}))
    assert given == {"code": 0, "stdout": "x" * 65_536, "stderr": "y" * 65_536}


async def test_memory_is_bounded(tmp_path: Path) -> None:
    made = processes(tmp_path, limits=replace(LIMITS, memory_bytes_max=268_435_456))
    code = "a = bytearray(10**6); print('small', flush=True); b = bytearray(10**9); print('large')"
    given = output(await run(made, "run.script", language="python", code=code, **{"return": "all"}))
    assert isinstance(given, dict)
    assert (given["code"], given["stdout"]) == (1, "small\n")
    assert "MemoryError" in given["stderr"]


async def test_cpu_time_is_bounded(tmp_path: Path) -> None:
    made = processes(tmp_path, limits=replace(LIMITS, cpu_us_max=1_000_000))
    problem = error(
        await run(made, "run.script", language="python", code="while True: pass", **{"return": "all"})
    )
    assert "more CPU time than process_cpu_us_max, 1 seconds" in problem.detail


async def test_open_files_are_bounded(tmp_path: Path) -> None:
    code = "files = [open('/dev/null') for _ in range(100)]"
    assert (
        "Too many open files"
        in error(await run(processes(tmp_path), "run.script", language="python", code=code)).detail
    )


async def test_files_are_bounded_and_no_core_is_dumped(tmp_path: Path) -> None:
    made = processes(tmp_path)
    wrote = "open('a', 'wb').write(bytes(2_000_000))"
    assert "File too large" in error(await run(made, "run.script", language="python", code=wrote)).detail
    limit = "ulimit -c; ulimit -H -c"
    assert output(await run(made, "run.shell", command=limit)) == "0\n0\n"


async def test_no_program_gains_privileges(tmp_path: Path) -> None:
    outcome = await run(processes(tmp_path), "run.shell", command="grep NoNewPrivs /proc/self/status")
    assert str(output(outcome)).split() == ["NoNewPrivs:", "1"]


async def test_a_program_whose_guard_is_killed_is_lost_and_gone(tmp_path: Path) -> None:
    mark = mark_of(tmp_path)
    folder = tmp_path / "runs"
    folder.mkdir()
    # Its parent is the guard.
    command = "sleep 300 & kill -9 $PPID; sleep 300"
    problem = error(await run(processes(folder), "run.shell", command=command, environment={"MARK": mark}))
    assert "its guard has ended" in problem.detail
    await until_gone(mark)
    assert left_in(folder) == []


async def test_a_lost_program_is_answered_for_also_while_others_hold_its_streams(tmp_path: Path) -> None:
    mark = mark_of(tmp_path)
    escape = "setsid sh -c 'touch ../ready; exec sleep 300' & until [ -e ../ready ]; do sleep 0.02; done"
    command = f"{escape}; kill -9 $PPID; sleep 300"
    outcome = await run(processes(tmp_path), "run.shell", command=command, environment={"MARK": mark})
    assert "its guard has ended" in error(outcome).detail
    # Nobody is left who could know of it: what a guard is for, and why only its own user may kill it.
    [orphan] = marked(mark)
    os.kill(orphan, signal.SIGKILL)


async def test_a_program_over_its_time_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    mark, ready = mark_of(tmp_path), tmp_path / "ready"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await run(processes(tmp_path), "run.script", **stubborn(mark, ready))
    assert ready.exists()
    assert marked(mark) == []


class TestDetached:
    """`await: false`: the task ends when the program has begun."""

    async def test_the_answer_comes_when_it_runs_and_not_when_it_ends(self, tmp_path: Path) -> None:
        made, gate, done = processes(tmp_path), tmp_path / "gate", tmp_path / "done"
        command = f"until [ -e {gate} ]; do sleep 0.02; done; touch {done}"
        outcome = await run(made, "run.shell", command=command, **{"await": False})
        assert (outcome.state, outcome.output) == (ActionState.SUCCEEDED, b"null")
        assert not done.exists()
        gate.touch()
        await until(done)
        await made.close()

    async def test_one_that_cannot_begin_is_an_error(self, tmp_path: Path) -> None:
        shell = tmp_path / "shell"
        shell.symlink_to("/bin/sh")
        made = processes(tmp_path, shell=str(shell))
        shell.unlink()
        outcome = await run(made, "run.shell", command="true", **{"await": False})
        assert error(outcome).type.endswith("/configuration")

    async def test_the_service_ends_those_that_run_and_takes_only_so_many(self, tmp_path: Path) -> None:
        made, mark = processes(tmp_path), mark_of(tmp_path)
        given = {"command": "trap '' TERM; sleep 300 & wait", "environment": {"MARK": mark}, "await": False}
        for _ in range(LIMITS.detached_max):
            await run(made, "run.shell", **given)
        with pytest.raises(NotDeliveredError, match="nobody waits for"):
            await run(made, "run.shell", **given)
        assert len(marked(mark)) >= LIMITS.detached_max
        await made.close()
        assert marked(mark) == []

    async def test_one_that_takes_too_long_is_killed(self, tmp_path: Path) -> None:
        made, mark = processes(tmp_path, limits=replace(LIMITS, timeout_us=300_000)), mark_of(tmp_path)
        given = {"command": "sleep 300", "environment": {"MARK": mark}, "await": False}
        await run(made, "run.shell", **given)
        await until_gone(mark)
        await made.close()

    async def test_one_that_talks_too_much_is_killed(self, tmp_path: Path) -> None:
        made, mark = processes(tmp_path), mark_of(tmp_path)
        await run(made, "run.shell", command="yes", environment={"MARK": mark}, **{"await": False})
        await until_gone(mark)
        await made.close()
