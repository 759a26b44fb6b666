"""Processes of services that start together, each of which can be killed and restarted."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from tidemill.stack.layout import ServiceName
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


class Places(Protocol):
    """Which processes there are, and what each is told."""

    @property
    def data(self) -> Path:
        """Where logs go, `<data>/<name>.log`."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Every process."""
        ...

    def service(self, name: str) -> ServiceName:
        """The service that the process runs."""
        ...

    def address(self, name: str) -> str:
        """`host:port` of its gRPC server."""
        ...

    def environment_of(self, name: str, inherited: Mapping[str, str]) -> dict[str, str]:
        """Its environment, over the inherited one."""
        ...


class Group:
    """Services on this machine. What ends stays ended until the caller restarts it.

    With a `sink` the services' lines go there, without one into `<data>/<name>.log`.
    """

    layout: Places

    def __init__(self, layout: Places, *, sink: LineSink | None = None) -> None:
        self.layout = layout
        self._sink = sink
        self._processes: dict[str, ServiceProcess] = {}

    async def launch(self, *names: str) -> None:
        """Start the named processes at once and return without waiting for their health."""
        for name in names:
            await self.start_one(name)

    async def start(self, *, seconds: float = START_SECONDS_MAX) -> None:
        """Start all services and wait until each is healthy; raises StackError, and then nothing is left."""
        await self.launch(*self.layout.names)
        try:
            await self.until_healthy(*self.layout.names, seconds=seconds)
        except BaseException:
            await self.kill_all()
            raise

    async def start_one(self, name: str) -> ServiceProcess:
        """Start one service that does not run, without waiting for its health."""
        service, environment = self.layout.service(name), self.layout.environment_of(name, os.environ)
        if self._sink is None:
            log = self.layout.data / f"{name}.log"
            process = await start_logged(service, environment, log=log, name=name)
        else:
            process = await start_heard(service, environment, sink=self._sink, name=name)
        self._processes[name] = process
        return process

    async def until_healthy(self, *names: str, seconds: float = START_SECONDS_MAX) -> None:
        """Return once the named services take calls; raises StackError when one ends or takes too long."""
        waits = [asyncio.create_task(self._until_one_healthy(name, seconds)) for name in names]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def process(self, name: str) -> ServiceProcess:
        """The service's process, running or ended."""
        return self._processes[name]

    def pids(self) -> dict[str, int]:
        """The process ids of the services."""
        return {name: process.pid for name, process in self._processes.items()}

    async def kill(self, name: str) -> None:
        """SIGKILL one service, and return when it is gone."""
        await self._processes[name].kill()

    async def restart(self, name: str, *, seconds: float = START_SECONDS_MAX) -> None:
        """Start a service that has ended (or stop and start one that runs) and wait until it is healthy."""
        await self._processes[name].stop()
        await self.start_one(name)
        await self.until_healthy(name, seconds=seconds)

    async def stop(self) -> None:
        """Stop all services in good order; what was accepted is on disk."""
        for service in _STOP_ORDER:
            named = [name for name in self._processes if self.layout.service(name) == service]
            await asyncio.gather(*(self._processes[name].stop() for name in named))

    async def kill_all(self) -> None:
        """SIGKILL all services at once."""
        await asyncio.gather(*(process.kill() for process in self._processes.values()))

    async def _until_one_healthy(self, name: str, seconds: float) -> None:
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


def _ended_error(process: ServiceProcess) -> StackError:
    log = process.output.last_lines()
    reason = f": {log[-1]}" if log else ""
    return StackError(f"the {process.name} service ended with exit code {process.exit_code}{reason}", log)
