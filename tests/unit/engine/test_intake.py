"""The intake: which shards it asks the log for, and that none is left behind."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from types import SimpleNamespace
from typing import cast

import pytest

from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.log.port import LogRecord
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.intake import RECORDS_A_READ_MAX, Intake
from tidemill.engine.runtime.ownership import Ownership
from tidemill.engine.runtime.turns import OwnedShard
from tidemill.engine.settings import Settings
from tidemill.storage import StorageUnavailableError

SHARDS = 4
COMMANDS_MAX = 16 * RECORDS_A_READ_MAX


class WatchedLog(MemoryLog):
    """A log that says what it was asked for, and fails when told to."""

    def __init__(self) -> None:
        super().__init__(SHARDS)
        self.asked: list[int] = []
        self.failing: set[int] = set()

    async def read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        self.asked.append(shard)
        if shard in self.failing:
            raise StorageUnavailableError("log", "it is away")
        return await super().read(shard, offset, limit)


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
        self.intake = Intake(self.log, cast(Ownership, ownership))
        self.log.on_append(self.intake.appended)
        self.inbox.on_room(self.intake.has_room)
        begun[0]({shard: OwnedShard(shard, 1, 0, 0, 0) for shard in range(SHARDS)})

    async def begin(self) -> None:
        assert await self.intake.run_once() is False
        assert self.log.asked == list(range(SHARDS))
        self.log.asked.clear()
        self.intake.wake.clear()

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
    while await bench.intake.run_once():
        taken += len(bench.inbox.take(COMMANDS_MAX))
    while batch := bench.inbox.take(COMMANDS_MAX):
        taken += len(batch)
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
