"""What every store must do for lanes."""

from dataclasses import replace

from tests.contract.store_suite import commit, execution_id, took
from tidemill.engine.store.port import Store
from tidemill.engine.store.rows import (
    CounterRow,
    LaneEventRow,
    LaneQuery,
    LaneRows,
    LaneSeenRow,
    SubscriberQuery,
    SubscriptionRow,
)

LANE, OTHER_LANE = b"shop\0ada", b"shop\0bob"
ORDERS, PAYMENTS = b"o" * 16, b"p" * 16
SHAPES = {ORDERS: b"orders", PAYMENTS: b"payments"}
NOTHING = LaneRows({}, frozenset(), {}, [], 0)


def subscription(
    number: int, name: str = "a", shape: bytes = ORDERS, key: bytes = b"", lane: bytes = LANE
) -> SubscriptionRow:
    """An execution that waits in a lane."""
    return SubscriptionRow(0, lane, shape, key, execution_id(number), name, 5)


def event(received_at_us: int, digest: bytes = b"", lane: bytes = LANE) -> LaneEventRow:
    """An event that a lane has heard."""
    return LaneEventRow(
        0, lane, digest or b"d%d" % received_at_us, received_at_us, received_at_us + 100, b"{}"
    )


def seen(digest: bytes, expires_at_us: int = 900, lane: bytes = LANE) -> LaneSeenRow:
    """The digest of such an event."""
    return LaneSeenRow(0, lane, digest, expires_at_us)


def asking(
    *pairs: tuple[bytes, bytes], after: str = "", limit: int = 10, lane: bytes = LANE
) -> SubscriberQuery:
    """Who waits under these pairs?"""
    return SubscriberQuery(lane, pairs, after, limit)


async def read(store: Store, query: LaneQuery) -> LaneRows:
    """One lane alone."""
    return (await store.read_lanes([query]))[query.lane]


