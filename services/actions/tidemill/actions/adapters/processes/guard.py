"""Holds one program and all that it starts: `python -I -S guard.py FD`, a process of its own.

It reads one order from the socket FD, starts the program under its limits, and tells when it has begun and
how it ended. What the program leaves running ends with it; when the service is gone, everything is killed. It
imports nothing of Tidemill, so that it starts in milliseconds.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import Any, Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_SET_NO_NEW_PRIVS: Final = 38
# The byte that asks for a stop in good order; the end of the socket is one without.
STOP: Final = b"s"
_GO: Final = b"g"
_FAREWELL_SECONDS: Final = 20.0
_LINE_BYTES: Final = 65_536
_FREEZE_ROUNDS_MAX: Final = 50
# Whoever ends a whole group of processes means the service, which then tells its guards.
_IGNORED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# The kernel takes the program, not the service, when memory runs out.
_OOM_SCORE: Final = "1000"


class Guard:
    """The guard of one program; `order` is what the service asks for, see `order_of` in `jobs.py`."""

    def __init__(self, control: socket.socket, order: dict[str, Any]) -> None:
        self._control = control
        self._order = order
        self._leader = 0
        self._status: int | None = None
        self._wake, waker = socket.socketpair()
        self._wake.setblocking(False)
        waker.setblocking(False)
        signal.signal(signal.SIGCHLD, _heard)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._waker = waker
        self._stopped = False
        self._deadline: float | None = None

    def run(self) -> None:
        """Start the program, wait for its end or for a stop, and leave nothing behind."""
        failure = self._start()
        _point_to_nothing()
        if failure:
            _remove(self._order["folder"])
            self._tell(event="failed", **failure)
            return
        self._tell(event="started")
        self._watch()
        self._kill_all()
        assert self._status is not None
        code = os.waitstatus_to_exitcode(self._status)
        if self._stopped or code < 0:
            _run_farewell(self._order["farewell"], self._order["farewell_environment"])
        _remove(self._order["folder"])
        self._tell(event="ended", code=code)

    def _start(self) -> dict[str, Any]:
        """Start the program; what went wrong where it did not come to run."""
        reading, writing = os.pipe()
        waiting, going = os.pipe()
        self._leader = os.fork()
        if self._leader == 0:
            _become(self._order, waiting, writing)
        os.close(writing)
        os.close(waiting)
        # The service knows its group before it runs: the first thing that it does may be to kill its guard.
        self._tell(event="forked", pid=self._leader)
        with contextlib.suppress(BrokenPipeError):
            os.write(going, _GO)
        os.close(going)
        with os.fdopen(reading, "rb") as report:
            told = report.read()
        failure: dict[str, Any] = json.loads(told) if told else {}
        return failure

    def _watch(self) -> None:
        """Return when the program has ended, by itself or by a stop; others may be left."""
        poller = select.poll()
        for source in (self._control, self._wake):
            poller.register(source, select.POLLIN)
        while True:
            others = self._reap()
            if self._status is not None and (not self._stopped or not others):
                return
            if self._deadline is not None and time.monotonic() >= self._deadline:
                return
            for descriptor, _ in poller.poll(self._patience_ms()):
                if descriptor == self._wake.fileno():
                    self._wake.recv(_LINE_BYTES)
                else:
                    self._ask_to_end(gently=bool(self._control.recv(1)))
                    if not self._may_be_told_again:
                        poller.unregister(self._control)

    def _patience_ms(self) -> int | None:
        if self._deadline is None:
            return None
        return max(int((self._deadline - time.monotonic()) * 1_000) + 1, 0)

    @property
    def _may_be_told_again(self) -> bool:
        """Whether the service may still say something: it may end while the program has its grace."""
        return self._deadline is not None and self._deadline > time.monotonic()

    def _ask_to_end(self, *, gently: bool) -> None:
        if not gently:
            # Whoever comes after the service may start the program anew at any time: no grace.
            self._stopped, self._deadline = True, time.monotonic()
        elif not self._stopped:
            self._stopped = True
            self._deadline = time.monotonic() + float(self._order["grace_seconds"])
            _send(_descendants(), signal.SIGTERM)

    def _reap(self) -> bool:
        """Collect whoever has ended; whether anybody is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._leader:
                self._status = status

    def _kill_all(self) -> None:
        """Kill whatever is left: frozen first, so that nobody starts others meanwhile."""
        while self._reap():
            frozen: set[int] = set()
            for _ in range(_FREEZE_ROUNDS_MAX):
                found = set(_descendants()) - frozen
                if not found:
                    break
                _send(found, signal.SIGSTOP)
                frozen |= found
            _send(frozen, signal.SIGKILL)
            time.sleep(0.005)

    def _tell(self, **told: object) -> None:
        # The service may be gone.
        with contextlib.suppress(OSError):
            self._control.sendall(json.dumps(told).encode() + b"\n")


