"""The only place that loops: runs a step over and over, waits, backs off, stops, never dies silently."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from tidemill.backoff import Backoff
from tidemill.clock import Clock, SystemClock, first_of
from tidemill.telemetry import names
from tidemill.telemetry.logging import get_logger
from tidemill.telemetry.metrics import Metrics

Step = Callable[[], Awaitable[bool]]

_SECOND_US: Final = 1_000_000


class FatalError(Exception):
    """Raised by a step when its process must not go on: the supervisor stops everything and passes it on."""


class Stop:
    """A request to stop that many loops listen to; once set it stays set."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._wakes: list[asyncio.Event] = []

    def set(self) -> None:
        """Ask every listener to stop."""
        self._event.set()
        for wake in self._wakes:
            wake.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> None:
        """Return once stopping is asked for."""
        await self._event.wait()

    def listen(self, wake: asyncio.Event) -> None:
        """Set `wake` too when stopping is asked for."""
        self._wakes.append(wake)
        if self.is_set():
            wake.set()

    def forget(self, wake: asyncio.Event) -> None:
        """Undo `listen`."""
        self._wakes.remove(wake)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How a loop spends the time between its steps.

    `idle_us` is how long a loop without work waits unless it is woken: a time, a function that is asked each
    time, or None for as long as it takes. What is a second or more may end up to a second early, so that the
    loops of a process wake together.
    """

    backoff: Backoff = field(default_factory=Backoff)
    idle_us: int | Callable[[], int] | None = None
    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    source: random.Random = field(default_factory=random.Random)


async def run_loop(
    step: Step, *, name: str, stop: Stop, pacing: Pacing | None = None, wake: asyncio.Event | None = None
) -> None:
    """Run `step` until `stop` is set; a step under way is always finished.

    A step answers whether it did work: then it runs again at once, else the loop waits for `wake` (cleared
    before each step, so that a wake during a step is not lost) or for `pacing.idle_us`. A step that raises
    is logged, counted, and tried again after a backoff; only FatalError and cancellation end the loop.
    """
    loop = _Loop(step, name, pacing or Pacing(), wake or asyncio.Event())
    stop.listen(loop.wake)
    try:
        while not stop.is_set():
            await loop.run_once(stop)
    finally:
        stop.forget(loop.wake)


class _Loop:
    """One loop's failures in a row, and what its next wait is."""

    def __init__(self, step: Step, name: str, pacing: Pacing, wake: asyncio.Event) -> None:
        self.wake = wake
        self._step = step
        self._pacing = pacing
        self._failures = 0
        self._errors = pacing.metrics.counter(names.LOOP_ERRORS, loop=name)
        self._failing = pacing.metrics.gauge(names.LOOP_FAILING, loop=name)
        self._log = get_logger(__name__).bind(loop=name)

    async def run_once(self, stop: Stop) -> None:
        self.wake.clear()
        try:
            worked = await self._step()
        except FatalError:
            raise
        except Exception as error:
            await self._back_off(error, stop)
            return
        self._recovered()
        if worked:
            # A step whose awaits never wait would otherwise starve every other task of the process.
            await asyncio.sleep(0)
        elif not stop.is_set():
            await self._idle()

    async def _idle(self) -> None:
        idle_us = self._pacing.idle_us
        if idle_us is None:
            await self.wake.wait()
            return
        wait_us = idle_us() if callable(idle_us) else idle_us
        clock = self._pacing.clock
        await clock.wait_us(self.wake, _until_a_whole_second(clock.monotonic_us(), wait_us))

    async def _back_off(self, error: Exception, stop: Stop) -> None:
        self._failures += 1
        self._errors.add()
        self._failing.set(1)
        delay_us = self._pacing.backoff.delay_us(self._failures, self._pacing.source)
        self._log.error(
            "the loop's step raised",
            failures=self._failures,
            delay_seconds=delay_us / 1_000_000,
            exc_info=error,
        )
        await first_of(stop.wait(), self._pacing.clock.sleep_us(delay_us))

    def _recovered(self) -> None:
        if self._failures:
            self._log.info("the loop's step works again", failures=self._failures)
            self._failures = 0
            self._failing.set(0)


def _until_a_whole_second(now_us: int, wait_us: int) -> int:
    """A wait shortened so that it ends on a whole second, as Linux's `round_jiffies` rounds timers.

    An idle process so wakes once a second for all of its loops: most of what a wake costs is that the
    processor has slept, and has forgotten what it knew.
    """
    return wait_us - (now_us + wait_us) % _SECOND_US if wait_us >= _SECOND_US else wait_us
