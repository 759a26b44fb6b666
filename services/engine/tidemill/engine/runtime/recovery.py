"""After taking shards: finds every execution that owes, and has its effects released again."""

import asyncio
from collections import deque
from collections.abc import Collection, Mapping

from tidemill.engine.runtime.calls import Calls
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.items import OwedWork
from tidemill.engine.runtime.owned_shard import OwnedShard
from tidemill.engine.store.port import ShardStore

BUSY_WAIT_US = 5_000
IDLE_WAIT_US = 1_000_000


class Recovery:
    """Pages through the executions that owe, oldest first, while new commands are served already.

    The effects are released by the batch step, from the state as it is then: one that was answered or
    cancelled meanwhile is not released.
    """

    def __init__(self, store: ShardStore, inbox: Inbox, calls: Calls, page_rows: int) -> None:
        self._store = store
        self._inbox = inbox
        self._calls = calls
        self._page_rows = page_rows
        self.wake = asyncio.Event()
        self._pending: deque[tuple[int, tuple[int, str] | None]] = deque()

    def begin(self, taken: Mapping[int, OwnedShard]) -> None:
        """Look through these shards from the start."""
        self._pending = deque([*self._pending, *((shard, None) for shard in taken)])
        self.wake.set()

    def drop(self, shards: Collection[int]) -> None:
        """Whoever takes these shards looks through them."""
        self._pending = deque(entry for entry in self._pending if entry[0] not in shards)

    def idle_us(self) -> int:
        """How long this loop may wait: shorter while pages are left to read."""
        return BUSY_WAIT_US if self._pending else IDLE_WAIT_US

    async def run_once(self) -> bool:
        """One page of one shard, when the inbox is not full of them already."""
        self._pending.extend((shard, None) for shard in self._calls.take_overflowed())
        if not self._pending or self._inbox.herd > 2 * self._page_rows:
            return False
        pending = self._pending
        shard, after = pending[0]
        page = await self._store.page_owing(shard, after, self._page_rows)
        if pending is not self._pending:
            return True  # the shards were taken anew while we read
        pending.popleft()
        self._inbox.put([OwedWork(shard, execution_id) for _, execution_id in page])
        if len(page) == self._page_rows:
            pending.appendleft((shard, page[-1]))
        return True
