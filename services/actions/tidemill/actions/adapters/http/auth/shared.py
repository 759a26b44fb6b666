"""Values that take a request to make: made once for all who ask at a time, and kept until they expire."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from tidemill.clock import Clock

T = TypeVar("T")


class Made(NamedTuple, Generic[T]):
    """A value that has just been made, and for how long it may be used."""

    value: T
    use_us: int


class Found(NamedTuple, Generic[T]):
    """A value, and whether it was made for this request or one that was waited for."""

    value: T
    is_new: bool


@dataclass(slots=True, repr=False)
class _Entry(Generic[T]):
    value: T | None = None
    use_until_us: int = 0
    making: asyncio.Task[T] | None = None


class SharedValues(Generic[T]):
    """At most `entries_max` values by key; over it those go that were not used for the longest time."""

    def __init__(self, clock: Clock, *, entries_max: int) -> None:
        self._clock = clock
        self._entries_max = entries_max
        self._entries: OrderedDict[bytes, _Entry[T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    async def get(self, key: bytes, make: Callable[[T | None], Awaitable[Made[T]]]) -> Found[T]:
        """The value, made now if there is none that may be used; `make` is given the last one, if known.

        Raises what `make` raises, for all who wait for it. Who is cancelled leaves the others waiting.
        """
        entry = self._entry(key)
        if entry.value is not None and self._clock.monotonic_us() < entry.use_until_us:
            return Found(entry.value, is_new=False)
        if entry.making is None:
            entry.making = asyncio.get_running_loop().create_task(self._make(entry, make))
            # Somebody has always heard of a failure, also when all who waited are gone.
            entry.making.add_done_callback(lambda task: task.cancelled() or task.exception())
        return Found(await asyncio.shield(entry.making), is_new=True)

    def expire(self, key: bytes, value: T) -> None:
        """Use the value no longer, if it is still the one that is kept."""
        entry = self._entries.get(key)
        if entry is not None and entry.value is value:
            entry.use_until_us = 0

    async def close(self) -> None:
        """Give up what is being made."""
        tasks = [entry.making for entry in self._entries.values() if entry.making is not None]
        self._entries.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _entry(self, key: bytes) -> _Entry[T]:
        entry = self._entries.setdefault(key, _Entry())
        self._entries.move_to_end(key)
        while len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)
        return entry

    async def _make(self, entry: _Entry[T], make: Callable[[T | None], Awaitable[Made[T]]]) -> T:
        try:
            value, use_us = await make(entry.value)
            entry.value, entry.use_until_us = value, self._clock.monotonic_us() + use_us
        finally:
            entry.making = None
        return value