def _remove(folder: str) -> None:
    """Remove a folder; the program may have taken away its own right to that. `shutil` takes long to load."""
    _open_up(folder)
    for path, names, _ in os.walk(folder):
        for name in names:
            _open_up(os.path.join(path, name))
    for path, names, files in os.walk(folder, topdown=False):
        for name in (*files, *names):
            inner = os.path.join(path, name)
            with contextlib.suppress(OSError):
                (os.rmdir if name in names and not os.path.islink(inner) else os.unlink)(inner)
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def _open_up(folder: str) -> None:
    if not os.path.islink(folder):
        with contextlib.suppress(OSError):
            os.chmod(folder, 0o700)


def _heard(_number: int, _frame: object) -> None:
    """The wake-up socket tells; without a handler the signal would be thrown away."""


def _become(order: dict[str, Any], waiting: int, report: int) -> None:
    """In the child: wait to be let go, then be the program. Never returns; failures go to `report`."""
    try:
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        os.setsid()
        if os.read(waiting, 1) != _GO:
            os._exit(127)
        os.umask(0o077)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, *_IGNORED):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(order["work"])
        _set_oom_score()
        if order["no_new_privileges"]:
            _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        for name, value in order["limits"].items():
            _limit(getattr(resource, name), int(value))
        os.execve(order["argv"][0], order["argv"], order["environment"])
    except BaseException as error:
        cause = error.errno if isinstance(error, OSError) else None
        os.write(report, json.dumps({"detail": str(error)[:500], "errno": cause}).encode())
    finally:
        os._exit(127)


def _limit(kind: int, value: int) -> None:
    # A program that passes over the signal for its CPU time is killed a second later.
    ceiling = value + 1 if kind == resource.RLIMIT_CPU else value
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value, ceiling = min(value, hard), min(ceiling, hard)
    resource.setrlimit(kind, (value, ceiling))


def _set_oom_score() -> None:
    # A system may be without it, or not allow it.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(_OOM_SCORE)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _point_to_nothing() -> None:
    """The streams are the program's alone: who reads them hears of its end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


def _descendants() -> list[int]:
    """Every process below this one; orphans come back to it, so that nobody can step outside."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            children.setdefault(_parent_of(name), []).append(int(name))
    found = [*children.get(os.getpid(), [])]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def _parent_of(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The name, in brackets, may hold blanks and brackets itself.
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def _send(pids: "list[int] | set[int]", number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _run_farewell(argv: list[str], environment: dict[str, str]) -> None:
    """What takes away a program that runs elsewhere, such as a container; bounded in time."""
    if not argv:
        return
    try:
        pid = os.posix_spawn(argv[0], argv, environment)
    except OSError:
        return
    deadline = time.monotonic() + _FAREWELL_SECONDS
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.monotonic() >= deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return
        time.sleep(0.02)


def _read_order(control: socket.socket) -> tuple[dict[str, Any] | None, bool]:
    """The order, and whether it was taken back already; None when the service is gone."""
    data = bytearray()
    while b"\n" not in data:
        part = control.recv(_LINE_BYTES)
        if not part:
            return None, True
        data += part
    line, _, rest = data.partition(b"\n")
    order: dict[str, Any] = json.loads(line)
    return order, bool(rest)


def main() -> int:
    """Guard one program."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    order, is_off = _read_order(control)
    if order is None:
        return 1
    if is_off:
        _remove(order["folder"])
        return 1
    Guard(control, order).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
