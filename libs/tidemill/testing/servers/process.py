"""One server as a child process: started until it answers, stopped, killed, suspended."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidemill.stack.ports import is_free
from tidemill.testing.servers.family import family, state_of

LAUNCH: Final = Path(__file__).with_name("launch.py")
POLL_SECONDS: Final = 0.02
SIGNAL_POLL_SECONDS: Final = 0.002
KILL_SECONDS_MAX: Final = 10.0
# States of a process, as `ps` names them: stopped or ended; ended, with or without a trace.
_ENDED: Final = ("", "Z", "X")
_STILL: Final = ("T", "t", *_ENDED)
_LOG_TAIL_BYTES: Final = 4_000
# A child is told of the end of the thread that started it, and that thread must not be one of a test.
_LAUNCHER: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="servers")


class ServerMissingError(Exception):
    """What a test server needs is not on this machine; the message says what and where it comes from."""


class ServerFailedError(Exception):
    """A test server ended, or did not answer in time; the message ends with its last lines."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a server runs as."""

    user: int
    group: int


def launched(command: Sequence[str], *, account: Account | None, orphan_signal: signal.Signals) -> list[str]:
    """The command as a child of ours that runs as another user and ends with us.

    Not by `subprocess`'s own `user`: with it the child is made by fork, which runs gRPC's handlers in it.
    """
    who = ["-", "-"] if account is None else [str(account.user), str(account.group)]
    launch = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(orphan_signal)), *who]
    return [*launch, *command]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to start, where it listens, and how to end it. Without an `environment` it gets ours."""

    name: str
    command: Sequence[str]
    log: Path
    cwd: Path
    stop_signal: signal.Signals
    orphan_signal: signal.Signals
    host: str
    port: int
    account: Account | None = None
    environment: Mapping[str, str] | None = None


class ServerProcess:
    """A server that runs, or has run, with its child processes."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs, or before it was started; negative is the signal that killed it."""
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        """The process id of the server; raises ServerFailedError when it was never started."""
        if self._process is None:
            raise ServerFailedError(f"{self._program.name} was not started")
        return self._process.pid

    def start(self, answers: Callable[[], bool], *, seconds: float) -> None:
        """Start it and return when it answers; raises ServerFailedError, and then nothing is left."""
        if self.running:
            return
        if not is_free(self._program.port, host=self._program.host):
            # Somebody else would answer in its place.
            raise ServerFailedError(f"{self._program.name} cannot listen: port {self._program.port} is taken")
        self._process = _LAUNCHER.submit(self._launch).result()
        try:
            self._until(answers, seconds)
        except BaseException:
            self.kill()
            raise

    def stop(self, *, grace_seconds: float) -> None:
        """Ask it to stop; kill it when it has not within the grace."""
        if self._process is None:
            return
        if self.running:
            self.resume()
            self._process.send_signal(self._program.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_seconds)
        self.kill()

    def kill(self) -> None:
        """End it and its children at once, as a power cut would, and return when all are gone."""
        if self._process is None:
            return
        members: list[int] = []
        if self.running:
            # Held still first, so that it starts no child that we do not see.
            self._signal_all([self.pid], signal.SIGSTOP)
            self._expect(lambda: state_of(self.pid) in _STILL)
            members = family(self.pid)
        self._signal_all(members, signal.SIGKILL)
        self._process.wait()
        # A child that is still on its way out holds the server's files and memory.
        self._expect(lambda: all(state_of(member) in _ENDED for member in members))

    def suspend(self) -> None:
        """Hold it and its children still: connections stay open and nothing answers."""
        if self.running:
            self._signal_all([self.pid], signal.SIGSTOP)
            self._signal_all(family(self.pid), signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `suspend`."""
        if self.running:
            self._signal_all(family(self.pid), signal.SIGCONT)

    def last_lines(self) -> str:
        """The end of its log."""
        if not self._program.log.is_file():
            return ""
        return self._program.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()

    def _launch(self) -> subprocess.Popen[bytes]:
        with self._program.log.open("ab") as log:
            return subprocess.Popen(
                self._arguments(),
                cwd=self._program.cwd,
                env=self._program.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A terminal's Ctrl-C is for us: we stop the servers in good order.
                start_new_session=True,
            )

    def _arguments(self) -> list[str]:
        program = self._program
        return launched(program.command, account=program.account, orphan_signal=program.orphan_signal)

    def _until(self, answers: Callable[[], bool], seconds: float) -> None:
        def answers_or_ended() -> bool:
            return answers() or not self.running

        if not _comes_to_hold(answers_or_ended, seconds, POLL_SECONDS):
            late = f"{self._program.name} did not answer within {seconds:g} s"
            raise ServerFailedError(f"{late}:\n{self.last_lines()}")
        if not self.running:
            raise ServerFailedError(f"{self._program.name} ended at its start:\n{self.last_lines()}")

    def _expect(self, holds: Callable[[], bool]) -> None:
        """Wait for what a signal does to processes; raises ServerFailedError when it takes too long."""
        if not _comes_to_hold(holds, KILL_SECONDS_MAX, SIGNAL_POLL_SECONDS):
            late = f"{self._program.name} has not obeyed a signal within {KILL_SECONDS_MAX:g} s"
            raise ServerFailedError(late)

    @staticmethod
    def _signal_all(pids: Sequence[int], number: signal.Signals) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _comes_to_hold(holds: Callable[[], bool], seconds: float, poll_seconds: float) -> bool:
    """Whether it holds within so many seconds; returns as soon as it does."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(poll_seconds)
    return True
