"""The whole stack: three processes that start together, each of which can be killed and restarted."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tidemill.stack.layout import SERVICES, Layout, Ports, ServiceName
from tidemill.stack.output import LineSink
from tidemill.stack.process import ServiceProcess, start_heard, start_logged

START_SECONDS_MAX: Final = 30.0
# Doors first, then who works, then who works for it.
_STOP_ORDER: Final[tuple[ServiceName, ...]] = ("triggers", "engine", "actions")


class StackError(Exception):
    """A service did not start. The message is one line for people; `log` the last lines that it wrote."""

    def __init__(self, message: str, log: list[str]) -> None:
        super().__init__(message)
        self.log = log


class Stack:
    """Services on this machine. What ends stays ended until the caller restarts it.

    With a `sink` the services' lines go there, without one into `<data>/<service>.log`.
    """

    def __init__(self, layout: Layout, *, sink: LineSink | None = None) -> None:
        self.layout = layout
        self._sink = sink
        self._processes: dict[ServiceName, ServiceProcess] = {}

    async def launch(self, *names: ServiceName) -> None:
        """Start the named processes at once and return without waiting for their health."""
        for name in names:
            await self.start_one(name)

    async def start(self, *, seconds: float = START_SECONDS_MAX) -> None:
        """Start all services and wait until each is healthy; raises StackError, and then nothing is left."""
        await self.launch(*SERVICES)
        try:
            await self.until_healthy(*SERVICES, seconds=seconds)
        except BaseException:
            await self.kill_all()
            raise

    async def start_one(self, name: ServiceName) -> ServiceProcess:
        """Start one service that does not run, without waiting for its health."""
        environment = self.layout.environment(os.environ)
        if self._sink is None:
            process = await start_logged(name, environment, log=self.layout.data / f"{name}.log")
        else:
            process = await start_heard(name, environment, sink=self._sink)
        self._processes[name] = process
        return process

    async def until_healthy(self, *names: ServiceName, seconds: float = START_SECONDS_MAX) -> None:
        """Return once the named services take calls; raises StackError when one ends or takes too long."""
        waits = [asyncio.create_task(self._until_one_healthy(name, seconds)) for name in names]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def process(self, name: ServiceName) -> ServiceProcess:
        """The service's process, running or ended."""
        return self._processes[name]

    def pids(self) -> dict[ServiceName, int]:
        """The process ids of the services."""
        return {name: process.pid for name, process in self._processes.items()}

    async def kill(self, name: ServiceName) -> None:
        """SIGKILL one service, and return when it is gone."""
        await self._processes[name].kill()

    async def restart(self, name: ServiceName, *, seconds: float = START_SECONDS_MAX) -> None:
        """Start a service that has ended (or stop and start one that runs) and wait until it is healthy."""
        await self._processes[name].stop()
        await self.start_one(name)
        await self.until_healthy(name, seconds=seconds)

    async def stop(self) -> None:
        """Stop all services in good order; what was accepted is on disk."""
        for name in _STOP_ORDER:
            if name in self._processes:
                await self._processes[name].stop()

    async def kill_all(self) -> None:
        """SIGKILL all services at once."""
        await asyncio.gather(*(process.kill() for process in self._processes.values()))

    async def _until_one_healthy(self, name: ServiceName, seconds: float) -> None:
        from tidemill.stack.health import until_healthy

        process = self._processes[name]
        healthy = asyncio.create_task(until_healthy(self.layout.address(name)))
        ended = asyncio.create_task(process.wait())
        try:
            await asyncio.wait((healthy, ended), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise _ended_error(process)
            if not healthy.done():
                log = process.output.last_lines()
                raise StackError(f"the {name} service was not ready within {seconds:g} s", log)
            await healthy
        finally:
            for task in (healthy, ended):
                task.cancel()
            await asyncio.gather(healthy, ended, return_exceptions=True)


@asynccontextmanager
async def private_stack(
    *,
    settings: Mapping[str, str] | None = None,
    sink: LineSink | None = None,
    launch: Sequence[ServiceName] = SERVICES,
) -> AsyncIterator[Stack]:
    """A stack on free ports with a data directory of its own; both are gone at the end.

    `launch` are the services whose processes are started at once; their health is for the caller to wait for.
    At the end they are killed, not stopped: nothing that they could still write would outlive them.
    """
    data = Path(tempfile.mkdtemp(prefix="tidemill-"))
    stack = Stack(Layout(data=data, ports=Ports.free(), settings=settings or {}), sink=sink)
    try:
        await stack.launch(*launch)
        yield stack
    finally:
        await stack.kill_all()
        shutil.rmtree(data, ignore_errors=True)


def _ended_error(process: ServiceProcess) -> StackError:
    log = process.output.last_lines()
    reason = f": {log[-1]}" if log else ""
    return StackError(f"the {process.name} service ended with exit code {process.exit_code}{reason}", log)
