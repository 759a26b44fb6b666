"""The command log as the engine sees it: durable appends, ordered reads by shard."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeAlias

from tidemill.values import value

# Is told of shards.
Wake: TypeAlias = Callable[[Collection[int]], None]


@value
class LogRecord:
    """One command as it stands in the log; `data` is an encoded `tidemill.api.events.v1.Command`."""

    shard: int
    offset: int
    data: bytes


@value
class Extent:
    """What the log holds of a shard: from its `first` record up to, and without, the `next` one."""

    first: int
    next: int


class CommandLog(Protocol):
    """An append-only log with one order per shard. Offsets of a shard begin at 0 and only ever grow.

    Every implementation passes `tests/contract/log_suite.py`.
    """

    async def append(self, records: Sequence[tuple[int, bytes]]) -> list[int]:
        """Append (shard, data) pairs and return their offsets, once all of them are durable.

        Records of one shard in their order, without others of this process in between. Raises
        StorageUnavailableError when it cannot be said that all are durable: then none is, or some, or all,
        but of each shard no record without those that come before it in the call. OverloadedError and
        TooLargeError are raised before anything is appended.
        """
        ...

    async def read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        """Up to `limit` records of the shard from `offset` on, in order; at once, and empty where none has
        come yet. The first read of a shard begins to follow it, and each goes on where the last one ended.

        Raises LogGapError when `offset` is below the first record kept or above the end.
        """
        ...

    def forget(self, shards: Collection[int]) -> None:
        """Follow these shards no longer; a later read begins anew."""
        ...

    async def extents(self) -> Mapping[int, Extent]:
        """What the log holds of each shard. Raises StorageUnavailableError."""
        ...

    async def identity(self) -> str:
        """What tells this log from one made anew under its name; empty for one that cannot be.

        Raises StorageUnavailableError.
        """
        ...

    def on_append(self, wake: Wake) -> None:
        """Have `wake` called (on the event loop) with shards that are followed and may have more to read."""
        ...

    async def trim(self, shard: int, before_offset: int) -> None:
        """Forget records below `before_offset`, whose effect the store holds; a bounded number a call."""
        ...

    async def report_applied(self, offsets: Mapping[int, int]) -> None:
        """Tell whoever watches the log how far each shard has applied it. For metrics alone."""
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
