"""What the audit reads: the store as it was at one moment, and the log."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from tidemill.engine.audit.kept import Kept
from tidemill.engine.log.port import Extent, LogRecord
from tidemill.engine.store.retention import RetentionTerms
from tidemill.engine.store.rows import (
    DeadLetterRow,
    ExecutionRow,
    HistoryRow,
    OutboxRow,
    ShardRow,
    SnapshotRow,
    TimerRow,
)

# Where a history row stands: execution, sequence, last sequence.
Place = tuple[str, int, int]
FIRST_PLACE: Final[Place] = ("", 0, 0)
SEQUENCE_MAX: Final = 2**62
# Behind all ids.
NO_BOUND: Final = "g"


class ExecutionAudit(Protocol):
    """Executions in order of id. Ids are bounded by `after` (without) and `until` (with)."""

    async def page_executions(self, after: str, limit: int) -> list[ExecutionRow]:
        """Up to `limit` rows by id after the given one; `sequence` as it was when the row was written."""
        ...

    async def page_history(self, after: Place, until: str, limit: int) -> list[HistoryRow]:
        """Up to `limit` rows by execution, sequence and last sequence."""
        ...

    async def timers(self, after: str, until: str) -> list[TimerRow]:
        """The timers of these executions, by execution and timer id."""
        ...

    async def snapshots(self, after: str, until: str) -> list[SnapshotRow]:
        """The snapshots of these executions, by id."""
        ...

    async def phases(self, execution_ids: Sequence[str]) -> Mapping[str, int]:
        """The phase of those executions that exist."""
        ...

    async def subscribed(self, wanted: Sequence[tuple[bytes, str, str]]) -> set[tuple[bytes, str, str]]:
        """Which of these (lane, execution, subscription) stand."""
        ...


class ShardAudit(Protocol):
    """What belongs to shards."""

    async def shards(self) -> list[ShardRow]:
        """Every shard, by number."""
        ...

    async def peers(self) -> Mapping[tuple[int, int], int]:
        """The last applied message by (shard, source shard)."""
        ...

    async def page_dead_letters(self, after: int, limit: int) -> list[DeadLetterRow]:
        """Up to `limit` dead letters by number after the given one."""
        ...

    async def page_rejections(self, shard: int, after: int, limit: int) -> list[int]:
        """Up to `limit` offsets of rejected commands after the given one, in order."""
        ...

    async def page_commits(self, shard: int, after_commit: int, limit: int) -> list[HistoryRow]:
        """As the store's own `page_commits`: whole commits, by number, execution and sequence."""
        ...

    async def page_outbox(self, shard: int, after_sequence: int, limit: int) -> list[OutboxRow]:
        """Up to `limit` messages of the shard after the given number, in order."""
        ...

    async def seen(self, wanted: Sequence[tuple[bytes, bytes]]) -> set[tuple[bytes, bytes]]:
        """Which of these (lane, digest of an event) lanes remember."""
        ...


class AuditStore(ExecutionAudit, ShardAudit, Protocol):
    """The store as it was at one moment, read-only. All methods may raise StorageUnavailableError.

    Implementations pass `tests/contract/audit_suite.py`.
    """

    async def kept(self, terms: RetentionTerms, now_us: int) -> Kept:
        """What retention has left at least; `terms` hold for namespaces without their own."""
        ...

    async def close(self) -> None:
        """Let go of the files and connections."""
        ...


class AuditLog(Protocol):
    """The log, read-only: what the command log's own port says of the same methods."""

    async def extents(self) -> Mapping[int, Extent]:
        """What the log holds of each shard."""
        ...

    async def read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        """Up to `limit` records from the offset on; raises LogGapError for what is not there."""
        ...

    async def close(self) -> None:
        """Let go of the files and connections."""
        ...
