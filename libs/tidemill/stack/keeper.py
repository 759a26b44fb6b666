"""Keeps a stack running: a service that dies is started again, with a wait that grows."""

import asyncio
import random
from collections.abc import Callable
from typing import Final, Protocol

from tidemill.backoff import Backoff
from tidemill.clock import Clock, SystemClock
from tidemill.stack.layout import SERVICES, ServiceName

_BACKOFF: Final = Backoff(initial_us=250_000, max_us=30_000_000)
# A service that ran this long has started well: its next end counts as the first one.
_STEADY_US: Final = 60_000_000


class Process(Protocol):
    """A process that runs or has run."""

    async def wait(self) -> int:
        """Return its exit code once it has ended."""
        ...


class Processes(Protocol):
    """What a Keeper keeps: a Stack."""

    def process(self, name: ServiceName) -> Process:
        """The service's process, running or ended."""
        ...

    async def start_one(self, name: ServiceName) -> Process:
        """Start one service that does not run."""
        ...


class Keeper:
    """Watches the processes of a started stack; `say` takes a line about each that has ended."""

    def __init__(
        self, stack: Processes, say: Callable[[ServiceName, str], None], *, clock: Clock | None = None
    ) -> None:
        self._stack = stack
        self._say = say
        self._clock = clock or SystemClock()
        self._source = random.Random()

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name in SERVICES:
                group.create_task(self._keep(name))

    async def _keep(self, name: ServiceName) -> None:
        failures = 0
        while True:
            started_us = self._clock.monotonic_us()
            code = await self._stack.process(name).wait()
            steady = self._clock.monotonic_us() - started_us > _STEADY_US
            failures = 1 if steady else failures + 1
            delay_us = _BACKOFF.delay_us(failures, self._source)
            self._say(name, f"ended with exit code {code}, starts again in {delay_us / 1_000_000:.1f} s")
            await self._clock.sleep_us(delay_us)
            await self._stack.start_one(name)
