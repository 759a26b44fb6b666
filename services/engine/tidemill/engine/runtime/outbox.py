"""The outbox: messages that did not fit into the batch that sent them, or that go to other shards."""

import asyncio
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from tidemill.api.events.v1.command_pb2 import Command
from tidemill.engine.log.port import CommandLog
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.items import Message
from tidemill.engine.runtime.owned_shard import OwnedShard
from tidemill.engine.runtime.progress import Progress
from tidemill.engine.store.port import ShardStore
from tidemill.engine.store.rows import OutboxRow

IDLE_WAIT_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """How much of the outbox is in memory, and how much goes out at once."""

    rows_in_memory_max: int
    append_rows_max: int


@dataclass(slots=True)
class _Shard:
    """What is known of one shard's outbox: `known` numbers its last row, `read` the last one in memory."""

    owned: OwnedShard
    known: int = 0
    read: int = 0
    own_waiting: int = 0
    delivered: list[int] = field(default_factory=list)


class Outbox:
    """Carries messages on, in the order of their numbers.

    Those to the shard itself go to the inbox, and leave the table in the commit that applies them. Those to
    other shards go to these shards' logs, and leave the table after. Whatever does not fit in memory stays in
    the table until there is room; then nothing younger overtakes it.
    """

    def __init__(
        self, store: ShardStore, log: CommandLog, inbox: Inbox, progress: Progress, limits: OutboxLimits
    ) -> None:
        self.wake = asyncio.Event()
        self._store = store
        self._log = log
        self._inbox = inbox
        self._progress = progress
        self._limits = limits
        self._shards: dict[int, _Shard] = {}
        self._leaving: deque[OutboxRow] = deque()
        self._generation = 0

    def __len__(self) -> int:
        return len(self._leaving)

    def begin(self, taken: Mapping[int, OwnedShard]) -> None:
        """Read what earlier owners of these shards have left."""
        for shard, row in taken.items():
            self._shards[shard] = _Shard(row, known=row.outbox_sequence)
        self.wake.set()

    def drop(self, shards: Collection[int]) -> None:
        """Carry no messages of these shards: whoever takes them reads what is left."""
        self._generation += 1
        self._leaving = deque(row for row in self._leaving if row.shard not in shards)
        for shard in shards:
            self._shards.pop(shard, None)

    def is_clear(self, shard: int) -> bool:
        """Whether no older message of the shard to itself waits: then a new one may be applied at once."""
        held = self._shards.get(shard)
        return held is not None and held.own_waiting == 0 and held.read == held.known

    def committed(self, rows: Sequence[OutboxRow]) -> None:
        """Rows of one shard that a commit has written."""
        held = self._shards.get(rows[0].shard)
        if held is None:
            return
        if held.read == held.known and self._room() >= len(rows):
            self._take_in(held, rows)
        held.known = rows[-1].sequence
        self.wake.set()

    def applied(self, shard: int, rows: int) -> None:
        """So many messages of the shard to itself are applied and gone."""
        held = self._shards.get(shard)
        if held is not None:
            held.own_waiting -= rows

    async def run_once(self) -> bool:
        """One round: hand on what is in memory, forget what has arrived, read what is left in the table."""
        generation = self._generation
        worked = await self._hand_on()
        if generation == self._generation and not self._leaving:
            await self._discard()
        for held in list(self._shards.values()):
            if generation == self._generation and held.read < held.known and self._room() > 0:
                worked = await self._read_on(held) or worked
        return worked

    async def _hand_on(self) -> bool:
        rows = list(islice(self._leaving, self._limits.append_rows_max))
        if not rows:
            return False
        generation = self._generation
        offsets = await self._log.append([(row.target_shard, row.data) for row in rows])
        for row, offset in zip(rows, offsets, strict=True):
            self._progress.appended(row.target_shard, offset)
        if generation == self._generation:
            for row in rows:
                self._leaving.popleft()
                self._shards[row.shard].delivered.append(row.sequence)
        return True

    async def _discard(self) -> None:
        delivered = [held for held in self._shards.values() if held.delivered]
        if not delivered:
            return
        await self._store.discard_outbox(
            [(held.owned.shard, held.owned.epoch, held.delivered) for held in delivered]
        )
        for held in delivered:
            held.delivered = []

    async def _read_on(self, held: _Shard) -> bool:
        generation = self._generation
        known = held.known
        limit = min(self._room(), self._limits.append_rows_max)
        rows = await self._store.page_outbox(held.owned.shard, held.read, limit)
        if generation != self._generation:
            return True  # the shards were taken anew while we read
        rows = [row for row in rows if row.sequence <= known]
        self._take_in(held, rows)
        if len(rows) < limit:
            held.read = known
        return bool(rows)

    def _take_in(self, held: _Shard, rows: Sequence[OutboxRow]) -> None:
        own = [row for row in rows if row.target_shard == row.shard]
        held.own_waiting += len(own)
        if own:
            self._inbox.put([_message(row) for row in own])
        self._leaving.extend(row for row in rows if row.target_shard != row.shard)
        if rows:
            held.read = rows[-1].sequence

    def _room(self) -> int:
        waiting = sum(held.own_waiting for held in self._shards.values())
        return self._limits.rows_in_memory_max - len(self._leaving) - waiting


def _message(row: OutboxRow) -> Message:
    record = Command.FromString(row.data)
    return Message(row.target_shard, record.execution_id, row.sequence, record)
