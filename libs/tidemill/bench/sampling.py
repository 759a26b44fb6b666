"""What is looked at while something else goes on: the memory of processes, and how many steps were made."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from tidemill.bench.beds import Bed
from tidemill.bench.effects import effects_made
from tidemill.bench.processes import rss_mb

_MEMORY_SECONDS: Final = 0.1
_STEPS_SECONDS: Final = 0.25


@dataclass(slots=True)
class Memory:
    """What a process held in MiB: when the samples began, the most, and last."""

    start_mb: float
    max_mb: float
    end_mb: float

    def see(self, held_mb: float) -> None:
        """Another sample."""
        self.max_mb, self.end_mb = max(self.max_mb, held_mb), held_mb


@dataclass(slots=True)
class Steps:
    """How many steps had been made at which time."""

    samples: list[tuple[float, int]] = field(default_factory=list)

    @property
    def made(self) -> int:
        """As many as were last seen."""
        return self.samples[-1][1] if self.samples else 0

    def rate(self, begin: float, end: float) -> float:
        """Steps in a second between two times of `time.perf_counter`; 0 where too few samples are."""
        within = [sample for sample in self.samples if begin <= sample[0] <= end]
        if len(within) < 2:
            return 0.0
        (first, at_first), (last, at_last) = within[0], within[-1]
        return (at_last - at_first) / (last - first)

    def reached(self, rate: float, *, after: float, window_seconds: float) -> float | None:
        """When steps were first made at this rate for the length of the window, from `after` on."""
        for at, _ in self.samples:
            if at >= after and self.rate(at, at + window_seconds) >= rate:
                return at
        return None


@asynccontextmanager
async def memory_watched(bed: Bed) -> AsyncIterator[Mapping[str, Memory]]:
    """Meanwhile look at the memory of the services' processes."""
    held = {name: _memory_now(pid) for name, pid in bed.pids.items()}

    async def look() -> None:
        while True:
            for name, pid in bed.pids.items():
                # It may just have been killed.
                with contextlib.suppress(OSError, ValueError):
                    held[name].see(rss_mb(pid))
            await asyncio.sleep(_MEMORY_SECONDS)

    async with _meanwhile(look()):
        yield held
    for name, pid in bed.pids.items():
        held[name].see(rss_mb(pid))


@asynccontextmanager
async def steps_watched(metrics_urls: Sequence[str]) -> AsyncIterator[Steps]:
    """Meanwhile look at how many steps the Action services have made, some times a second."""
    steps = Steps()

    async def look() -> None:
        while True:
            made = await effects_made(metrics_urls)
            steps.samples.append((time.perf_counter(), made))
            await asyncio.sleep(_STEPS_SECONDS)

    async with _meanwhile(look()):
        yield steps


def _memory_now(pid: int) -> Memory:
    held_mb = rss_mb(pid)
    return Memory(held_mb, held_mb, held_mb)


@asynccontextmanager
async def _meanwhile(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
