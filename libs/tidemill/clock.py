"""The one way to read the time and to sleep: the system's clock, or one that a test moves by hand."""

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import Awaitable
from typing import Protocol


class Clock(Protocol):
    """Time for services. All values are int microseconds."""

    def now_us(self) -> int:
        """Wall-clock time since the Unix epoch, UTC. It may jump."""
        ...

    def monotonic_us(self) -> int:
        """Time since some fixed point, which never goes back: for measuring spans and deadlines."""
        ...

    async def sleep_us(self, duration_us: int) -> None:
        """Return once the duration has passed; zero or less gives other tasks a turn."""
        ...

    async def wait_us(self, event: asyncio.Event, duration_us: int) -> None:
        """Return once the event is set, or the duration has passed."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1000

    async def sleep_us(self, duration_us: int) -> None:
        await asyncio.sleep(max(duration_us, 0) / 1_000_000)

    async def wait_us(self, event: asyncio.Event, duration_us: int) -> None:
        # Without a task for the wait and one for the sleep: loops idle thousands of times a second.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(duration_us / 1_000_000):
                await event.wait()


class ManualClock:
    """A clock that stands still until it is moved; sleepers wake in the order of their due times."""

    def __init__(self, now_us: int = 1_700_000_000_000_000) -> None:
        self._now_us = now_us
        self._started_us = now_us
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        return self._now_us

    def monotonic_us(self) -> int:
        return self._now_us - self._started_us

    async def sleep_us(self, duration_us: int) -> None:
        if duration_us <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_us + duration_us, next(self._order), woken))
        await woken

    async def wait_us(self, event: asyncio.Event, duration_us: int) -> None:
        await first_of(event.wait(), self.sleep_us(duration_us))

    def next_due_us(self) -> int | None:
        """When the first sleeper is due, or None when nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    async def advance_us(self, duration_us: int) -> None:
        """Move on, waking each sleeper at its own due time and letting it run before the next one."""
        target_us = self._now_us + duration_us
        while (due_us := self.next_due_us()) is not None and due_us <= target_us:
            self._now_us = due_us
            heapq.heappop(self._sleepers)[2].set_result(None)
            await settle()
        self._now_us = target_us
        await settle()


async def first_of(*waits: Awaitable[object]) -> None:
    """Return once one of them has ended, however; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def settle(turns: int = 20) -> None:
    """Give the event loop's other tasks `turns` turns, so that what can run without time passing has run."""
    for _ in range(turns):
        await asyncio.sleep(0)
