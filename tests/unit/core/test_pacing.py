"""Slots of a pace lane: in order, and at most so many in each period."""

from random import Random

from tidemill.engine.core.pacing import next_slot


def slots(times: list[int], limit: int, per_us: int) -> list[int]:
    counter, given = b"", []
    for now_us in times:
        slot_us, counter = next_slot(counter, limit, per_us, now_us)
        given.append(slot_us)
    return given


def test_the_first_ones_go_at_once_and_the_others_in_the_periods_after() -> None:
    assert slots([5] * 7, 3, 100) == [5, 5, 5, 105, 105, 105, 205]


def test_who_comes_later_in_a_period_with_room_goes_at_once() -> None:
    assert slots([5, 50, 104], 3, 100) == [5, 50, 104]


def test_periods_begin_anew_after_an_idle_time() -> None:
    assert slots([5, 5, 105, 106, 400], 1, 100) == [5, 105, 205, 305, 405]
    assert slots([5, 5, 205, 206], 1, 100) == [5, 105, 205, 305]


def test_no_period_has_more_than_the_limit_and_slots_never_go_backwards() -> None:
    random = Random(3)
    for _ in range(50):
        limit, per_us = random.randint(1, 5), random.randint(1, 50)
        times = sorted(random.randint(0, 500) for _ in range(60))
        given = slots(times, limit, per_us)
        assert given == sorted(given)
        assert all(slot_us >= now_us for slot_us, now_us in zip(given, times, strict=True))
        # The end of one period and the beginning of the next may both be full, but no more than that.
        pairs = zip(given, given[2 * limit :], strict=False)
        assert all(later_us - slot_us >= per_us for slot_us, later_us in pairs)


def test_a_queue_is_served_by_one_counter() -> None:
    slot_us, counter = 0, b""
    for _ in range(10_000):
        slot_us, counter = next_slot(counter, 2, 10, 0)
    assert slot_us == 49_990
    assert len(counter) < 60
