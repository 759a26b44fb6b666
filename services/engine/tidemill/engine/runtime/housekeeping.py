"""Small duties beside the batches: firing timers, forgetting what is no longer needed, setting gauges."""

import asyncio
from collections.abc import Callable

from tidemill.engine.log.port import CommandLog
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.ownership import Memory, Ownership
from tidemill.engine.runtime.timers import Timers
from tidemill.engine.settings import Settings
from tidemill.engine.store.port import LaneStore, ShardStore
from tidemill.telemetry import names
from tidemill.telemetry.counting import GaugeCell
from tidemill.telemetry.metrics import Metrics

FIRST_SHARD = 0
ROWS_A_ROUND_MAX = 1000
FULL_INBOX_WAIT_US = 2_000
# Due timers wait in the heap rather than in the inbox, but for so many batches.
_BATCHES_AHEAD = 4
# How long a clock that jumps ahead may go unnoticed.
CLOCK_LOOK_US = 1_000_000


class TimerLoop:
    """Reads timers ahead and fires those that are due."""

    def __init__(self, timers: Timers, inbox: Inbox, commit_lock: asyncio.Lock, settings: Settings) -> None:
        self._timers = timers
        self._inbox = inbox
        self._commit_lock = commit_lock
        self._settings = settings

    async def run_once(self) -> bool:
        """Fire what is due, as far as the inbox is not full of it already."""
        if self._timers.needs_page():
            self._timers.raise_horizon()
            async with self._commit_lock:
                pass  # every commit that did not push its timers up to the new horizon has ended now
            await self._timers.read_ahead()
        room = self._room()
        return room > 0 and self._timers.fire_due(room) > 0

    def idle_us(self) -> int:
        """How long this loop may wait: until the next timer, or a moment when the inbox is full."""
        return min(self._timers.wait_us(), CLOCK_LOOK_US) if self._room() > 0 else FULL_INBOX_WAIT_US

    def _room(self) -> int:
        return _BATCHES_AHEAD * self._settings.batch_herd_max - self._inbox.herd


class Housekeeping:
    """Trims the log behind the store, forgets old rejections and what lanes remember no longer."""

    def __init__(
        self,
        store: ShardStore,
        lane_store: LaneStore,
        log: CommandLog,
        ownership: Ownership,
        environment: Environment,
    ) -> None:
        self._store = store
        self._lane_store = lane_store
        self._log = log
        self._ownership = ownership
        self._clock = environment.clock
        self._settings = environment.settings

    async def run_once(self) -> bool:
        """One bounded round."""
        for shard, owned in list(self._ownership.owned.items()):
            await self._log.trim(shard, owned.log_offset - self._settings.log_trim_margin_records)
        if FIRST_SHARD not in self._ownership.owned:
            return False  # what is not about one shard is done by one engine
        before_us = self._clock.now_us() - self._settings.rejection_retention_us
        await self._store.expire_rejections(before_us, ROWS_A_ROUND_MAX)
        return await self._expire_lanes()

    async def _expire_lanes(self) -> bool:
        """Forget events and ids whose time has come; whether there may be more."""
        rows_max = self._settings.lane_expiry_rows
        return await self._lane_store.expire_lanes(self._clock.now_us(), rows_max) >= rows_max


class LogReport:
    """Tells the log how far each shard has applied it, and learns how much of it waits."""

    def __init__(self, log: CommandLog, ownership: Ownership) -> None:
        self._log = log
        self._ownership = ownership

    async def run_once(self) -> bool:
        """One round."""
        owned = self._ownership.owned
        await self._log.report_applied({shard: row.log_offset for shard, row in owned.items()})
        for shard, extent in (await self._log.extents()).items():
            self._ownership.memory.progress.appended(shard, extent.next - 1)
        return False


class Gauges:
    """Sets the gauges that nobody else has reason to touch."""

    def __init__(self, memory: Memory, metrics: Metrics) -> None:
        self._sources: tuple[tuple[GaugeCell, Callable[[], int]], ...] = (
            (metrics.gauge(names.ENGINE_INBOX), memory.inbox.__len__),
            (metrics.gauge(names.ENGINE_CALLS_OPEN), memory.calls.__len__),
            (metrics.gauge(names.ENGINE_TIMERS), memory.timers.__len__),
            (metrics.gauge(names.ENGINE_STATES), memory.states.__len__),
            (metrics.gauge(names.ENGINE_OUTBOX), memory.outbox.__len__),
            (metrics.gauge(names.ENGINE_LOG_BACKLOG), memory.progress.backlog_total),
        )

    async def run_once(self) -> bool:
        """Read all of them."""
        for gauge, read in self._sources:
            gauge.set(read())
        return False
