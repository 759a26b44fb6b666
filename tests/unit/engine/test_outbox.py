"""The outbox keeps the order of messages, loses none, and doubles none at the receiver."""

import pytest

from tidemill.api.events.v1.command_pb2 import Command
from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.items import Message
from tidemill.engine.runtime.outbox import Outbox, OutboxLimits
from tidemill.engine.runtime.owned_shard import OwnedShard
from tidemill.engine.runtime.progress import Progress
from tidemill.engine.runtime.turns import ShardTurn
from tidemill.engine.settings import Settings
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.rows import OutboxRow, ShardCommit

SHARDS = 3


class Bench:
    """An outbox between a store and a log, with what a batch loop would do around it."""

    def __init__(self, *, rows_in_memory_max: int = 100, append_rows_max: int = 10) -> None:
        self.store = MemoryStore(SHARDS)
        self.log = MemoryLog(SHARDS)
        self.inbox = Inbox(Settings())
        self.limits = OutboxLimits(rows_in_memory_max, append_rows_max)
        self.outbox = self.fresh()
        self.owned: dict[int, OwnedShard] = {}

    def fresh(self) -> Outbox:
        return Outbox(self.store, self.log, self.inbox, Progress(), self.limits)

    async def take(self) -> None:
        """Take all shards, as a process does that starts."""
        rows = await self.store.take(range(SHARDS), "me")
        self.owned = {
            row.shard: OwnedShard(
                row.shard, row.epoch, row.applied, row.clock_us, row.commit_number, row.outbox_sequence
            )
            for row in rows
        }
        self.inbox.drop(range(SHARDS))
        self.outbox = self.fresh()
        self.outbox.begin(self.owned)

    async def send(self, shard: int, *targets: int) -> None:
        """Commit one message to each of the targets."""
        owned = self.owned[shard]
        rows: list[OutboxRow] = []
        for target in targets:
            sequence = owned.outbox_sequence + len(rows) + 1
            record = Command(execution_id=f"to-{target}", source_shard=shard, source_sequence=sequence)
            rows.append(OutboxRow(shard, sequence, target, record.SerializeToString()))
        await self.commit(shard, rows)
        self.outbox.committed(rows)

    async def commit(self, shard: int, rows: list[OutboxRow], gone: tuple[int, ...] = ()) -> None:
        owned = self.owned[shard]
        owned.commit_number += 1
        commit = ShardCommit(shard, owned.epoch, 0, 0, owned.commit_number)
        owned.outbox_sequence += len(rows)
        commit.outbox_sequence = owned.outbox_sequence
        commit.outbox = rows
        commit.outbox_gone = list(gone)
        assert await self.store.commit([commit]) == {shard}

    async def apply_own(self, shard: int) -> list[int]:
        """Apply what waits in the inbox, as a batch does; returns the numbers."""
        items = [item for item in self.inbox.take(1000) if isinstance(item, Message)]
        numbers = [item.sequence for item in items]
        await self.commit(shard, [], tuple(numbers))
        self.outbox.applied(shard, len(numbers))
        return numbers

    async def run(self) -> None:
        while await self.outbox.run_once():
            pass

    async def logged(self, shard: int) -> list[int]:
        """The numbers of the messages in a shard's log."""
        records = await self.log.read(shard, 0, 1000)
        return [Command.FromString(record.data).source_sequence for record in records]

    async def left(self, shard: int) -> list[int]:
        """The numbers that are left in the table."""
        return [row.sequence for row in await self.store.page_outbox(shard, 0, 1000)]


@pytest.mark.parametrize("rows_in_memory_max", [1, 2, 100])
async def test_messages_arrive_in_order_and_leave_the_table(rows_in_memory_max: int) -> None:
    bench = Bench(rows_in_memory_max=rows_in_memory_max, append_rows_max=2)
    await bench.take()
    for _ in range(4):
        await bench.send(0, 1, 2, 1)
    await bench.run()
    assert await bench.logged(1) == [1, 3, 4, 6, 7, 9, 10, 12]
    assert await bench.logged(2) == [2, 5, 8, 11]
    assert await bench.left(0) == []


