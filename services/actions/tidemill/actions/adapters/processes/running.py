"""One program under way that is fed once, read to its end and told to stop."""

import asyncio
import contextlib
from typing import Final

from tidemill.actions.adapters.processes.guarded import Guarded, LostError
from tidemill.actions.adapters.processes.jobs import Job
from tidemill.actions.adapters.processes.limits import ProcessLimits
from tidemill.actions.adapters.processes.results import Ended

_CHUNK_BYTES: Final = 65_536
# How long streams may stay open after a guard was lost.
_LOST_SECONDS: Final = 1.0
# How long, at most, until all is read that was said before an end.
_STREAMS_SECONDS: Final = 30.0


class Running:
    """A program that runs. Whoever started it waits for `result`, and stops it otherwise."""

    def __init__(self, guarded: Guarded, limits: ProcessLimits, stdin: bytes) -> None:
        self._guarded = guarded
        self._limits = limits
        self._over = ""
        # From the beginning: what waits to be read may be what a program waits for.
        self._task = asyncio.create_task(self._follow(stdin))
        # Where it never ran, nobody asks for its result.
        self._task.add_done_callback(_retrieved)

    @classmethod
    async def start(cls, job: Job, limits: ProcessLimits, parent: str = "") -> "Running":
        """Start a program in a folder of its own below `parent`; empty for the system's temporary folder.

        Returns when it runs; raises NotStartedError.
        """
        guarded = await Guarded.start(job, grace_us=limits.kill_grace_us, parent=parent)
        running = cls(guarded, limits, job.stdin)
        try:
            await guarded.begun()
        except BaseException:
            await running.stop()
            raise
        return running

    async def result(self) -> Ended:
        """How it ended; a wait that is cancelled stops it first. Raises LostError."""
        try:
            return await asyncio.shield(self._task)
        except asyncio.CancelledError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Have the program and all that it started ended: asked first, killed after the grace."""
        await self._guarded.stop()
        await asyncio.wait([self._task], timeout=_STREAMS_SECONDS)

    async def _follow(self, stdin: bytes) -> Ended:
        streams = asyncio.gather(self._read("stdout"), self._read("stderr"), self._feed(stdin))
        try:
            code = await self._guarded.code()
            stdout, stderr, _ = await streams
            return Ended(code, stdout, stderr, self._over)
        except LostError:
            await asyncio.wait([streams], timeout=_LOST_SECONDS)
            raise
        finally:
            streams.cancel()
            await self._guarded.close()

    async def _read(self, name: str) -> bytes:
        """All of a stream up to the limit. Over it the program is stopped, and the rest thrown away."""
        stream = self._guarded.stdout if name == "stdout" else self._guarded.stderr
        data = bytearray()
        while chunk := await stream.read(_CHUNK_BYTES):
            if len(data) + len(chunk) <= self._limits.output_bytes_max:
                data += chunk
            elif not self._over:
                self._over = name
                self._guarded.ask_to_end()
        return bytes(data)

    async def _feed(self, stdin: bytes) -> None:
        writer = self._guarded.stdin
        # A program that does not read its input, or not all of it, does nothing wrong.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            writer.write(stdin)
            await writer.drain()
        writer.close()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await writer.wait_closed()


def _retrieved(task: "asyncio.Task[Ended]") -> None:
    if not task.cancelled():
        task.exception()
