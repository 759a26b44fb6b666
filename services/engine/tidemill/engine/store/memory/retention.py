"""The part of the store in memory that forgets what has ended."""

from collections.abc import Callable

from tidemill.engine.store.retention import NamespaceRow, RetentionTerms
from tidemill.engine.store.rows import ExecutionRow, HistoryRow, ShardCommit, SnapshotRow
from tidemill.storage import StorageRefusedError


class MemoryRetention:
    """Implements RetentionStore in dictionaries, which have no partitions."""

    def __init__(self) -> None:
        super().__init__()
        self._executions: dict[str, ExecutionRow] = {}
        self._histories: dict[str, list[HistoryRow]] = {}
        self._shard_histories: dict[int, list[HistoryRow]] = {}
        self._snapshots: dict[str, SnapshotRow] = {}
        self._snapshot_times: dict[str, int] = {}
        self._without_history: set[str] = set()
        self._namespaces: dict[str, NamespaceRow] = {}

    def _check_open(self, commit: ShardCommit) -> None:
        opened = {row.execution_id for row in commit.executions if not row.closed_at_us}
        if opened & self._without_history:
            raise StorageRefusedError("store", "an execution without history is closed")

    async def set_namespace(self, row: NamespaceRow) -> None:
        self._namespaces[row.name] = row

    async def namespaces(self) -> list[NamespaceRow]:
        return [row for _, row in sorted(self._namespaces.items())]

    async def prepare_history(self, now_us: int, partition_us: int) -> int:
        return 0

    async def expire_histories(self, terms: RetentionTerms, now_us: int, limit: int) -> int:
        past = self._past(terms.history_of, now_us)
        due = [key for key in past if key not in self._without_history][:limit]
        for key in due:
            self._forget_history(key)
        self._without_history.update(due)
        return len(due)

    async def expire_executions(self, terms: RetentionTerms, now_us: int, limit: int) -> int:
        due = self._past(terms.execution_of, now_us)[:limit]
        for key in due:
            self._forget_history(key)
            del self._executions[key]
        self._without_history.difference_update(due)
        return len(due)

    async def drop_histories(self, terms: RetentionTerms, now_us: int) -> int:
        return 0

    async def page_holding(
        self, shard: int, before_us: int, after: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        holding = sorted(
            (row.started_at_us, row.execution_id)
            for row in self._executions.values()
            if row.shard == shard
            and not row.closed_at_us
            and row.started_at_us < before_us
            and self._snapshot_times.get(row.execution_id, -1) < before_us
        )
        return [key for key in holding if after is None or key > after][:limit]

    def _past(self, kept_us_of: Callable[[NamespaceRow | None], int], now_us: int) -> list[str]:
        """What ended longer ago than its namespace keeps it, in the order in which it ended.

        Sorted when little is left: simulations ask after every step, and mostly there is nothing.
        """
        limits_us = {name: _limit_us(kept_us_of(row), now_us) for name, row in self._namespaces.items()}
        default_us = _limit_us(kept_us_of(None), now_us)
        past = [
            row
            for row in self._executions.values()
            if 0 < row.closed_at_us < limits_us.get(row.namespace, default_us) and not row.owes
        ]
        return [row.execution_id for row in sorted(past, key=lambda row: row.closed_at_us)]

    def _forget_history(self, execution_id: str) -> None:
        self._snapshots.pop(execution_id, None)
        self._snapshot_times.pop(execution_id, None)
        if self._histories.pop(execution_id, None):
            for shard, rows in self._shard_histories.items():
                self._shard_histories[shard] = [row for row in rows if row.execution_id != execution_id]


def _limit_us(kept_us: int, now_us: int) -> int:
    """What ended before is past; 0 where it is kept for ever."""
    return now_us - kept_us if kept_us else 0
