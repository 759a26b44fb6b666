"""Timers: rows in the store, the next minute of them in memory, due ones into the inbox. Never early."""

import asyncio
import heapq
from collections.abc import Collection, Iterable
from typing import Final

from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.items import DueTimer
from tidemill.engine.store.port import ShardStore
from tidemill.engine.store.rows import TimerRow
from tidemill.telemetry import names

# By time, then by execution whatever its shard, the uuid before the lane's hash: executions that began at one
# time lie side by side in the store's tables, so that a batch of timers of one moment touches few pages.
Entry = tuple[int, str, str, int]
# How much of an execution's id the lane's hash and the dash behind it are.
_HASH_CHARACTERS: Final = 9


class Timers:
    """A heap of the timers due up to a horizon, with a cap; beyond either only the rows know them.

    What commits after the horizon was raised is pushed here by the batch loop, what committed before is read
    from the rows; so the page query runs after the commit under way has ended. A timer may be in the heap
    twice, or after it was disarmed: applying it then changes nothing.
    """

    def __init__(self, store: ShardStore, inbox: Inbox, environment: Environment) -> None:
        self._store = store
        self._inbox = inbox
        self._clock = environment.clock
        self._settings = environment.settings
        self._lateness = environment.metrics.distribution(names.ENGINE_TIMER_LATENESS)
        self.wake = asyncio.Event()
        self._heap: list[Entry] = []
        self._shards: tuple[int, ...] = ()
        self._horizon_us = 0
        self._read_again_us = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, shards: Iterable[int]) -> None:
        """Fire the timers of these shards too."""
        self._begin((*self._shards, *shards))

    def drop(self, shards: Collection[int]) -> None:
        """Fire no timers of these shards."""
        self._begin(tuple(shard for shard in self._shards if shard not in shards))

    def _begin(self, shards: tuple[int, ...]) -> None:
        """What is in memory is read anew: a page query under way may be of the shards before."""
        self._heap.clear()
        self._shards = shards
        self._horizon_us = 0
        self._read_again_us = 0
        self.wake.set()

    def armed(self, rows: list[TimerRow]) -> None:
        """Timers that a commit has written."""
        for row in rows:
            if row.due_at_us <= self._horizon_us:
                if not self._heap or row.due_at_us < self._heap[0][0]:
                    self.wake.set()
                heapq.heappush(self._heap, _entry(row))
        self._cut()

    def needs_page(self) -> bool:
        """Whether `read_ahead` should run: the horizon comes near, and the heap has room again."""
        return bool(self._shards) and self._is_low() and self._clock.now_us() >= self._read_again_us

    def _is_low(self) -> bool:
        return len(self._heap) <= self._settings.timers_in_memory_max // 2

    def raise_horizon(self) -> None:
        """From now on commits push timers up to the new horizon; to be followed by `read_ahead`."""
        now_us = self._clock.now_us()
        self._horizon_us = now_us + self._settings.timer_horizon_us
        self._read_again_us = now_us + self._settings.timer_horizon_us // 2

    async def read_ahead(self) -> None:
        """Read the rows up to the horizon, in bounded pages; called when no commit is under way.

        A shard with more than its share of the heap lowers the horizon to the last row read of it. What is
        in the heap comes again, and what lies beyond the horizon goes: it would keep the heap from ever
        being low, and so from being filled with what is due before.
        """
        self._heap.clear()
        try:
            await self._read_shards(self._shards)
        except BaseException:
            # Nothing counts as read.
            self._read_again_us = 0
            raise
        self._heap = [entry for entry in self._heap if entry[0] <= self._horizon_us]
        heapq.heapify(self._heap)
        self._cut()

    async def _read_shards(self, shards: tuple[int, ...]) -> None:
        share = max(self._settings.timers_in_memory_max // max(len(shards), 1), 1)
        for shard in shards:
            last = await self._read_shard(shard, share)
            if last is not None:
                self._lower_horizon(last.due_at_us)

    async def _read_shard(self, shard: int, share: int) -> TimerRow | None:
        """Read up to `share` rows; returns the last one when there may be more."""
        after: TimerRow | None = None
        read = 0
        while read < share:
            limit = min(self._settings.timer_page_rows, share - read)
            page = await self._store.page_timers(shard, self._horizon_us, after, limit)
            for row in page:
                heapq.heappush(self._heap, _entry(row))
            if len(page) < limit:
                return None
            read += len(page)
            after = page[-1]
        return after

    def fire_due(self, limit: int) -> int:
        """Put up to `limit` due timers into the inbox; returns how many."""
        now_us = self._clock.now_us()
        due: list[DueTimer] = []
        while self._heap and self._heap[0][0] <= now_us and len(due) < limit:
            due_at_us, turned, timer_id, shard = heapq.heappop(self._heap)
            self._lateness.observe((now_us - due_at_us) / 1_000_000)
            due.append(DueTimer(shard, _turned_back(turned), timer_id, due_at_us))
        if due:
            self._inbox.put(due)
        return len(due)

    def wait_us(self) -> int:
        """How long until there is something to do here."""
        if not self._shards:
            return self._settings.timer_horizon_us
        # A heap that is full enough is not read into, however near its horizon.
        next_us = self._read_again_us if self._is_low() else self._heap[0][0]
        if self._heap:
            next_us = min(next_us, self._heap[0][0])
        return max(next_us - self._clock.now_us(), 0)

    def _cut(self) -> None:
        """A heap over its cap forgets the latest timers, and the horizon comes down to what is left."""
        cap = self._settings.timers_in_memory_max
        if len(self._heap) > cap:
            self._heap = heapq.nsmallest(max(cap * 3 // 4, 1), self._heap)
            self._lower_horizon(self._heap[-1][0])

    def _lower_horizon(self, due_at_us: int) -> None:
        self._horizon_us = min(self._horizon_us, due_at_us)
        self._read_again_us = min(self._read_again_us, due_at_us)


def _entry(row: TimerRow) -> Entry:
    return (row.due_at_us, _turned(row.execution_id), row.timer_id, row.shard)


def _turned(execution_id: str) -> str:
    """The id with the uuid first."""
    return execution_id[_HASH_CHARACTERS:] + execution_id[:_HASH_CHARACTERS]


def _turned_back(turned: str) -> str:
    return turned[-_HASH_CHARACTERS:] + turned[:-_HASH_CHARACTERS]
