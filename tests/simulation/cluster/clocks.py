"""Clocks: the true time, which nobody has, and that of each engine, which is wrong and jumps."""

import asyncio

from tests.simulation.cluster.loop import SeededLoop
from tidemill.clock import first_of


class TrueClock:
    """The time of the loop; the store's own."""

    def __init__(self, loop: SeededLoop) -> None:
        self._loop = loop
        self._began_us = loop.now_us

    def now_us(self) -> int:
        return self._loop.now_us

    def monotonic_us(self) -> int:
        return self._loop.now_us - self._began_us

    async def sleep_us(self, duration_us: int) -> None:
        await self._loop.pause_us(duration_us)

    async def wait_us(self, event: asyncio.Event, duration_us: int) -> None:
        await first_of(event.wait(), self.sleep_us(duration_us))


class SkewedClock(TrueClock):
    """An engine's clock."""

    def __init__(self, loop: SeededLoop, skew_us: int) -> None:
        super().__init__(loop)
        self.skew_us = skew_us
        # The latest time that it has ever shown.
        self.shown_us = 0

    def now_us(self) -> int:
        now_us = self._loop.now_us + self.skew_us
        if now_us > self.shown_us:
            self.shown_us = now_us
        return now_us
