"""One service as a child process: started, stopped, killed."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from tidemill.stack.child import PARENT_VARIABLE
from tidemill.stack.layout import ServiceName
from tidemill.stack.output import LINE_BYTES_MAX, FileOutput, LineSink, Output, PipeOutput

STOP_GRACE_SECONDS: Final = 15.0


class ServiceProcess:
    """A service that runs or has run; `name` tells it from the others of a stack."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, output: Output) -> None:
        self.name = name
        self.output = output
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative is the signal that killed it."""
        return self._process.returncode

    async def wait(self) -> int:
        """Return the exit code once the process has ended and its last line has arrived."""
        code = await self._process.wait()
        await self.output.drained()
        return code

    async def stop(self, *, grace_seconds: float = STOP_GRACE_SECONDS) -> int:
        """Ask it to stop; kill it when it has not within the grace. Returns the exit code."""
        self._send(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.wait(), grace_seconds)
        except TimeoutError:
            return await self.kill()

    def pause(self) -> None:
        """Have it do nothing, as a machine does that hangs, until `resume`."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on as if no time had passed."""
        self._send(signal.SIGCONT)

    async def kill(self) -> int:
        """End it at once, as a power cut would. Returns the exit code."""
        self._send(signal.SIGKILL)
        return await self.wait()

    def _send(self, number: signal.Signals) -> None:
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


async def start_logged(
    service: ServiceName, environment: Mapping[str, str], *, log: Path, name: str | None = None
) -> ServiceProcess:
    """Start a service that appends what it writes to the file `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        process = await _start(service, environment, output=file)
    return ServiceProcess(name or service, process, FileOutput(log))


async def start_heard(
    service: ServiceName, environment: Mapping[str, str], *, sink: LineSink, name: str | None = None
) -> ServiceProcess:
    """Start a service whose lines go to the sink."""
    process = await _start(service, environment, output=subprocess.PIPE)
    assert process.stdout is not None, "the process was started with a pipe"
    return ServiceProcess(name or service, process, PipeOutput(name or service, process.stdout, sink))


async def _start(
    service: ServiceName, environment: Mapping[str, str], *, output: int | IO[bytes]
) -> asyncio.subprocess.Process:
    """Start `python -m tidemill.SERVICE`; it ends with this process at the latest."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tidemill.stack.child",
        f"tidemill.{service}",
        env={**environment, PARENT_VARIABLE: str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        limit=LINE_BYTES_MAX,
        # A terminal's Ctrl-C is for us: we stop the services in good order.
        start_new_session=True,
    )
