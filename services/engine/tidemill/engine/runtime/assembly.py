"""The parts of an Engine between its storage and its server, put together: all that runs executions."""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from tidemill.engine.catalogue import Catalogue
from tidemill.engine.core.tasks.registry import Kinds
from tidemill.engine.log.port import CommandLog
from tidemill.engine.runtime.batch import BatchLoop
from tidemill.engine.runtime.calls import Calls
from tidemill.engine.runtime.deciding import Deciding
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.housekeeping import Gauges, Housekeeping, TimerLoop
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.ingress import Ingress
from tidemill.engine.runtime.intake import Intake
from tidemill.engine.runtime.lane_deciding import LaneDeciding
from tidemill.engine.runtime.outbox import IDLE_WAIT_US as OUTBOX_WAIT_US
from tidemill.engine.runtime.outbox import Outbox, OutboxLimits
from tidemill.engine.runtime.ownership import Memory, Ownership
from tidemill.engine.runtime.progress import Progress, Watchers
from tidemill.engine.runtime.quarantine import Quarantine
from tidemill.engine.runtime.recovery import Recovery
from tidemill.engine.runtime.release import Release
from tidemill.engine.runtime.schedules import IDLE_WAIT_US as SCHEDULES_WAIT_US
from tidemill.engine.runtime.schedules import Schedules
from tidemill.engine.runtime.states import States
from tidemill.engine.runtime.timers import Timers
from tidemill.engine.settings import Settings
from tidemill.engine.store.port import Store
from tidemill.loops import Step

_SECOND_US: Final = 1_000_000


class Loop(NamedTuple):
    """A background loop: its name, its step, what wakes it, and how long it waits for that (None: ever)."""

    name: str
    step: Step
    wake: asyncio.Event | None
    idle_us: int | Callable[[], int] | None


class Assembly:
    """What runs executions on a store and a log; server and stream to the Action service stand around it."""

    def __init__(
        self, environment: Environment, store: Store, log: CommandLog, *, owner: str, kinds: Kinds
    ) -> None:
        settings = environment.settings
        self._environment = environment
        self._log = log
        self.catalogue = Catalogue(store, environment.clock, settings, kinds)
        self.memory = _memory(environment, store, log)
        self.ownership = Ownership(range(settings.shards), owner, store, log, self.memory)
        self.ingress = Ingress(log, store, self.catalogue, self.memory.progress, environment)
        self.schedules = Schedules(self.catalogue, store, log, self.memory.progress, settings)
        self.batches = self._batches(store)
        self._intake = Intake(log, self.memory.inbox)
        self._recovery = Recovery(store, self.memory.inbox, self.memory.calls, settings.owing_page_rows)
        self._housekeeping = Housekeeping(store, store, log, self.ownership, environment)
        self.memory.on_begin(self._intake.begin)
        self.memory.on_begin(self._recovery.begin)

    def _batches(self, store: Store) -> BatchLoop:
        environment = self._environment
        quarantine = Quarantine(store, store, self.catalogue, environment.metrics)
        lane_deciding = LaneDeciding(store, environment)
        deciding = Deciding(self.ownership, self.catalogue, lane_deciding, quarantine, environment)
        release = Release(self.memory, environment.metrics)
        return BatchLoop(store, self.ownership, deciding, release, environment)

    async def open(self) -> None:
        """Read the catalogue, take the shards."""
        await self.catalogue.load()
        await self.ownership.take()

    def loops(self) -> list[Loop]:
        """The loops that keep it going."""
        memory, settings = self.memory, self._environment.settings
        intake_wake = asyncio.Event()
        self._log.on_append(intake_wake.set)
        memory.inbox.on_room(intake_wake.set)
        timers = TimerLoop(memory.timers, memory.inbox, self.batches.commit_lock, settings)
        gauges = Gauges(memory, self._environment.metrics)
        keeping_us = settings.housekeeping_interval_us
        return [
            Loop("batches", self.batches.run_once, memory.inbox.wake, None),
            Loop("intake", self._intake.run_once, intake_wake, _SECOND_US),
            Loop("timers", timers.run_once, memory.timers.wake, timers.idle_us),
            Loop("recovery", self._recovery.run_once, self._recovery.wake, self._recovery.idle_us),
            Loop("outbox", memory.outbox.run_once, memory.outbox.wake, OUTBOX_WAIT_US),
            Loop("schedules", self.schedules.run_once, None, SCHEDULES_WAIT_US),
            Loop("housekeeping", self._housekeeping.run_once, None, keeping_us),
            Loop("gauges", gauges.run_once, None, _SECOND_US),
        ]


def _memory(environment: Environment, store: Store, log: CommandLog) -> Memory:
    settings = environment.settings
    inbox, progress = Inbox(settings.inbox_commands_max), Progress()
    return Memory(
        inbox=inbox,
        states=States(store, settings.cache_executions_max),
        calls=Calls(inbox, environment),
        timers=Timers(store, inbox, environment),
        progress=progress,
        watchers=Watchers(),
        outbox=Outbox(store, log, inbox, progress, _outbox_limits(settings)),
    )


def _outbox_limits(settings: Settings) -> OutboxLimits:
    return OutboxLimits(settings.outbox_rows_in_memory_max, settings.outbox_append_rows_max)
