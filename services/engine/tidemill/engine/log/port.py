"""The command log as the engine sees it: durable appends, ordered reads by shard."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One command as it stands in the log; `data` is an encoded `tidemill.api.events.v1.Command`."""

    shard: int
    offset: int
    data: bytes


class CommandLog(Protocol):
    """An append-only log with one order per shard. Offsets of a shard begin at 0 and grow without gaps.

    Every implementation passes `tests/contract/log_suite.py`.
    """

    async def append(self, records: Sequence[tuple[int, bytes]]) -> list[int]:
        """Append (shard, data) pairs and return their offsets, once all of them are durable.

        All or none. Raises StorageUnavailableError when the log cannot be written; then nothing was appended.
        """
        ...

    async def read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        """Up to `limit` records of the shard from `offset` on, in order; at once, and empty at the end.

        Raises LogGapError when `offset` is below the first record kept or above the end.
        """
        ...

    async def ends(self) -> Mapping[int, int]:
        """For each shard the offset that its next record will get."""
        ...

    def on_append(self, wake: Callable[[], None]) -> None:
        """Have `wake` called (on the event loop) after each append has become durable."""
        ...

    async def trim(self, shard: int, before_offset: int) -> None:
        """Forget records below `before_offset`, whose effect the store holds; a bounded number a call."""
        ...

    async def close(self) -> None:
        """Finish what is under way and let go of the files."""
        ...


class LogGapError(Exception):
    """The log does not hold the offset that the store asks for: it was trimmed too far, replaced, or cut."""

    def __init__(self, shard: int, offset: int, *, first: int, end: int) -> None:
        super().__init__(
            f"shard {shard}: offset {offset} is outside the log, which holds {first} up to {end}"
        )
        self.shard = shard
        self.offset = offset
