"""The parts of an Engine between its storage and its server, put together: all that runs executions."""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from tidemill.engine.catalogue import Catalogue
from tidemill.engine.core.tasks.registry import Kinds
from tidemill.engine.documents.assembly import sources_of
from tidemill.engine.log.port import CommandLog
from tidemill.engine.runtime.batch import BatchLoop
from tidemill.engine.runtime.calls import Calls
from tidemill.engine.runtime.deciding import Deciding
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.housekeeping import Gauges, Housekeeping, LogReport, TimerLoop
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.ingress import Ingress
from tidemill.engine.runtime.intake import Intake
from tidemill.engine.runtime.lane_deciding import LaneDeciding
from tidemill.engine.runtime.membership import Membership
from tidemill.engine.runtime.outbox import IDLE_WAIT_US as OUTBOX_WAIT_US
from tidemill.engine.runtime.outbox import Outbox, OutboxLimits
from tidemill.engine.runtime.ownership import Memory, Ownership
from tidemill.engine.runtime.progress import Progress, RemoteProgress, Watchers
from tidemill.engine.runtime.quarantine import Quarantine
from tidemill.engine.runtime.recovery import Recovery
from tidemill.engine.runtime.release import Release
from tidemill.engine.runtime.retention import Holding, Retention
from tidemill.engine.runtime.schedules import IDLE_WAIT_US as SCHEDULES_WAIT_US
from tidemill.engine.runtime.schedules import Schedules
from tidemill.engine.runtime.states import States
from tidemill.engine.runtime.sweeping import Sweep
from tidemill.engine.runtime.timers import Timers
from tidemill.engine.settings import Settings
from tidemill.engine.store.port import Store
from tidemill.loops import FatalError, Step

_SECOND_US: Final = 1_000_000


class Loop(NamedTuple):
    """A background loop: its name, its step, what wakes it, and how long it waits for that (None: ever).

    After a failure it waits for `backoff_us_max` at most.
    """

    name: str
    step: Step
    wake: asyncio.Event | None
    idle_us: int | Callable[[], int] | None
    backoff_us_max: int = 5 * _SECOND_US


class Assembly:
    """What runs executions on a store and a log; server and stream to the Action service stand around it."""

    def __init__(
        self, environment: Environment, store: Store, log: CommandLog, *, owner: str, kinds: Kinds
    ) -> None:
        settings = environment.settings
        self._environment = environment
        self._log = log
        self._store = store
        self.catalogue = Catalogue(store, environment.clock, settings, kinds, sources=sources_of(settings))
        self.memory = _memory(environment, store, log)
        self.ownership = Ownership(owner, store, log, self.memory, environment)
        self.ingress = Ingress(log, store, self.catalogue, self.memory.progress, environment)
        self.schedules = Schedules(self.catalogue, store, log, self.ownership, settings)
        self.batches = self._batches(store)
        self.membership = Membership(store, log, self.ownership, self.catalogue, environment)
        self._intake = Intake(log, self.ownership, environment.settings.log_ahead_max)
        self._recovery = Recovery(store, self.memory.inbox, self.memory.calls, settings.owing_page_rows)
        self._housekeeping = Housekeeping(store, store, log, self.ownership, environment)
        self.memory.follow(self._recovery.begin, self._recovery.drop)
        # A lost shard and a settled catalogue are both told at once, with the lease.
        self.catalogue.settled = self.membership.wake
        self.catalogue.until_everywhere = self.membership.until_everywhere

    def _batches(self, store: Store) -> BatchLoop:
        environment = self._environment
        quarantine = Quarantine(store, store, self.catalogue, environment)
        lane_deciding = LaneDeciding(store, environment)
        deciding = Deciding(self.ownership, self.catalogue, lane_deciding, quarantine, environment)
        release = Release(self.memory, environment.metrics)
        return BatchLoop(store, self.ownership, deciding, release, environment)

    async def open(self) -> None:
        """Live, read the catalogue, take the shards that are this engine's.

        Raises StorageUnavailableError, and FatalError for a log that is not the store's.
        """
        # In this order: whoever publishes from now on waits until this engine has read it.
        await self.membership.enter()
        await self.catalogue.load()
        await self.membership.run_once()
        if self.ownership.halted and not self._environment.settings.log_url:
            raise FatalError(
                f"shards have applied commands that the log does not hold: {sorted(self.ownership.halted)}; "
                "state.db and log.db do not belong together"
            )

    def loops(self) -> list[Loop]:
        """The loops that keep it going."""
        memory, settings = self.memory, self._environment.settings
        self._log.on_append(self._intake.appended)
        memory.inbox.on_room(self._intake.has_room)
        timers = TimerLoop(memory.timers, memory.inbox, self.ownership.commit_lock, settings)
        gauges = Gauges(memory, self._environment.metrics)
        remote = RemoteProgress(memory.progress, self.ownership.owned, self._store, settings.progress_poll_us)
        report = LogReport(self._log, self.ownership)
        retention = Retention(self._store, self._environment)
        sweep = Sweep(self._store, self._log, self.ownership, self._environment)
        holding = Holding(retention, self._store, self.ownership, settings.retention_rows)
        keeping_us = settings.housekeeping_interval_us
        # Where nobody else can publish there is nothing to look for.
        catalogue_us = settings.catalogue_poll_us if self._store.is_shared else None
        return [
            Loop("batches", self.batches.run_once, memory.inbox.wake, None),
            Loop(
                "membership",
                self.membership.run_once,
                self.membership.wake,
                settings.membership_interval_us,
                settings.membership_interval_us,
            ),
            Loop("catalogue", self.catalogue.run_once, None, catalogue_us),
            Loop("progress", remote.run_once, remote.wake, remote.idle_us),
            Loop("log-report", report.run_once, None, settings.log_report_interval_us),
            Loop("intake", self._intake.run_once, self._intake.wake, _SECOND_US),
            Loop("timers", timers.run_once, memory.timers.wake, timers.idle_us),
            Loop("recovery", self._recovery.run_once, self._recovery.wake, self._recovery.idle_us),
            Loop("outbox", memory.outbox.run_once, memory.outbox.wake, OUTBOX_WAIT_US),
            Loop("schedules", self.schedules.run_once, None, SCHEDULES_WAIT_US),
            Loop("housekeeping", self._housekeeping.run_once, None, keeping_us),
            Loop("retention", retention.run_once, None, keeping_us),
            Loop("blobs", sweep.run_once, None, settings.blob_sweep_interval_us),
            Loop("holding", holding.run_once, None, keeping_us // 2),
            Loop("gauges", gauges.run_once, None, _SECOND_US),
        ]


def _memory(environment: Environment, store: Store, log: CommandLog) -> Memory:
    settings = environment.settings
    inbox, progress = Inbox(settings), Progress()
    return Memory(
        inbox=inbox,
        states=States(
            store,
            settings.cache_executions_max,
            settings.shards,
            check=environment.check,
            large_bytes_max=settings.cache_large_bytes_max,
        ),
        calls=Calls(inbox, environment),
        timers=Timers(store, inbox, environment),
        progress=progress,
        watchers=Watchers(),
        outbox=Outbox(store, log, inbox, progress, _outbox_limits(settings)),
    )


def _outbox_limits(settings: Settings) -> OutboxLimits:
    return OutboxLimits(settings.outbox_rows_in_memory_max, settings.outbox_append_rows_max)
