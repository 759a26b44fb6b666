"""The guard of a program by itself: what it does when nobody else does anything."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.actions.programs import is_alive, left_in, marked
from tidemill.actions.adapters.processes import guard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs run on Linux alone")

GRACE_SECONDS = 60.0


@contextmanager
def guarded(
    folder: Path, command: str, **changes: object
) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """A guard with an order for a shell, and the socket on which it tells what happens."""
    ours, theirs = socket.socketpair()
    runs = folder / "runs"
    (runs / "work").mkdir(parents=True)
    order = {
        "argv": ["/bin/sh", "-c", command], "environment": {"MARK": f"mark-{folder}"}, "folder": str(runs),
        "work": str(runs / "work"), "limits": {}, "grace_seconds": GRACE_SECONDS, "farewell": [],
        "farewell_environment": {}, "no_new_privileges": True, **changes,
    }  # fmt: skip
    argv = [sys.executable, "-I", "-S", guard.__file__, str(theirs.fileno())]
    process = subprocess.Popen(
        argv, pass_fds=[theirs.fileno()], start_new_session=True, stdout=subprocess.DEVNULL
    )
    theirs.close()
    ours.settimeout(20)
    ours.sendall(json.dumps(order).encode() + b"\n")
    try:
        yield process, ours
    finally:
        ours.close()
        process.wait(20)


def told(control: socket.socket) -> dict[str, object]:
    """The next thing that the guard tells."""
    line = b""
    while not line.endswith(b"\n"):
        part = control.recv(1)
        assert part, "the guard has ended"
        line += part
    event: dict[str, object] = json.loads(line)
    return event


def begun(control: socket.socket) -> int:
    """The program's process id, once it runs."""
    forked = told(control)
    assert told(control) == {"event": "started"}
    pid = forked["pid"]
    assert isinstance(pid, int)
    return pid


def until(reached: Callable[[], bool]) -> None:
    """Processes have no event to wait for from here."""
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_guard_tells_of_the_beginning_and_of_the_end(tmp_path: Path) -> None:
    with guarded(tmp_path, "exit 3") as (process, control):
        begun(control)
        assert told(control) == {"event": "ended", "code": 3}
        assert process.wait(20) == 0
    assert left_in(tmp_path) == []


def test_when_the_service_is_gone_all_is_killed_without_a_grace(tmp_path: Path) -> None:
    command = "trap '' TERM; setsid sleep 300 & (sleep 300 &); touch ../ready; wait; sleep 300"
    with guarded(tmp_path, command) as (process, control):
        begun(control)
        until((tmp_path / "runs" / "ready").exists)
        began = time.monotonic()
        control.close()
        assert process.wait(20) == 0
        assert time.monotonic() - began < GRACE_SECONDS / 2
    assert marked(f"mark-{tmp_path}") == []
    assert left_in(tmp_path) == []


def test_when_the_service_goes_in_the_grace_that_is_over(tmp_path: Path) -> None:
    with guarded(tmp_path, "trap '' TERM; touch ../ready; sleep 300 & wait; sleep 300") as (process, control):
        until((tmp_path / "runs" / "ready").exists)
        control.sendall(guard.STOP)
        begun(control)
        assert process.poll() is None
        control.close()
        assert process.wait(20) == 0
    assert marked(f"mark-{tmp_path}") == []


def test_an_order_that_is_taken_back_is_not_begun(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    (tmp_path / "runs").mkdir()
    ours.sendall(json.dumps({"folder": str(tmp_path / "runs")}).encode() + b"\n" + guard.STOP)
    argv = [sys.executable, "-I", "-S", guard.__file__, str(theirs.fileno())]
    with ours, theirs:
        assert subprocess.run(argv, pass_fds=[theirs.fileno()], check=False, timeout=20).returncode == 1
    assert left_in(tmp_path) == []


def test_a_program_dies_with_its_guard_also_where_nobody_looks(tmp_path: Path) -> None:
    with guarded(tmp_path, "touch ../ready; exec sleep 300") as (process, control):
        program = begun(control)
        until((tmp_path / "runs" / "ready").exists)
        process.kill()
        until(lambda: not is_alive(program))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_for_the_whole_service_is_not_for_its_guards(tmp_path: Path, number: signal.Signals) -> None:
    with guarded(tmp_path, "until [ -e ../go ]; do sleep 0.02; done; echo done > ../../said") as (
        process,
        control,
    ):
        begun(control)
        os.kill(process.pid, number)
        (tmp_path / "runs" / "go").touch()
        assert told(control) == {"event": "ended", "code": 0}
    assert (tmp_path / "said").read_text() == "done\n"


@pytest.mark.parametrize(
    ("end", "farewell"), [("kill -9 $$", True), ("exit 1", False)], ids=["killed", "by itself"]
)
def test_a_farewell_is_for_what_did_not_end_by_itself(tmp_path: Path, end: str, farewell: bool) -> None:
    said = tmp_path / "said"
    argv = ["/bin/sh", "-c", f"echo $WHO > {said}"]
    given = {"farewell": argv, "farewell_environment": {"WHO": "guard"}}
    with guarded(tmp_path, end, **given) as (process, control):
        process.wait(20)
        begun(control)
    assert said.exists() == farewell
    assert not farewell or said.read_text() == "guard\n"
