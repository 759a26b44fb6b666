"""How far each shard has come, and who waits for that: reads of one's own writes, outcomes, watchers."""

import asyncio
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from typing import Final, TypeAlias

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.store.port import MembershipStore
from tidemill.engine.store.rows import ShardRow
from tidemill.errors import TidemillError

_IDLE_WAIT_US: Final = 60_000_000
_NONE: Final = AppliedOffsets()


class Progress:
    """For each shard the commands of its log that are applied, as far as the store has them."""

    def __init__(self) -> None:
        # Whether commands are being applied at all: not while the shards are lost, as on a full disk.
        self.applying = False
        self._applied: dict[int, AppliedOffsets] = {}
        self._ends: dict[int, int] = {}
        self._waiting: dict[int, list[tuple[int, asyncio.Future[None]]]] = defaultdict(list)
        # Set when somebody begins to wait.
        self.awaited = asyncio.Event()

    def next_offset(self, shard: int) -> int:
        """The first offset of the shard whose command is not in the store yet."""
        return self._applied.get(shard, _NONE).next

    def has(self, shard: int, offset: int) -> bool:
        """Whether the store has the command at the offset."""
        return offset in self._applied.get(shard, _NONE)

    def appended(self, shard: int, offset: int) -> None:
        """The log has a command at the offset."""
        if offset >= self._ends.get(shard, 0):
            self._ends[shard] = offset + 1

    def backlog(self, shard: int) -> int:
        """How many commands of the log wait to be applied."""
        applied = self._applied.get(shard, _NONE)
        return max(self._ends.get(shard, 0) - applied.next - applied.count_ahead(), 0)

    def backlog_total(self) -> int:
        """The backlog of all shards."""
        return sum(map(self.backlog, self._ends))

    def advance(self, shard: int, applied: AppliedOffsets) -> None:
        """The store has these commands."""
        if applied == self._applied.get(shard):
            return
        self._applied[shard] = applied
        waiting = self._waiting.get(shard)
        if not waiting:
            return
        for offset, future in waiting:
            if offset in applied and not future.done():
                future.set_result(None)
        self._waiting[shard] = [entry for entry in waiting if not entry[1].done()]

    def follow(self, rows: Iterable[ShardRow], owned: Container[int]) -> None:
        """Advance the shards that other engines own by what the store says of them."""
        for row in rows:
            if row.shard not in owned:
                self.advance(row.shard, row.applied)

    def awaited_shards(self) -> Iterator[int]:
        """The shards that somebody waits for."""
        return (shard for shard, waiting in self._waiting.items() if waiting)

    async def wait(self, shard: int, offset: int, *, timeout_us: int) -> None:
        """Return once the store has the command at `offset`. Raises TidemillError (WAIT_EXPIRED)."""
        if self.has(shard, offset):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[shard].append((offset, future))
        self.awaited.set()
        try:
            await asyncio.wait_for(future, timeout_us / 1_000_000)
        except TimeoutError:
            raise TidemillError(
                reasons.ERROR_REASON_WAIT_EXPIRED,
                f"the command at offset {offset} of shard {shard} was not applied in time; it stays accepted",
                {"shard": str(shard), "offset": str(offset)},
            ) from None
        finally:
            self._waiting[shard] = [entry for entry in self._waiting[shard] if entry[1] is not future]


class RemoteProgress:
    """While somebody waits for a shard that another engine owns, asks the store how far that has come."""

    def __init__(
        self, progress: Progress, owned: Container[int], store: MembershipStore, poll_us: int
    ) -> None:
        self._progress = progress
        self._owned = owned
        self._store = store
        self._poll_us = poll_us
        self.wake = progress.awaited

    async def run_once(self) -> bool:
        """One look, where anybody waits."""
        if self._is_awaited():
            self._progress.follow(await self._store.shards(), self._owned)
        return False

    def idle_us(self) -> int:
        """How long this loop may wait unless somebody begins to wait."""
        return self._poll_us if self._is_awaited() else _IDLE_WAIT_US

    def _is_awaited(self) -> bool:
        return any(shard not in self._owned for shard in self._progress.awaited_shards())


Followers: TypeAlias = dict[str, set[asyncio.Event]]


class Watchers:
    """Wakes those who follow an execution when a commit has added to its history, or has closed it."""

    def __init__(self) -> None:
        self._events: Followers = {}
        self._ends: Followers = {}
        self._all: set[asyncio.Event] = set()
        self.closed = False

    def __len__(self) -> int:
        return sum(map(len, self._events.values())) + sum(map(len, self._ends.values()))

    def close(self) -> None:
        """The process stops: wake all, who then find `closed` set."""
        self.closed = True
        self.tell(list(self._events), list(self._ends))

    def follow(self, execution_id: str, *, end_only: bool = False) -> asyncio.Event:
        """An event that is set after each commit of the execution, or the last one alone, until `leave`."""
        event = asyncio.Event()
        followers = self._ends if end_only else self._events
        followers.setdefault(execution_id, set()).add(event)
        return event

    def leave(self, execution_id: str, event: asyncio.Event) -> None:
        """Undo `follow`."""
        for followers in (self._events, self._ends):
            if execution_id in followers:
                followers[execution_id].discard(event)
                if not followers[execution_id]:
                    del followers[execution_id]

    def follow_all(self) -> asyncio.Event:
        """An event that is set after each commit, whatever it is about, until `leave_all`."""
        event = asyncio.Event()
        self._all.add(event)
        return event

    def leave_all(self, event: asyncio.Event) -> None:
        """Undo `follow_all`."""
        self._all.discard(event)

    def tell(self, grown: Iterable[str], closed: Iterable[str]) -> None:
        """These executions have new history, and these have closed by it."""
        for event in self._all:
            event.set()
        for followers, execution_ids in ((self._events, grown), (self._ends, closed)):
            if followers:
                for execution_id in execution_ids:
                    for event in followers.get(execution_id, ()):
                        event.set()
