"""Engines that share a store and a log: who owns which shard, and what follows when one comes or goes."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import pytest

from tidemill.applied_offsets import AppliedOffsets
from tidemill.clock import ManualClock
from tidemill.engine.core.tasks.registry import KINDS
from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.log.port import Extent
from tidemill.engine.runtime.assembly import Assembly
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.membership import spread
from tidemill.engine.settings import Settings
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.rows import DefinitionRow, ShardCommit
from tidemill.loops import FatalError

SHARDS = 16
SETTINGS = Settings(shards=SHARDS, log_url="kafka://memory/x", store_url="postgresql://memory")
TTL_US = SETTINGS.lease_ttl_us


class NamedLog(MemoryLog):
    """A log that can be told from others."""

    name = "first"

    async def identity(self) -> str:
        return self.name


class Cluster:
    """Engines on one store and one log, whose rounds a test runs one by one."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(SHARDS, self.clock)
        self.log = NamedLog(SHARDS)

    async def engine(self, name: str) -> Assembly:
        environment = Environment(settings=SETTINGS, clock=self.clock)
        engine = Assembly(environment, self.store, self.log, owner=name, kinds=KINDS)
        engine.loops()
        await engine.open()
        return engine

    async def settle(self, *engines: Assembly) -> None:
        """Rounds until nothing moves."""
        while any([await engine.membership.run_once() for engine in engines]):
            pass

    async def owners(self) -> Counter[str]:
        return Counter(row.owner for row in await self.store.shards())


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def owned(*engines: Assembly) -> list[int]:
    return sorted(shard for engine in engines for shard in engine.ownership.owned)


def test_shards_are_spread_over_all_engines_and_few_move() -> None:
    names = [f"engine-{number}" for number in range(4)]
    shares = Counter(spread(names, 256))
    assert set(shares) == set(names)
    assert max(shares.values()) < 2 * min(shares.values())
    for before, after in pairwise([spread(names[:count], 256) for count in range(1, 5)]):
        moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
        assert len({new for _, new in moved}) == 1, "shards move to the new engine alone"


async def test_one_engine_owns_all(cluster: Cluster) -> None:
    engine = await cluster.engine("a")
    assert owned(engine) == list(range(SHARDS))
    assert engine.memory.progress.applying


async def test_an_engine_that_comes_gets_its_share_from_those_that_had_it(cluster: Cluster) -> None:
    first = await cluster.engine("a")
    second = await cluster.engine("b")
    assert owned(second) == [], "nothing is taken from an owner that lives"
    await cluster.settle(first, second)
    assert owned(first, second) == list(range(SHARDS))
    assert await cluster.owners() == Counter(spread(["a", "b"], SHARDS))


async def test_shards_of_a_dead_engine_are_taken_once_its_lease_has_run_out(cluster: Cluster) -> None:
    first, second = await cluster.engine("a"), await cluster.engine("b")
    await cluster.settle(first, second)
    await cluster.clock.advance_us(TTL_US - 1)
    await second.membership.run_once()
    assert len(owned(second)) < SHARDS
    await cluster.clock.advance_us(1)
    await second.membership.run_once()
    assert owned(second) == list(range(SHARDS))


async def test_an_engine_that_leaves_hands_over_at_once(cluster: Cluster) -> None:
    first, second = await cluster.engine("a"), await cluster.engine("b")
    await cluster.settle(first, second)
    await first.membership.leave()
    assert owned(first) == []
    await second.membership.run_once()
    assert owned(second) == list(range(SHARDS))
    assert not await first.membership.run_once()
    assert owned(first) == [], "who has left takes nothing again"


async def test_a_paused_owner_notices_that_it_was_replaced(cluster: Cluster) -> None:
    first, second = await cluster.engine("a"), await cluster.engine("b")
    await cluster.settle(first, second)
    held = set(owned(first))
    await cluster.clock.advance_us(2 * TTL_US)
    await second.membership.run_once()
    assert await first.membership.run_once()
    assert owned(first) == []
    await cluster.settle(second, first)
    assert set(owned(first)) == held, "it gets its share back from the one that lives"
    epochs = {row.shard: row.epoch for row in await cluster.store.shards()}
    assert all(engine.ownership.owned[shard].epoch == epochs[shard]
               for engine in (first, second) for shard in engine.ownership.owned)  # fmt: skip


async def test_lost_shards_are_taken_anew(cluster: Cluster) -> None:
    engine = await cluster.engine("a")
    before = {shard: row.epoch for shard, row in engine.ownership.owned.items()}
    engine.ownership.lose()
    assert engine.membership.wake.is_set()
    await engine.membership.run_once()
    assert not engine.memory.progress.applying, "the next step is not tried yet"
    await engine.batches.run_once()
    await engine.membership.run_once()
    assert {shard: row.epoch - 1 for shard, row in engine.ownership.owned.items()} == before
    assert engine.memory.progress.applying


async def test_lost_shards_that_are_another_engine_s_now_are_given_up(cluster: Cluster) -> None:
    first = await cluster.engine("a")
    first.ownership.lose()
    second = await cluster.engine("b")
    await cluster.settle(first, second)
    assert owned(first, second) == list(range(SHARDS))
    assert owned(second)


