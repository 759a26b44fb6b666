"""One lane during one batch: however many events it hears, it keeps as many as it may, the youngest."""

from collections.abc import Iterable

from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.lanes.turn import LaneLimits, LaneTurn
from tidemill.engine.runtime.owned_shard import OwnedShard
from tidemill.engine.runtime.turns import ShardTurn
from tidemill.engine.store.rows import LaneEventRow, LaneRows, ShardCommit, SubscriptionRow
from tidemill.events.shapes import shape_id, shape_of

LIMITS = LaneLimits(event_us=300, seen_us=1_000, events_max=20)
PAID = b'{"type": "paid"}'
LANE = b"shop\0\0events\0paid"


def digest(number: int) -> bytes:
    return number.to_bytes(16, "big")


def stored(numbers: Iterable[int]) -> LaneRows:
    """What the store holds of the lane, all events read."""
    events = [LaneEventRow(0, LANE, digest(number), number, number + 300, PAID) for number in numbers]
    return LaneRows({}, frozenset(), {}, events, len(events))


def begin(rows: LaneRows) -> LaneTurn:
    """A turn that knows how many events the lane holds, and none of them."""
    turn = LaneTurn(0, LANE, LIMITS)
    turn.take(LaneRows({}, frozenset(), {}, [], rows.buffered))
    return turn


def hear(turn: LaneTurn, numbers: Iterable[int], rows: LaneRows) -> None:
    """Hear events as a batch does: where the lane is full its events are read and the oldest forgotten."""
    for number in numbers:
        assert not turn.has_heard(digest(number))
        turn.hear(digest(number), PAID, number)
        if turn.is_full:
            turn.take(rows)
            turn.forget_oldest()


def commit_of(turn: LaneTurn) -> ShardCommit:
    commit = ShardCommit(0, 1, 0, 0, 1)
    turn.add_to(commit)
    return commit


def left(rows: LaneRows, commit: ShardCommit) -> set[bytes]:
    """What the lane holds after the commit."""
    gone = {gone for _, gone in commit.lane_events_gone}
    return {row.digest for row in [*rows.events, *commit.lane_events]} - gone


def test_a_batch_of_many_events_leaves_no_more_than_the_lane_may_hold() -> None:
    rows = stored(range(20))
    turn = begin(rows)
    hear(turn, range(20, 75), rows)
    commit = commit_of(turn)
    kept = left(rows, commit)
    assert len(kept) <= LIMITS.events_max
    assert kept == {digest(number) for number in range(75 - len(kept), 75)}
    # Each row that goes is named once.
    assert len(commit.lane_events_gone) == len(set(commit.lane_events_gone)) == len(rows.events)


def test_a_lane_that_holds_too_many_comes_back_to_its_limit_at_once() -> None:
    rows = stored(range(100))
    turn = begin(rows)
    hear(turn, [100], rows)
    assert left(rows, commit_of(turn)) == {digest(number) for number in range(83, 101)}


def test_a_wait_that_opens_in_the_batch_hears_of_nothing_that_was_forgotten() -> None:
    rows = stored(range(20))
    turn = begin(rows)
    hear(turn, range(20, 24), rows)
    turn.take(rows)
    shape = shape_of({"with": {"type": "paid"}})
    wait = SubscriptionRow(0, LANE, shape_id(shape), b"", f"{7:08x}-0190a000-0000-7000-8000-{7:012x}", "w", 0)
    early = turn.subscribe(wait, shape, 24)
    assert [row.digest for row in early] == [digest(number) for number in range(6, 24)]


def test_events_are_heard_later_in_the_order_in_which_they_were_accepted() -> None:
    owned = OwnedShard(0, epoch=1, applied=AppliedOffsets(), clock_us=50, commit_number=0)
    rows: list[LaneEventRow] = []
    # Two batches under a clock that stands still, and the digests the other way round.
    for numbers in ((6, 5, 4), (3, 2, 1)):
        batch = ShardTurn(owned, owned.clock_us, shards=1, messages_left=0, snapshot_events_min=100)
        turn = begin(stored([]))
        for number in numbers:
            turn.hear(digest(number), PAID, batch.next_heard_us())
        rows += commit_of(turn).lane_events
        owned.heard_us = batch.heard_us
    reader = LaneTurn(0, LANE, LIMITS)
    reader.take(LaneRows({}, frozenset(), {}, rows, len(rows)))
    shape = shape_of({"with": {"type": "paid"}})
    wait = SubscriptionRow(0, LANE, shape_id(shape), b"", f"{7:08x}-0190a000-0000-7000-8000-{7:012x}", "w", 0)
    early = [row.digest for row in reader.subscribe(wait, shape, 60)]
    assert early == [digest(number) for number in (6, 5, 4, 3, 2, 1)]
