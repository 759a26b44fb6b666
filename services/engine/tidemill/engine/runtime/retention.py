"""Forgetting what has ended: histories and rows of executions whose time has come, a portion at a time."""

from collections import deque

from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.items import SnapshotDue
from tidemill.engine.runtime.ownership import Ownership
from tidemill.engine.store.port import RetentionStore
from tidemill.engine.store.retention import RetentionTerms
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)


class Retention:
    """Every engine does this on its own; the store sees to it that they are not in each other's way.

    `holding_before_us` is the end of a partition of history that only open executions hold back, else 0.
    """

    def __init__(self, store: RetentionStore, environment: Environment) -> None:
        settings = environment.settings
        self._store = store
        self._clock = environment.clock
        self._terms = RetentionTerms(settings.history_retention_us, settings.execution_retention_us)
        self._rows = settings.retention_rows
        self._partition_us = settings.history_partition_us
        self.holding_before_us = 0

    async def run_once(self) -> bool:
        """One portion; whether there may be more."""
        now_us = self._clock.now_us()
        await self._store.prepare_history(now_us, self._partition_us)
        self.holding_before_us = await self._store.drop_histories(self._terms, now_us)
        histories = await self._store.expire_histories(self._terms, now_us, self._rows)
        executions = await self._store.expire_executions(self._terms, now_us, self._rows)
        if histories or executions:
            _log.info("forgotten what has ended", histories=histories, executions=executions)
        return max(histories, executions) >= self._rows


class Holding:
    """Has a snapshot of each open execution of this process's shards committed that holds back a partition of
    history, so that the partition may go. In pages, as far as the inbox is not full of them already."""

    def __init__(self, retention: Retention, store: RetentionStore, ownership: Ownership, rows: int) -> None:
        self._retention = retention
        self._store = store
        self._ownership = ownership
        self._inbox = ownership.memory.inbox
        self._rows = rows
        self._pending: deque[tuple[int, tuple[int, str] | None]] = deque()

    async def run_once(self) -> bool:
        """One page of one shard; whether there may be more."""
        before_us = self._retention.holding_before_us
        if before_us == 0 or self._inbox.herd > 2 * self._rows:
            return False
        if not self._pending:
            self._pending.extend((shard, None) for shard in self._ownership.owned)
        if self._pending:
            await self._page(before_us, *self._pending.popleft())
        if not self._pending:
            # The next round of retention says whether that was enough.
            self._retention.holding_before_us = 0
        return bool(self._pending)

    async def _page(self, before_us: int, shard: int, after: tuple[int, str] | None) -> None:
        page = await self._store.page_holding(shard, before_us, after, self._rows)
        self._inbox.put([SnapshotDue(shard, execution_id) for _, execution_id in page])
        if len(page) == self._rows:
            self._pending.appendleft((shard, page[-1]))
