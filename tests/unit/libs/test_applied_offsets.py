"""Which offsets are applied, held against a set of them."""

from hypothesis import given
from hypothesis import strategies as st

from tidemill.applied_offsets import AppliedOffsets, read_applied

OFFSETS = st.sets(st.integers(0, 60))
LOOKED_AT = range(70)


def made(offsets: set[int]) -> AppliedOffsets:
    return AppliedOffsets().with_applied(offsets)


def held(applied: AppliedOffsets) -> set[int]:
    return {offset for offset in LOOKED_AT if offset in applied}


@given(OFFSETS, OFFSETS)
def test_it_holds_what_was_applied_and_nothing_else(first: set[int], then: set[int]) -> None:
    applied = made(first).with_applied(then)
    assert held(applied) == first | then
    assert applied == made(first | then)
    assert applied.next not in applied
    assert applied.end == max(first | then, default=-1) + 1
    assert applied.next + applied.count_ahead() == len(first | then)


@given(OFFSETS)
def test_it_is_read_as_it_was_written(offsets: set[int]) -> None:
    applied = made(offsets)
    assert read_applied(applied.next, applied.ahead_bytes()) == applied


@given(OFFSETS, st.integers(0, 60))
def test_it_counts_what_is_missing(offsets: set[int], further: int) -> None:
    applied = made(offsets)
    before = applied.next + further
    assert applied.count_missing(before) == len(set(range(before)) - offsets)


@given(OFFSETS, st.integers(0, 60), st.integers(0, 60))
def test_within_a_log_it_lacks_nothing_in_front_and_has_nothing_behind(
    offsets: set[int], first: int, length: int
) -> None:
    end = first + length
    inside = {offset for offset in offsets if first <= offset < end}
    # A shard that has applied more than a shorter log holds goes on at its end.
    applied = made(offsets)
    found = applied.within(first, end)
    if end <= applied.next:
        assert found == AppliedOffsets(end)
    else:
        in_front = set(range(min(max(first, applied.next), end)))
        assert held(found) == inside | in_front
    assert first <= max(found.next, first) <= end


def test_nothing_ahead_takes_no_bytes() -> None:
    assert made({0, 1, 2}).ahead_bytes() == b""
    assert made({0, 2, 11}).ahead_bytes() == b"\x02\x04"
