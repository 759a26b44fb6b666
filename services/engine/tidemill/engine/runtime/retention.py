"""Forgetting what has ended: histories and rows of executions whose time has come, a portion at a time."""

from tidemill.engine.runtime.environment import Environment
from tidemill.engine.store.port import RetentionStore
from tidemill.engine.store.retention import RetentionTerms
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)


class Retention:
    """Every engine does this on its own; the store sees to it that they are not in each other's way.

    `holding_before_us` is the end of a partition of history that only open executions hold back, else 0:
    owners page those of their shards (`RetentionStore.page_holding`) and commit a snapshot of each.
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
