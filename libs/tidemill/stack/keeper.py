"""Keeps a stack running: a service that dies is started again, with a wait that grows."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final

from tidemill.backoff import Backoff
from tidemill.stack.layout import SERVICES, ServiceName
from tidemill.stack.stack import Stack

_BACKOFF: Final = Backoff(initial_us=250_000, max_us=30_000_000)
# A service that ran this long has started well: its next end counts as the first one.
_STEADY_SECONDS: Final = 60.0


class Keeper:
    """Watches the processes of a started stack; `say` takes a line about each end and each new start."""

    def __init__(self, stack: Stack, say: Callable[[ServiceName, str], None]) -> None:
        self._stack = stack
        self._say = say
        self._source = random.Random()

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name in SERVICES:
                group.create_task(self._keep(name))

    async def _keep(self, name: ServiceName) -> None:
        failures = 0
        while True:
            started = time.monotonic()
            code = await self._stack.process(name).wait()
            failures = 1 if time.monotonic() - started > _STEADY_SECONDS else failures + 1
            delay_us = _BACKOFF.delay_us(failures, self._source)
            delay_seconds = delay_us / 1_000_000
            self._say(name, f"ended with exit code {code}, starts again in {delay_seconds:.1f} s")
            await asyncio.sleep(delay_seconds)
            await self._stack.start_one(name)
