"""Which shards this process owns, and everything in memory that depends on owning them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tidemill.engine.log.port import CommandLog
from tidemill.engine.runtime.calls import Calls
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.outbox import Outbox
from tidemill.engine.runtime.progress import Progress, Watchers
from tidemill.engine.runtime.states import States
from tidemill.engine.runtime.timers import Timers
from tidemill.engine.runtime.turns import OwnedShard
from tidemill.engine.store.port import ShardStore
from tidemill.engine.store.rows import ShardRow
from tidemill.loops import FatalError
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)


class OwnershipLostError(Exception):
    """A commit was fenced: another process has taken the shard."""


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
    begun: list[Callable[[dict[int, OwnedShard]], None]] = field(default_factory=list)

    def on_begin(self, begun: Callable[[dict[int, OwnedShard]], None]) -> None:
        """Have `begun` called with the shards each time they are taken."""
        self.begun.append(begun)

    def begin(self, owned: dict[int, OwnedShard]) -> None:
        """Start from what the store has."""
        for shard, row in owned.items():
            self.progress.advance(shard, row.log_offset)
        self.timers.own(tuple(owned))
        self.outbox.begin(owned)
        self.progress.applying = True
        for begun in self.begun:
            begun(owned)

    def drop(self) -> None:
        """Forget all."""
        self.progress.applying = False
        self.inbox.clear()
        self.states.clear()
        self.calls.clear()
        self.timers.own(())
        self.outbox.begin({})


class Ownership:
    """Takes shards with a new epoch, and drops all that was built on an old one.

    There is one way back from a crash, a fence, and a commit of unknown outcome: drop the memory, take the
    shards anew, read what the store has.
    """

    def __init__(
        self,
        shards: Sequence[int],
        owner: str,
        store: ShardStore,
        log: CommandLog,
        memory: Memory,
    ) -> None:
        self.owned: dict[int, OwnedShard] = {}
        self._shards = tuple(shards)
        self._owner = owner
        self._store = store
        self._log = log
        self.memory = memory

    @property
    def held(self) -> bool:
        """Whether the shards are owned now."""
        return bool(self.owned)

    async def take(self) -> None:
        """Bump the epochs, then begin from what the store has."""
        rows = await self._store.take(self._shards, self._owner)
        peers = await self._store.peers(self._shards)
        extents = await self._log.extents()
        for row in rows:
            if row.log_offset > extents[row.shard].next:
                raise FatalError(
                    f"shard {row.shard}: the store has applied {row.log_offset} commands, the log holds "
                    f"{extents[row.shard].next}: state.db and log.db do not belong together"
                )
        self.owned = {row.shard: _owned(row) for row in rows}
        for (shard, source), sequence in peers.items():
            self.owned[shard].peers[source] = sequence
        self.memory.begin(self.owned)
        _log.info("shards taken", shards=len(rows), epoch=max((row.epoch for row in rows), default=0))

    def lose(self) -> None:
        """Drop everything that was built on owning the shards."""
        self.owned = {}
        self.memory.drop()


def _owned(row: ShardRow) -> OwnedShard:
    return OwnedShard(
        row.shard, row.epoch, row.log_offset, row.clock_us, row.commit_number, row.outbox_sequence
    )
