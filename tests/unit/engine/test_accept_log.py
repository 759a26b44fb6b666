"""Shards that have no place in the log go on where an operator says so, and nowhere else."""

from tidemill.applied_offsets import AppliedOffsets
from tidemill.blobs.memory import MemoryBlobs
from tidemill.engine.accept_log import Place, accept, places
from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.log.port import Extent
from tidemill.engine.storage import Storage
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.rows import ShardCommit, ShardRow

EXTENTS = {0: Extent(5, 9), 1: Extent(5, 9), 2: Extent(5, 9)}


def rows(*offsets: int) -> list[ShardRow]:
    return [ShardRow(shard, 1, offset, 0, 0) for shard, offset in enumerate(offsets)]


def test_shards_inside_the_log_are_left_alone() -> None:
    assert places(rows(5, 7, 9), EXTENTS, same_log=True) == []


def test_shards_outside_go_on_at_the_nearest_end() -> None:
    found = places(rows(2, 7, 12), EXTENTS, same_log=True)
    assert [(place.shard, place.goes_on.next) for place in found] == [(0, 5), (2, 9)]
    assert "3 commands in between are lost" in str(found[0])
    assert "lost" not in str(found[1])


def test_in_another_log_every_shard_begins_at_its_start() -> None:
    found = places(rows(2, 7, 12), EXTENTS, same_log=False)
    assert [(place.shard, place.goes_on.next) for place in found] == [(0, 5), (1, 5), (2, 5)]


def test_what_was_applied_ahead_is_neither_lost_nor_applied_again() -> None:
    trimmed = ShardRow(0, 1, 2, 0, 0, log_ahead=AppliedOffsets(2).with_applied([4, 6]).ahead_bytes())
    cut = ShardRow(1, 1, 7, 0, 0, log_ahead=AppliedOffsets(7).with_applied([8, 12]).ahead_bytes())
    inside = ShardRow(2, 1, 7, 0, 0, log_ahead=AppliedOffsets(7).with_applied([8]).ahead_bytes())
    first, second = places([trimmed, cut, inside], EXTENTS, same_log=True)
    assert first.goes_on == AppliedOffsets(5).with_applied([6])
    assert "up to 2 and 2 behind" in str(first)
    assert "2 commands in between are lost" in str(first)
    assert second.goes_on == AppliedOffsets(7).with_applied([8])


class OtherLog(MemoryLog):
    async def identity(self) -> str:
        return "new"


async def test_nothing_is_done_until_it_is_confirmed() -> None:
    store, log = MemoryStore(2), OtherLog(2)
    await store.claim_log("old")
    await store.take([0, 1], "a")
    await store.commit([ShardCommit(0, 1, 7, 0, 1)])
    await log.append([(0, b"x"), (0, b"y"), (1, b"z")])
    storage = Storage(store, log, MemoryBlobs(), lambda: None)
    told = await accept(storage, confirmed=False)
    assert told == [
        Place(0, AppliedOffsets(7), AppliedOffsets(), Extent(0, 2)),
        Place(1, AppliedOffsets(), AppliedOffsets(), Extent(0, 1)),
    ]
    assert [row.log_offset for row in await store.shards()] == [7, 0]
    assert await accept(storage, confirmed=True) == told
    assert [(row.log_offset, row.epoch, row.owner) for row in await store.shards()] == [
        (0, 2, ""),
        (0, 2, ""),
    ]
    assert await accept(storage, confirmed=True) == []
