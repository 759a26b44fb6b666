"""Where a process can die: before each step of a loop, and before and after each write."""

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from tests.simulation.world import CrashError

Port = TypeVar("Port")
# Writes that a crash can come before (nothing is on disk) or after (all is, and nobody knows).
_WRITES = frozenset({"commit", "append", "discard_outbox", "move_cursors", "put"})


class CrashPoints:
    """Counts the points that a run passes, and dies at the one that is asked for (from 1; 0: at none)."""

    def __init__(self, dies_at: int = 0) -> None:
        self.dies_at = dies_at
        self.passed = 0
        self.is_armed: Callable[[], bool] = lambda: False

    def __call__(self) -> None:
        """Pass a point."""
        if not self.is_armed():
            return
        self.passed += 1
        if self.passed == self.dies_at:
            raise CrashError


class OftenDying(CrashPoints):
    """Dies at points that chance chooses, each with the same probability."""

    def __init__(self, seed: int, probability: float) -> None:
        super().__init__()
        self._source = random.Random(seed)
        self._probability = probability

    def __call__(self) -> None:
        super().__call__()
        if self.is_armed() and self._source.random() < self._probability:
            raise CrashError


def fragile(port: Port, points: CrashPoints) -> Port:
    """A store or log, of blobs too, whose writes are crash points; everything else is handed on."""
    return cast("Port", _Fragile(port, points))


class _Fragile:
    def __init__(self, inner: object, points: CrashPoints) -> None:
        self._inner = inner
        self._points = points

    def __getattr__(self, name: str) -> object:
        found: Callable[..., Awaitable[object]] = getattr(self._inner, name)
        if name not in _WRITES:
            return found

        async def write(*arguments: object) -> object:
            self._points()
            result = await found(*arguments)
            self._points()
            return result

        return write
