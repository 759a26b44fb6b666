"""Which shards this process owns, and everything in memory that depends on owning them."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from tidemill.engine.log.port import CommandLog, Extent, LogGapError
from tidemill.engine.runtime.calls import Calls
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.outbox import Outbox
from tidemill.engine.runtime.owned_shard import OwnedShard
from tidemill.engine.runtime.progress import Progress, Watchers
from tidemill.engine.runtime.states import States
from tidemill.engine.runtime.timers import Timers
from tidemill.engine.store.port import MembershipStore, ShardStore
from tidemill.engine.store.rows import ShardRow
from tidemill.telemetry import names
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)
# An owner whose clock is this far behind that of the one before it is an alarm: its timers wait so long.
CLOCK_BEHIND_US_MAX: Final = 5_000_000


class OwnedStore(ShardStore, MembershipStore, Protocol):
    """Where shards are taken, and who has them."""


@dataclass(slots=True)
class Memory:
    """What a process holds for its shards; all of it can be read again."""

    inbox: Inbox
    states: States
    calls: Calls
    timers: Timers
    progress: Progress
    watchers: Watchers
    outbox: Outbox
    begun: list[Callable[[Mapping[int, OwnedShard]], None]] = field(default_factory=list)
    dropped: list[Callable[[Collection[int]], None]] = field(default_factory=list)

    def follow(
        self,
        begun: Callable[[Mapping[int, OwnedShard]], None],
        dropped: Callable[[Collection[int]], None] = lambda _: None,
    ) -> None:
        """Have `begun` called with shards when they are taken, and `dropped` when they are lost."""
        self.begun.append(begun)
        self.dropped.append(dropped)

    def begin(self, taken: Mapping[int, OwnedShard]) -> None:
        """Start with these shards from what the store has."""
        for shard, row in taken.items():
            self.progress.advance(shard, row.applied)
        self.timers.add(taken)
        self.outbox.begin(taken)
        for begun in self.begun:
            begun(taken)

    def drop(self, shards: Collection[int]) -> None:
        """Forget all about these shards."""
        self.inbox.drop(shards)
        self.states.drop(shards)
        self.calls.drop(shards)
        self.timers.drop(shards)
        self.outbox.drop(shards)
        for dropped in self.dropped:
            dropped(shards)


class Ownership:
    """Takes shards with a new epoch, and drops all that was built on an old one.

    There is one way back from a crash, a fence, a hand-over, and a commit of unknown outcome: drop the
    memory, take the shards anew, read what the store has. A shard whose place in the log is gone is halted:
    it is nobody's until an operator has said where it goes on, and all others run.
    """

    def __init__(
        self, owner: str, store: OwnedStore, log: CommandLog, memory: Memory, environment: Environment
    ) -> None:
        self.owned: dict[int, OwnedShard] = {}
        # The epochs at which shards were halted: a later one says that an operator has mended them.
        self.halted: dict[int, int] = {}
        # Whether the last step failed and none was tried since: until then nothing new is accepted.
        self.troubled = False
        self.owner = owner
        self.memory = memory
        # Set when shards were lost, so that they are soon taken anew.
        self.lost = asyncio.Event()
        # Held while a batch commits; who takes it knows that every earlier commit has ended and is released.
        self.commit_lock = asyncio.Lock()
        self._store = store
        self._log = log
        self._clock = environment.clock
        metrics = environment.metrics
        self._owned_gauge = metrics.gauge(names.ENGINE_SHARDS_OWNED)
        self._halted_gauge = metrics.gauge(names.ENGINE_SHARDS_HALTED)
        self._behind_gauge = metrics.gauge(names.ENGINE_CLOCK_BEHIND)
        self._taken = metrics.counter(names.ENGINE_SHARDS_TAKEN)
        self._fenced = metrics.counter(names.ENGINE_SHARDS_FENCED)

    async def take(self, shards: Collection[int]) -> None:
        """Bump the epochs of shards that are not held, then begin from what the store has.

        Raises StorageUnavailableError.
        """
        rows = await self._store.take(sorted(shards), self.owner)
        # What is read from here on was committed by earlier owners: they cannot add to it any more.
        peers = await self._store.peers([row.shard for row in rows])
        extents = await self._log.extents()
        taken: dict[int, OwnedShard] = {}
        misplaced: list[ShardRow] = []
        for row in rows:
            extent = extents[row.shard]
            if row.applied.fits(extent.first, extent.next):
                taken[row.shard] = _owned(row)
                self.memory.progress.appended(row.shard, extent.next - 1)
            else:
                misplaced.append(row)
        await self._halt_misplaced(misplaced, extents)
        for (shard, source), sequence in peers.items():
            if shard in taken:
                taken[shard].peers[source] = sequence
        self._begin(taken)

    async def _halt_misplaced(self, rows: Sequence[ShardRow], extents: Mapping[int, Extent]) -> None:
        """Halt the shards that the log has no place for, but for those that somebody else has taken since,
        while this process stood still: a later owner goes on, and trims the log behind it."""
        epochs = {row.shard: row.epoch for row in await self._store.shards()} if rows else {}
        for row in rows:
            extent = extents[row.shard]
            if epochs[row.shard] == row.epoch:
                lacks = row.log_offset if row.log_offset < extent.first else row.applied.end
                error = LogGapError(row.shard, lacks, first=extent.first, end=extent.next)
                self._halt(row.shard, row.epoch, error)

    def _begin(self, taken: Mapping[int, OwnedShard]) -> None:
        self._check_clock(taken)
        self.owned.update(taken)
        self.memory.begin(taken)
        self._taken.add(len(taken))
        self._count()
        if taken:
            epoch = max(row.epoch for row in taken.values())
            _log.info("shards taken", shards=sorted(taken), epoch=epoch, owned=len(self.owned))

    def halt(self, error: LogGapError) -> None:
        """Stop a shard that the log has no place for."""
        if (row := self.owned.get(error.shard)) is not None:
            self.drop([error.shard])
            self._halt(error.shard, row.epoch, error)

    def fence(self, shards: Collection[int]) -> None:
        """Other processes have taken these shards."""
        _log.warning("other engines have taken shards", shards=sorted(shards))
        self._fenced.add(len(shards))
        self.drop(shards)

    def drop(self, shards: Collection[int]) -> None:
        """Drop everything that was built on owning these shards."""
        for shard in shards:
            self.owned.pop(shard, None)
        self.memory.drop(shards)
        self._count()
        self.lost.set()

    def lose(self) -> None:
        """Drop all: something failed, and what the store has of it is not known."""
        self.memory.progress.applying = False
        self.troubled = True
        self.drop(list(self.owned))

    def _halt(self, shard: int, epoch: int, error: LogGapError) -> None:
        self.halted[shard] = epoch
        self._halted_gauge.set(len(self.halted))
        _log.error(
            "a shard is halted: the log and the store do not belong together; see `tidemill accept-log`",
            shard=shard,
            error=str(error),
        )

    def mended(self, shards: Collection[int]) -> None:
        """These shards are halted no longer."""
        for shard in shards:
            self.halted.pop(shard, None)
        self._halted_gauge.set(len(self.halted))

    def _count(self) -> None:
        self._owned_gauge.set(len(self.owned))

    def _check_clock(self, taken: Mapping[int, OwnedShard]) -> None:
        now_us = self._clock.now_us()
        behind_us = max((row.clock_us - now_us for row in taken.values()), default=0)
        self._behind_gauge.set(max(behind_us, 0) / 1_000_000)
        if behind_us > CLOCK_BEHIND_US_MAX:
            _log.error("the clock is behind that of an earlier owner", behind_seconds=behind_us / 1_000_000)


def _owned(row: ShardRow) -> OwnedShard:
    return OwnedShard(row.shard, row.epoch, row.applied, row.clock_us, row.commit_number, row.outbox_sequence)