class LaneSuite:
    """The part of the contract that is about lanes."""

    async def test_a_lane_that_nobody_used_holds_nothing(self, store: Store) -> None:
        query = LaneQuery(LANE, (b"d",), ("slot",), 0)
        assert await store.read_lanes([query]) == {LANE: NOTHING}
        assert await store.read_lanes([]) == {}
        assert await store.subscribers([asking((ORDERS, b""))]) == [[]]
        assert await store.subscribers([asking()]) == [[]]

    async def test_a_lane_shows_each_filter_once_while_somebody_waits_with_it(self, store: Store) -> None:
        await took(store)
        rows = [subscription(n, key=b"%d" % n) for n in range(1, 6)] + [subscription(6, shape=PAYMENTS)]
        other = subscription(7, shape=PAYMENTS, lane=OTHER_LANE)
        await store.commit([commit(shapes=SHAPES, subscriptions=[*rows, other])])
        lanes = await store.read_lanes([LaneQuery(LANE), LaneQuery(OTHER_LANE)])
        assert lanes == {
            LANE: replace(NOTHING, shapes=SHAPES),
            OTHER_LANE: replace(NOTHING, shapes={PAYMENTS: b"payments"}),
        }
        await store.commit([commit(subscriptions_gone=[(LANE, execution_id(6), "a")])])
        assert (await read(store, LaneQuery(LANE))).shapes == {ORDERS: b"orders"}

    async def test_the_text_of_a_filter_is_written_once(self, store: Store) -> None:
        await took(store)
        for text in (b"first", b"second"):
            await store.commit([commit(shapes={ORDERS: text}, subscriptions=[subscription(1)])])
        assert (await read(store, LaneQuery(LANE))).shapes == {ORDERS: b"first"}

    async def test_subscribers_are_found_by_filter_and_key_in_order(self, store: Store) -> None:
        await took(store)
        rows = [
            subscription(3, key=b"k"),
            subscription(1, "b", key=b"k"),
            subscription(1, "a"),
            subscription(2, key=b"other"),
            subscription(4, shape=PAYMENTS, key=b"k"),
            subscription(5, key=b"k", lane=OTHER_LANE),
        ]
        await store.commit([commit(shapes=SHAPES, subscriptions=rows)])
        found = await store.subscribers(
            [
                asking((ORDERS, b"k"), (ORDERS, b""), (ORDERS, b"k")),
                asking((ORDERS, b"k"), lane=OTHER_LANE),
                asking((ORDERS, b"k"), (PAYMENTS, b"k"), after=execution_id(1)),
            ]
        )
        assert found == [[rows[2], rows[1], rows[0]], [rows[5]], [rows[0], rows[4]]]

    async def test_pages_of_subscribers_never_cut_an_execution(self, store: Store) -> None:
        await took(store)
        rows = [subscription(number, name) for number in (1, 2, 3) for name in ("a", "b", "c")]
        late = subscription(2, "d", key=b"k")
        await store.commit([commit(shapes=SHAPES, subscriptions=[*rows, late])])
        query = asking((ORDERS, b""), (ORDERS, b"k"), limit=4)
        [first] = await store.subscribers([query])
        assert first == [*rows[:6], late]
        [second, single] = await store.subscribers(
            [replace(query, after=first[-1].execution_id), replace(query, limit=1)]
        )
        assert (second, single) == (rows[6:], rows[:3])

    async def test_a_subscription_is_replaced_and_ends_by_its_id(self, store: Store) -> None:
        await took(store)
        await store.commit([commit(shapes=SHAPES, subscriptions=[subscription(1), subscription(1, "b")])])
        again = subscription(1, shape=PAYMENTS, key=b"k")
        await store.commit([commit(subscriptions=[again])])
        query = asking((ORDERS, b""), (PAYMENTS, b"k"))
        assert await store.subscribers([query]) == [[again, subscription(1, "b")]]
        gone = [
            (LANE, execution_id(1), "a"),
            (LANE, execution_id(8), "a"),
            (OTHER_LANE, execution_id(1), "b"),
        ]
        await store.commit([commit(subscriptions_gone=gone)])
        assert await store.subscribers([query]) == [[subscription(1, "b")]]

    async def test_events_since_a_time_come_oldest_first_beside_their_number(self, store: Store) -> None:
        await took(store)
        rows = [event(30), event(20, b"y"), event(20, b"x"), event(10), event(40, lane=OTHER_LANE)]
        await store.commit([commit(lane_events=rows)])
        lanes = await store.read_lanes([LaneQuery(LANE, events_since_us=20), LaneQuery(OTHER_LANE)])
        assert lanes[LANE] == replace(NOTHING, events=[rows[2], rows[1], rows[0]], buffered=4)
        assert lanes[OTHER_LANE] == replace(NOTHING, buffered=1)

    async def test_an_event_is_kept_once_and_goes_by_its_digest(self, store: Store) -> None:
        await took(store)
        await store.commit([commit(lane_events=[event(10, b"d"), event(11, b"e")])])
        gone = [(LANE, b"e"), (LANE, b"unknown"), (OTHER_LANE, b"d")]
        await store.commit([commit(lane_events=[event(12, b"d")], lane_events_gone=gone)])
        assert (await read(store, LaneQuery(LANE, events_since_us=0))).events == [event(12, b"d")]

    async def test_digests_and_counters_are_read_as_far_as_asked(self, store: Store) -> None:
        await took(store)
        counters = [CounterRow(0, LANE, "slot", b"1"), CounterRow(0, LANE, "open", b"2")]
        await store.commit([commit(lanes_seen=[seen(b"d"), seen(b"e")], counters=counters)])
        found = await read(store, LaneQuery(LANE, (b"d", b"f"), ("slot", "other")))
        assert found == replace(NOTHING, seen=frozenset({b"d"}), counters={"slot": b"1"})

    async def test_a_counter_is_replaced_and_an_empty_one_goes(self, store: Store) -> None:
        await took(store)
        for values in ((b"1", b"2"), (b"3", b"")):
            counters = [CounterRow(0, LANE, name, value) for name, value in zip("ab", values, strict=True)]
            await store.commit([commit(counters=counters)])
        assert (await read(store, LaneQuery(LANE, counters=("a", "b")))).counters == {"a": b"3"}

    async def test_what_lanes_remember_is_forgotten_in_time_and_in_portions(self, store: Store) -> None:
        await took(store)
        kept = event(51)
        await store.commit(
            [commit(lane_events=[event(10), event(20), kept], lanes_seen=[seen(b"d", 110), seen(b"e", 151)])]
        )
        assert await store.expire_lanes(110, 9) == 0
        assert await store.expire_lanes(151, 1) == 2
        assert await store.expire_lanes(151, 9) == 1
        query = LaneQuery(LANE, (b"d", b"e"), events_since_us=0)
        assert await read(store, query) == replace(NOTHING, seen=frozenset({b"e"}), events=[kept], buffered=1)

    async def test_a_fenced_shard_leaves_lanes_and_messages_alone(self, store: Store) -> None:
        await took(store)
        await store.take([0], "b")
        stale = commit(
            shapes=SHAPES, subscriptions=[subscription(1)], lane_events=[event(1)], lanes_seen=[seen(b"d")],
            counters=[CounterRow(0, LANE, "slot", b"1")], peers={1: 1},
        )  # fmt: skip
        assert await store.commit([stale]) == set()
        assert await read(store, LaneQuery(LANE, (b"d",), ("slot",), 0)) == NOTHING
        assert await store.peers([0]) == {}
