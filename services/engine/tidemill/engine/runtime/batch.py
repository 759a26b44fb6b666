"""The batch step of the shards: all that waits is decided, committed in one transaction, then released."""

import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tidemill.engine.runtime.deciding import Deciding
from tidemill.engine.runtime.deposits import Deposits
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.items import ActionAnswer, Item, OwedWork, Poisoned, Redriven, SnapshotDue
from tidemill.engine.runtime.ownership import Ownership
from tidemill.engine.runtime.redeeming import Redeeming
from tidemill.engine.runtime.release import Release
from tidemill.engine.runtime.snapshots import TooLargeAtOnceError
from tidemill.engine.runtime.turns import ShardTurn
from tidemill.engine.store.port import ShardStore
from tidemill.storage import StorageRefusedError
from tidemill.telemetry import names
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)
_MICRO: Final = 1_000_000


class BatchLoop:
    """One loop for all shards of the process: their commands share transactions and fsyncs.

    While a batch commits the inbox collects the next one, so that group commit needs no timer: an idle
    engine commits one step at once, a loaded one hundreds together.
    """

    def __init__(
        self,
        store: ShardStore,
        ownership: Ownership,
        deciding: Deciding,
        release: Release,
        environment: Environment,
    ) -> None:
        self._store = store
        self._redeeming = Redeeming(environment)
        self._deposits = Deposits(environment.check)
        self._ownership = ownership
        self._inbox = ownership.memory.inbox
        self._states = ownership.memory.states
        self._deciding = deciding
        self._release = release
        self._clock = environment.clock
        self._items_max = environment.settings.batch_items_max
        self._sizes = environment.metrics.distribution(names.ENGINE_BATCH_ITEMS)
        self._step_latency = environment.metrics.distribution(names.ENGINE_STEP_LATENCY)
        self._commit_latency = environment.metrics.distribution(names.ENGINE_COMMIT_LATENCY)

    async def run_once(self) -> bool:
        """Take what waits and step with it; False when nothing waited.

        Anything unexpected ends in the one way back: drop what is in memory, and take the shards anew.
        """
        if self._ownership.troubled:
            self._ownership.troubled = False
            self._ownership.lost.set()
        items = self._inbox.take(self._items_max)
        if not items:
            return False
        self._sizes.observe(len(items))
        try:
            async with self._ownership.commit_lock:
                async for part in self._redeeming.parts(items):
                    await self._step(part)
        except BaseException:
            self._ownership.lose()
            raise
        # A log is read only so far ahead of what is applied, which may have moved on.
        self._inbox.tell_room()
        return True

    async def _step(self, items: Sequence[Item]) -> None:
        """The batch step: decide, commit, release. Nothing leaves the process before the commit."""
        try:
            batch = await self._deciding.decide(items)
        except TooLargeAtOnceError:
            await self._halve(items)
            return
        try:
            fenced = await self._commit(batch)
        except StorageRefusedError as error:
            self._states.evict(turn.execution_id for shard_turn in batch for turn in shard_turn.turns)
            await self._isolate(items, error)
            return
        self._release.after_commit([turn for turn in batch if turn.owned.shard not in fenced])
        if fenced:
            self._ownership.fence(fenced)
        self._observe(items)

    async def _commit(self, batch: Sequence[ShardTurn]) -> set[int]:
        """Write what has changed; the shards that another process has taken, of which nothing is written."""
        changed = [shard_turn.commit() for shard_turn in batch if not shard_turn.changes_nothing()]
        await self._deposits.before_commit(batch, changed)
        if not changed:
            return set()
        started_us = self._clock.monotonic_us()
        written = await self._store.commit(changed)
        self._commit_latency.observe((self._clock.monotonic_us() - started_us) / _MICRO)
        return {commit.shard for commit in changed} - written

    def _observe(self, items: Sequence[Item]) -> None:
        now_us = self._clock.monotonic_us()
        for item in items:
            if isinstance(item, ActionAnswer):
                self._step_latency.observe((now_us - item.received_us) / _MICRO)

    async def _halve(self, items: Sequence[Item]) -> None:
        middle = len(items) // 2
        await self._step(items[:middle])
        await self._step(items[middle:])

    async def _isolate(self, items: Sequence[Item], error: StorageRefusedError) -> None:
        """The store refuses the data of some item: halve the batch until that item is alone."""
        if len(items) > 1:
            await self._halve(items)
            return
        item = items[0]
        if isinstance(item, Poisoned) and not item.bare:
            await self._step([replace(item, bare=True)])
            return
        kept = item.item if isinstance(item, Redriven) else item
        if kept is None or isinstance(kept, OwedWork | SnapshotDue | Poisoned):
            raise error  # none of these brings data of its own: the store itself must be at fault
        _log.error("the store refuses an item's data", execution_id=item.execution_id, exc_info=error)
        trace = "".join(traceback.format_exception(error))
        await self._step([Poisoned(item.shard, item.execution_id, kept, trace)])