async def test_an_engine_without_shards_has_no_timers_to_look_after(cluster: Cluster) -> None:
    first, second = await cluster.engine("a"), await cluster.engine("b")
    assert owned(first)
    assert not owned(second)
    assert second.memory.timers.wait_us() > 0


async def test_a_shard_that_the_log_has_no_place_for_is_halted_and_the_others_run(cluster: Cluster) -> None:
    await cluster.log.append([(3, b"x")] * 5)
    await cluster.log.trim(3, 2)
    engine = await cluster.engine("a")
    assert owned(engine) == [shard for shard in range(SHARDS) if shard != 3]
    assert not await engine.membership.run_once()
    await cluster.store.rebind_log("first", {3: AppliedOffsets(2)})
    assert await engine.membership.run_once()
    assert owned(engine) == list(range(SHARDS))
    assert engine.ownership.owned[3].log_offset == 2


async def test_a_log_that_lacks_what_was_applied_ahead_is_no_place_to_go_on(cluster: Cluster) -> None:
    await cluster.log.append([(3, b"x")] * 5)
    await cluster.store.rebind_log("first", {3: AppliedOffsets().with_applied([1, 5])})
    engine = await cluster.engine("a")
    assert owned(engine) == [shard for shard in range(SHARDS) if shard != 3]


async def test_a_shard_that_somebody_else_has_taken_and_trimmed_meanwhile_is_not_halted(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.log.append([(3, b"x")] * 5)
    first = await cluster.engine("a")
    await first.membership.leave()
    extents = cluster.log.extents

    async def taken_meanwhile() -> Mapping[int, Extent]:
        monkeypatch.undo()
        (row,) = await cluster.store.take([3], "b")
        await cluster.store.commit([ShardCommit(3, row.epoch, 5, 0, row.commit_number + 1)])
        await cluster.log.trim(3, 5)
        return await extents()

    monkeypatch.setattr(cluster.log, "extents", taken_meanwhile)
    second = await cluster.engine("c")
    assert not second.ownership.halted
    assert 3 not in second.ownership.owned


async def test_another_log_is_refused(cluster: Cluster) -> None:
    await (await cluster.engine("a")).membership.leave()
    cluster.log.name = "second"
    with pytest.raises(FatalError, match=r"belongs to the log first, and this one is second.*accept-log"):
        await cluster.engine("b")


async def test_a_publish_waits_until_every_engine_has_it(cluster: Cluster) -> None:
    first, second = await cluster.engine("a"), await cluster.engine("b")
    row = DefinitionRow("shop", "cart", "1.0.0", "00", b"do: []", 1, "p", 0)
    await cluster.store.publish(row)
    await first.catalogue.load()
    publishing = asyncio.ensure_future(first.membership.until_everywhere(1))
    await cluster.clock.advance_us(100_000)
    assert not publishing.done()
    assert await second.catalogue.run_once()
    assert second.membership.wake.is_set()
    await second.membership.run_once()
    await cluster.clock.advance_us(100_000)
    await publishing


async def test_a_publish_waits_for_watchers_of_other_engines(cluster: Cluster) -> None:
    first, second = await cluster.engine("a"), await cluster.engine("b")
    watcher = second.catalogue.watch("triggers")
    await cluster.store.publish(DefinitionRow("shop", "cart", "1.0.0", "00", b"do: []", 1, "p", 0))
    await first.catalogue.load()
    await second.catalogue.load()
    assert (first.catalogue.settled_revision, second.catalogue.settled_revision) == (1, 0)
    second.membership.wake.clear()
    second.catalogue.acknowledge(watcher, 1)
    assert second.membership.wake.is_set()
    assert second.catalogue.settled_revision == 1


async def test_a_publish_does_not_wait_for_a_watcher_whose_lease_has_run_out(cluster: Cluster) -> None:
    engine = await cluster.engine("a")
    engine.catalogue.watch("triggers")
    await cluster.store.publish(DefinitionRow("shop", "cart", "1.0.0", "00", b"do: []", 1, "p", 0))
    await engine.catalogue.load()
    assert engine.catalogue.settled_revision == 0
    await cluster.clock.advance_us(SETTINGS.publish_lease_us)
    assert engine.catalogue.settled_revision == 1


async def test_who_waits_for_a_shard_of_another_engine_learns_how_far_it_is(cluster: Cluster) -> None:
    first, second = await cluster.engine("a"), await cluster.engine("b")
    await cluster.settle(first, second)
    shard = owned(second)[0]
    waiting = asyncio.ensure_future(first.memory.progress.wait(shard, 0, timeout_us=60_000_000))
    await asyncio.sleep(0)
    (remote,) = [loop for loop in first.loops() if loop.name == "progress"]
    assert callable(remote.idle_us)
    assert remote.idle_us() == SETTINGS.progress_poll_us
    await remote.step()
    assert not waiting.done()
    await cluster.log.append([(shard, b"nonsense")])
    for loop in second.loops():
        if loop.name in ("intake", "batches"):
            await loop.step()
    for loop in second.loops():
        if loop.name in ("intake", "batches"):
            await loop.step()
    await remote.step()
    await waiting
