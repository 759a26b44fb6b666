"""One program under way: its guard is started, fed, read and told to stop."""

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
from tidemill.actions.adapters.processes.limits import ProcessLimits
from tidemill.actions.adapters.processes.results import Ended
from tidemill.telemetry.logging import get_logger

_GUARD: Final = Path(__file__).with_name("guard.py")
_PREFIX: Final = "tidemill-run-"
_CHUNK_BYTES: Final = 65_536
# Above the grace: how long a guard may take to kill, to say farewell and to remove the folder.
_GUARD_SECONDS_MAX: Final = 30.0
# How long streams may stay open after a guard was lost.
_LOST_SECONDS: Final = 1.0
_log = get_logger(__name__)


class LostError(Exception):
    """The guard ended before its program: somebody has killed it."""


class Running:
    """A program that runs. Whoever started it waits for `result`, and stops it otherwise."""

    def __init__(
        self, process: asyncio.subprocess.Process, control: Control, limits: ProcessLimits, folder: Path
    ) -> None:
        self._process = process
        self._folder = folder
        self._control = control
        self._limits = limits
        self._over = ""
        self._task: asyncio.Task[Ended] | None = None

    @classmethod
    async def start(cls, job: Job, limits: ProcessLimits, parent: str = "") -> "Running":
        """Start a program in a folder of its own below `parent`; empty for the system's temporary folder.

        Returns when it runs; raises NotStartedError.
        """
        folder = _make_folder(job, parent)
        try:
            running = await cls._guarded(job, limits, folder)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise NotStartedError(f"no guard can be started: {error}") from None
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        try:
            await running._begun()
        except BaseException:
            await running.stop()
            raise
        return running

    @classmethod
    async def _guarded(cls, job: Job, limits: ProcessLimits, folder: Path) -> "Running":
        ours, theirs = socket.socketpair()
        control = await Control.on(ours)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", "-X", "utf8", str(_GUARD), str(theirs.fileno()),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                pass_fds=(theirs.fileno(),), env={}, cwd="/", start_new_session=True,
            )  # fmt: skip
        except BaseException:
            control.close()
            raise
        finally:
            theirs.close()
        control.send(order_of(job, folder, limits))
        running = cls(process, control, limits, folder)
        running._task = asyncio.create_task(running._follow(job.stdin))
        # Where it never ran, nobody asks for its result.
        running._task.add_done_callback(_retrieved)
        return running

    async def _begun(self) -> None:
        await self._control.begun.wait()
        failure = self._control.failure
        if failure is not None:
            raise failure

    async def result(self) -> Ended:
        """How it ended; a wait that is cancelled stops it first. Raises LostError."""
        assert self._task is not None
        try:
            return await asyncio.shield(self._task)
        except asyncio.CancelledError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Have the program and all that it started ended: asked first, killed after the grace."""
        assert self._task is not None
        self._control.send(STOP)
        patience = self._limits.kill_grace_us / 1_000_000 + _GUARD_SECONDS_MAX
        done, _ = await asyncio.wait([self._task], timeout=patience)
        if not done:
            _log.error("a process does not end, and its guard is killed")
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _follow(self, stdin: bytes) -> Ended:
        streams = asyncio.gather(self._read("stdout"), self._read("stderr"), self._feed(stdin))
        try:
            await self._control.ended.wait()
            if self._control.code is None:
                return await self._without_guard(streams)
            stdout, stderr, _ = await streams
            await self._process.wait()
            return Ended(self._control.code, stdout, stderr, self._over)
        finally:
            streams.cancel()
            self._control.close()
            # The guard has removed it, unless it was killed.
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _without_guard(self, streams: "asyncio.Future[tuple[bytes, bytes, None]]") -> Ended:
        """The guard has said all that it had to say, and that was not how the program ended."""
        if self._control.pid and self._control.failure is None:
            # The kernel has killed the program with its guard; what it started is still in its group.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._control.pid, signal.SIGKILL)
        await asyncio.wait([streams], timeout=_LOST_SECONDS)
        # Whoever has left the group may hold the streams open for ever, and nobody reads them any more.
        self._process._transport.close()  # type: ignore[attr-defined]
        await self._process.wait()
        raise LostError("the process was lost: its guard has ended before it")

    async def _read(self, name: str) -> bytes:
        """All of a stream up to the limit. Over it the program is stopped, and the rest thrown away."""
        stream = self._process.stdout if name == "stdout" else self._process.stderr
        assert stream is not None
        data = bytearray()
        while chunk := await stream.read(_CHUNK_BYTES):
            if len(data) + len(chunk) <= self._limits.output_bytes_max:
                data += chunk
            elif not self._over:
                self._over = name
                self._control.send(STOP)
        return bytes(data)

    async def _feed(self, stdin: bytes) -> None:
        writer = self._process.stdin
        assert writer is not None
        # A program that does not read its input, or not all of it, does nothing wrong.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            writer.write(stdin)
            await writer.drain()
        writer.close()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await writer.wait_closed()


def _make_folder(job: Job, parent: str) -> Path:
    """The folder of a job, with what belongs there. Raises NotStartedError."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent or None))
        job.prepare(folder)
    except OSError as error:
        raise NotStartedError(f"no folder can be made for the process: {error}") from None
    return folder


def _retrieved(task: "asyncio.Task[Ended]") -> None:
    if not task.cancelled():
        task.exception()
