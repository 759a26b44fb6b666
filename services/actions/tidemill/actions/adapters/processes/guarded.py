"""A program under its guard, with its streams: the one way in which programs are run."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Final

from tidemill.actions.adapters.processes.control import Control, NotStartedError
from tidemill.actions.adapters.processes.guard import STOP
from tidemill.actions.adapters.processes.jobs import Job, order_of
from tidemill.telemetry.logging import get_logger

_GUARD: Final = Path(__file__).with_name("guard.py")
_PREFIX: Final = "tidemill-run-"
# How much of a stream is kept for a reader: that of the library.
LINE_BYTES_MAX: Final = 65_536
# Above the grace: how long a guard may take to kill, to say farewell and to remove the folder.
_GUARD_SECONDS_MAX: Final = 30.0
_log = get_logger(__name__)


class LostError(Exception):
    """The guard ended before its program: somebody has killed it."""


class Guarded:
    """A program, from its start on. Whoever started it stops it, if need be, and closes it in any case."""

    def __init__(
        self, process: asyncio.subprocess.Process, control: Control, grace_us: int, folder: Path
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.stdin, self.stdout, self.stderr = process.stdin, process.stdout, process.stderr
        self._process = process
        self._control = control
        self._grace_us = grace_us
        self._folder = folder

    @classmethod
    async def start(
        cls, job: Job, *, grace_us: int, parent: str = "", line_bytes_max: int = LINE_BYTES_MAX
    ) -> "Guarded":
        """Start a program in a folder of its own below `parent`; empty for the system's temporary folder.

        `grace_us` is what it has for its end once it is asked for that. Whether it runs, `begun` tells; its
        streams are there at once. Raises NotStartedError.
        """
        folder = _make_folder(job, parent)
        try:
            return await cls._spawned(job, grace_us, folder, line_bytes_max)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise NotStartedError(f"no guard can be started: {error}") from None
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @classmethod
    async def _spawned(cls, job: Job, grace_us: int, folder: Path, line_bytes_max: int) -> "Guarded":
        ours, theirs = socket.socketpair()
        try:
            control = await Control.on(ours)
        except BaseException:
            ours.close()
            theirs.close()
            raise
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", "-X", "utf8", str(_GUARD), str(theirs.fileno()),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                pass_fds=(theirs.fileno(),), env={}, cwd="/", start_new_session=True, limit=line_bytes_max,
            )  # fmt: skip
        except BaseException:
            control.close()
            raise
        finally:
            theirs.close()
        control.send(order_of(job, folder, grace_us))
        return cls(process, control, grace_us, folder)

    async def begun(self) -> None:
        """Return once the program runs; raises NotStartedError."""
        await self._control.begun.wait()
        failure = self._control.failure
        if failure is not None:
            raise failure

    async def code(self) -> int:
        """What it ended with, once it has: below 0 for the signal that killed it. Raises LostError."""
        await self._control.ended.wait()
        if self._control.code is None:
            self._kill_group()
            raise LostError("the process was lost: its guard has ended before it")
        return self._control.code

    def ask_to_end(self) -> None:
        """Have the program and all that it started ended: asked first, killed after the grace."""
        self._control.send(STOP)

    async def stop(self) -> None:
        """The same, and wait until it has ended."""
        self.ask_to_end()
        try:
            async with asyncio.timeout(self._grace_us / 1_000_000 + _GUARD_SECONDS_MAX):
                await self._control.ended.wait()
        except TimeoutError:
            _log.error("a process does not end, and its guard is killed")
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def close(self) -> None:
        """Leave nothing of it; a program that runs still is killed with its guard."""
        # Whoever has left the group of a lost program may hold the streams open for ever.
        self._process._transport.close()  # type: ignore[attr-defined]
        self._control.close()
        await self._process.wait()
        # The guard has removed it, unless it was killed.
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _kill_group(self) -> None:
        """The kernel has killed the program with its guard; what it started is still in its group."""
        if self._control.pid and self._control.failure is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._control.pid, signal.SIGKILL)


def _make_folder(job: Job, parent: str) -> Path:
    """The folder of a job, with what belongs there. Raises NotStartedError."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent or None))
        job.prepare(folder)
    except OSError as error:
        raise NotStartedError(f"no folder can be made for the process: {error}") from None
    return folder