async def test_messages_of_a_shard_to_itself_go_to_the_inbox_and_hold_up_newer_ones() -> None:
    bench = Bench()
    await bench.take()
    assert bench.outbox.is_clear(0)
    await bench.send(0, 0, 0)
    assert not bench.outbox.is_clear(0)
    assert await bench.left(0) == [1, 2]
    assert await bench.apply_own(0) == [1, 2]
    assert bench.outbox.is_clear(0)
    assert await bench.left(0) == []


async def test_own_messages_beyond_memory_wait_in_the_table() -> None:
    bench = Bench(rows_in_memory_max=2)
    await bench.take()
    await bench.send(0, 0, 0)
    await bench.send(0, 0, 0, 0)
    assert not bench.outbox.is_clear(0)
    applied = await bench.apply_own(0)
    while not bench.outbox.is_clear(0):
        await bench.run()
        applied += await bench.apply_own(0)
    assert applied == [1, 2, 3, 4, 5]


async def test_what_an_earlier_owner_left_goes_out_before_anything_new() -> None:
    bench = Bench(append_rows_max=1)
    await bench.take()
    await bench.send(0, 1, 0, 1)
    await bench.take()
    await bench.send(0, 1)
    assert not bench.outbox.is_clear(0)
    await bench.run()
    assert await bench.logged(1) == [1, 3, 4]
    assert await bench.apply_own(0) == [2]


async def test_numbers_are_never_given_twice() -> None:
    bench = Bench()
    await bench.take()
    await bench.send(0, 1)
    await bench.run()
    assert await bench.left(0) == []
    await bench.take()
    await bench.send(0, 1)
    await bench.run()
    assert await bench.logged(1) == [1, 2]


async def test_a_message_that_is_in_the_log_twice_is_a_repeat() -> None:
    bench = Bench()
    await bench.take()
    await bench.send(0, 1, 1)
    bench.store.discard_outbox = _refuse  # type: ignore[method-assign, assignment]
    with pytest.raises(ConnectionError):
        await bench.run()
    await bench.take()
    with pytest.raises(ConnectionError):
        await bench.run()
    assert await bench.logged(1) == [1, 2, 1, 2]
    receiver = bench.owned[1]
    records = [(record.offset, Command.FromString(record.data)) for record in await bench.log.read(1, 0, 10)]
    assert [receiver.is_repeat(*record) for record in records] == [False, False, True, True]
    assert receiver.peers == {0: 2}


def test_a_command_of_a_client_is_no_repeat() -> None:
    owned = OwnedShard(0, 1, AppliedOffsets(), 0, 0)
    assert not owned.is_repeat(0, Command(execution_id="x"))
    assert not owned.is_repeat(1, Command(execution_id="x"))


def test_a_commit_knows_the_messages_that_are_passed_and_none_that_came_ahead() -> None:
    owned = OwnedShard(0, 1, AppliedOffsets(), 0, 0)
    for offset, sequence in enumerate((5, 7, 9)):
        assert not owned.is_repeat(offset, Command(source_shard=3, source_sequence=sequence))

    def commit(*finished: int) -> ShardCommit:
        turn = ShardTurn(owned, 0, shards=SHARDS, messages_left=0, snapshot_events_min=1)
        turn.finished.extend(finished)
        made = turn.commit()
        owned.move(turn.applied)
        return made

    ahead = commit(2, 1)
    assert (ahead.log_offset, ahead.log_ahead, ahead.peers) == (0, b"\x06", {})
    whole = commit(0)
    assert (whole.log_offset, whole.log_ahead, whole.peers) == (3, b"", {3: 9})
    assert not owned.read


async def _refuse(_: object) -> set[int]:
    raise ConnectionError
