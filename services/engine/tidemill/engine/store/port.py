"""The store's ports, by who uses them. Every implementation passes `tests/contract/store_suite.py`.

All methods may raise StorageUnavailableError: the disk or file refuses. Writes are on disk when they return.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tidemill.engine.store.rows import (
    DeadLetterRow,
    DefinitionRow,
    ExecutionFilter,
    ExecutionRow,
    HistoryRow,
    RejectionRow,
    ShardCommit,
    ShardRow,
    TimerRow,
)


class ShardStore(Protocol):
    """What the owner of shards needs."""

    async def take(self, shards: Sequence[int], owner: str) -> list[ShardRow]:
        """Make `owner` the owner: bump each epoch in a transaction of its own, and return the rows."""
        ...

    async def commit(self, commits: Sequence[ShardCommit]) -> set[int]:
        """Write a batch in one transaction and return the shards that were written.

        The first statement moves `log_offset`, `clock_us` and `commit_number` of each shard whose epoch is as
        given; the others are fenced, and none of their rows is written. An execution row replaces the
        former one. Raises StorageRefusedError when the data itself is refused (nothing written). After
        StorageUnavailableError the outcome is unknown: the caller drops its memory and takes the shards anew.
        """
        ...

    async def load(self, execution_ids: Sequence[str]) -> Mapping[str, list[HistoryRow]]:
        """The histories of those executions that exist, each in order of sequence."""
        ...

    async def page_owing(
        self, shard: int, after: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        """(started_at_us, id) of executions of the shard that owe, oldest first, after the given pair."""
        ...

    async def page_timers(
        self, shard: int, until_us: int, after: TimerRow | None, limit: int
    ) -> list[TimerRow]:
        """Timers due at or before `until_us`, by due time, execution and timer id, after the given row.

        Sees every commit that returned before the call.
        """
        ...

    async def expire_rejections(self, before_us: int, limit: int) -> int:
        """Forget up to `limit` rejections from before the time; returns how many went."""
        ...


class ReadStore(Protocol):
    """What answers clients."""

    async def get(self, execution_ids: Sequence[str]) -> Mapping[str, ExecutionRow]:
        """The rows of those executions that exist, with `sequence` that of the last event."""
        ...

    async def page_executions(self, wanted: ExecutionFilter, limit: int) -> list[ExecutionRow]:
        """Up to `limit` rows, newest first by (started_at_us, execution_id)."""
        ...

    async def history(self, execution_id: str, sequence: int, limit: int) -> list[HistoryRow]:
        """Up to `limit` rows of the history that hold events numbered `sequence` or higher, in order."""
        ...

    async def rejection(self, shard: int, offset: int) -> RejectionRow | None:
        """Why the command was rejected; None when it was not, or long ago."""
        ...

    async def dead_letters(self, namespace: str, after: int, limit: int) -> list[DeadLetterRow]:
        """Dead letters by number after the given one; an empty namespace means all."""
        ...


class DefinitionStore(Protocol):
    """What keeps the catalogue."""

    async def publish(self, row: DefinitionRow) -> DefinitionRow:
        """Store the version under the next revision; returns what is stored, which may be an earlier row."""
        ...

    async def definitions(self, after_revision: int) -> list[DefinitionRow]:
        """Every version with a later revision, in order of revision."""
        ...
