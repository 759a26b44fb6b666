"""The intake: which shards it asks the log for, and that none is left behind."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from types import SimpleNamespace
from typing import cast

import pytest

from tidemill.api.events.v1.command_pb2 import Command
from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.log.port import LogRecord
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.intake import RECORDS_A_READ_MAX, Intake
from tidemill.engine.runtime.items import LoggedCommand
from tidemill.engine.runtime.owned_shard import OwnedShard
from tidemill.engine.runtime.ownership import Ownership
from tidemill.engine.settings import Settings
from tidemill.storage import StorageUnavailableError

SHARDS = 4
COMMANDS_MAX = 16 * RECORDS_A_READ_MAX
AHEAD_MAX = 12 * RECORDS_A_READ_MAX


class WatchedLog(MemoryLog):
    """A log that says what it was asked for, and fails when told to."""

    def __init__(self) -> None:
        super().__init__(SHARDS)
        self.asked: list[int] = []
        self.failing: set[int] = set()
        self.lacking: set[int] = set()

    async def read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        self.asked.append(shard)
        if shard in self.failing:
            raise StorageUnavailableError("log", "it is away")
        records = await super().read(shard, offset, limit)
        return [record for record in records if record.offset not in self.lacking]


class Bench:
    """An intake that has all shards, and has looked at each once."""

    def __init__(self) -> None:
        self.log = WatchedLog()
        self.inbox = Inbox(Settings(inbox_commands_max=COMMANDS_MAX))
        begun: list[Callable[[Mapping[int, OwnedShard]], None]] = []

        def follow(begin: Callable[[Mapping[int, OwnedShard]], None], _: Callable[..., None]) -> None:
            begun.append(begin)

        memory = SimpleNamespace(inbox=self.inbox, follow=follow)
        ownership = SimpleNamespace(memory=memory, commit_lock=asyncio.Lock())
        self.intake = Intake(self.log, cast(Ownership, ownership), AHEAD_MAX)
        self.log.on_append(self.intake.appended)
        self.inbox.on_room(self.intake.has_room)
        self.owned = {shard: OwnedShard(shard, 1, AppliedOffsets(), 0, 0) for shard in range(SHARDS)}
        self.begin_with = begun[0]
        self.begin_with(self.owned)

    async def begin(self) -> None:
        assert await self.intake.run_once() is False
        assert self.log.asked == list(range(SHARDS))
        self.log.asked.clear()
        self.intake.wake.clear()

    async def read(self) -> list[LoggedCommand]:
        """What a round brings into the inbox."""
        await self.intake.run_once()
        return [item for item in self.inbox.take(COMMANDS_MAX) if isinstance(item, LoggedCommand)]

    async def append(self, shards: Collection[int]) -> None:
        await self.log.append([(shard, b"") for shard in shards])


@pytest.fixture
async def bench() -> Bench:
    made = Bench()
    await made.begin()
    return made


async def test_only_shards_that_the_log_has_told_of_are_read(bench: Bench) -> None:
    await bench.append([2, 1, 2])
    assert bench.intake.wake.is_set()
    assert await bench.intake.run_once()
    assert sorted(bench.log.asked) == [1, 2]
    assert [item.shard for item in bench.inbox.take(10)].count(2) == 2


async def test_every_shard_is_looked_at_where_the_log_has_told_of_none(bench: Bench) -> None:
    assert await bench.intake.run_once() is False
    assert bench.log.asked == list(range(SHARDS))


async def test_a_shard_with_more_than_a_read_gets_another_turn_behind_the_others(bench: Bench) -> None:
    await bench.append([0] * (RECORDS_A_READ_MAX + 1))
    await bench.append([3])
    assert await bench.intake.run_once()
    assert await bench.intake.run_once()
    assert bench.log.asked == [0, 3, 0]
    assert len(bench.inbox) == RECORDS_A_READ_MAX + 2


async def test_what_finds_no_room_is_read_when_there_is_some(bench: Bench) -> None:
    await bench.append([0] * COMMANDS_MAX)
    while bench.inbox.command_room(0):
        assert await bench.intake.run_once()
    bench.intake.wake.clear()
    assert await bench.intake.run_once() is False
    taken = len(bench.inbox.take(COMMANDS_MAX))
    assert bench.intake.wake.is_set()
    while (await bench.intake.run_once()) or len(bench.inbox):
        batch = bench.inbox.take(COMMANDS_MAX)
        taken += len(batch)
        bench.owned[0].move(AppliedOffsets(taken))
    assert taken == COMMANDS_MAX


async def test_a_shard_without_room_keeps_no_other_from_being_read(bench: Bench) -> None:
    await bench.append([0] * COMMANDS_MAX)
    while bench.inbox.command_room(0):
        assert await bench.intake.run_once()
    await bench.append([1])
    assert await bench.intake.run_once()
    assert 1 in {item.shard for item in bench.inbox.take(10)}


async def test_room_wakes_nobody_where_nothing_waits_for_it(bench: Bench) -> None:
    await bench.append([0])
    await bench.intake.run_once()
    bench.intake.wake.clear()
    bench.inbox.take(1)
    assert not bench.intake.wake.is_set()


async def test_a_shard_that_could_not_be_read_is_read_again(bench: Bench) -> None:
    await bench.append([1, 2])
    bench.log.failing = {1}
    with pytest.raises(StorageUnavailableError):
        await bench.intake.run_once()
    bench.log.failing.clear()
    assert await bench.intake.run_once()
    assert sorted(item.shard for item in bench.inbox.take(10)) == [1, 2]


def message(source: int, sequence: int) -> bytes:
    return Command(source_shard=source, source_sequence=sequence).SerializeToString()


async def test_a_message_that_stands_in_the_log_before_is_a_repeat(bench: Bench) -> None:
    sent = [(1, 1), (2, 1), (1, 1), (1, 2), (2, 1)]
    await bench.log.append([(0, message(*each)) for each in sent])
    await bench.append([0, 0])
    assert [item.repeated for item in await bench.read()] == [False, False, True, False, True, False, False]


async def test_what_was_applied_ahead_is_not_read_again_and_its_messages_are_remembered(bench: Bench) -> None:
    await bench.log.append([(0, message(1, 1)), (0, message(1, 2)), (0, b""), (0, message(1, 2))])
    bench.begin_with({0: OwnedShard(0, 2, AppliedOffsets().with_applied([1, 2]), 0, 0)})
    assert [(item.offset, item.repeated) for item in await bench.read()] == [(0, False), (3, True)]


async def test_the_log_is_read_so_far_ahead_of_what_is_applied_and_no_further(bench: Bench) -> None:
    await bench.append([0] * 2 * AHEAD_MAX)
    read = 0
    while batch := await bench.read():
        read += len(batch)
    assert read == AHEAD_MAX
    bench.owned[0].move(AppliedOffsets().with_applied([0, 1, 7]))
    bench.inbox.tell_room()
    assert bench.intake.wake.is_set()
    assert [item.offset for item in await bench.read()] == [AHEAD_MAX, AHEAD_MAX + 1]


async def test_offsets_without_a_record_hold_up_nothing(bench: Bench) -> None:
    await bench.append([0] * 5)
    bench.log.lacking = {0, 2, 3}
    found = await bench.read()
    assert sorted(item.offset for item in found) == [0, 1, 2, 3, 4]
    assert {item.offset for item in found if item.repeated} == bench.log.lacking
