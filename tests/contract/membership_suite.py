"""What every store must do about engines that live and shards that they own."""

from typing import Protocol

from tests.contract.store_suite import commit
from tidemill.applied_offsets import AppliedOffsets
from tidemill.clock import ManualClock
from tidemill.engine.store.port import Store

SECOND_US = 1_000_000


class TimedStore(Protocol):
    """Lets the time by which leases run out pass."""

    async def pass_us(self, duration_us: int) -> None:
        """Return once the store's clock has moved on by so much."""
        ...


class MovedClock:
    """The clock of a store that takes one."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    async def pass_us(self, duration_us: int) -> None:
        await self._clock.advance_us(duration_us)


class MembershipSuite:
    """The contract of MembershipStore as tests. An implementation gives a `store` and its `time`."""

    async def test_an_engine_that_renews_its_lease_lives(self, store: Store, time: TimedStore) -> None:
        await store.renew_lease("b", ttl_us=2 * SECOND_US, revision=1)
        await time.pass_us(SECOND_US)
        assert [row.engine for row in await store.renew_lease("a", ttl_us=SECOND_US, revision=1)] == [
            "a",
            "b",
        ]

    async def test_an_engine_that_is_silent_is_gone(self, store: Store, time: TimedStore) -> None:
        await store.renew_lease("a", ttl_us=SECOND_US // 2, revision=1)
        await time.pass_us(SECOND_US)
        assert [row.engine for row in await store.renew_lease("b", ttl_us=SECOND_US, revision=1)] == ["b"]

    async def test_an_engine_that_stops_is_gone_at_once(self, store: Store) -> None:
        await store.renew_lease("a", ttl_us=60 * SECOND_US, revision=1)
        await store.end_lease("a")
        await store.end_lease("unknown")
        assert [row.engine for row in await store.renew_lease("b", ttl_us=SECOND_US, revision=1)] == ["b"]

    async def test_a_lease_tells_the_revision_in_force(self, store: Store) -> None:
        await store.renew_lease("a", ttl_us=60 * SECOND_US, revision=1)
        await store.renew_lease("a", ttl_us=60 * SECOND_US, revision=7)
        found = await store.renew_lease("b", ttl_us=60 * SECOND_US, revision=3)
        assert [(row.engine, row.revision) for row in found] == [("a", 7), ("b", 3)]

    async def test_shards_tell_their_owners(self, store: Store) -> None:
        await store.take([0, 2], "a")
        await store.take([2], "b")
        assert [(row.shard, row.owner, row.epoch) for row in await store.shards()] == [
            (0, "a", 1), (1, "", 0), (2, "b", 2), (3, "", 0),
        ]  # fmt: skip

    async def test_a_shard_is_released_by_its_owner_alone(self, store: Store) -> None:
        await store.take([0, 1], "a")
        await store.take([1], "b")
        assert await store.release([(0, 1), (1, 1)]) == {0}
        assert [(row.owner, row.epoch) for row in (await store.shards())[:2]] == [("", 1), ("b", 2)]

    async def test_a_commit_leaves_the_owner_alone(self, store: Store) -> None:
        await store.take([0], "a")
        await store.commit([commit()])
        row = (await store.shards())[0]
        assert (row.owner, row.log_offset, row.commit_number) == ("a", 5, 1)

    async def test_a_store_belongs_to_the_first_log_that_claims_it(self, store: Store) -> None:
        assert await store.claim_log("first") == "first"
        assert await store.claim_log("second") == "first"

    async def test_a_store_is_bound_to_another_log_on_purpose(self, store: Store) -> None:
        await store.claim_log("first")
        await store.take([0, 1], "a")
        await store.commit([commit()])
        place = AppliedOffsets(2).with_applied([4, 11])
        await store.rebind_log("second", {0: place})
        assert await store.claim_log("first") == "second"
        moved, other = (await store.shards())[:2]
        assert (moved.log_offset, moved.applied, moved.epoch, moved.owner) == (2, place, 2, "")
        assert (other.log_offset, other.epoch, other.owner) == (0, 1, "a")
