"""The multiples of a period."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.civil.fire_times import EveryTimes
from tidemill.civil.zones import CIVIL_US_MAX


@pytest.mark.parametrize(
    ("time_us", "before_us", "after_us"),
    [
        (-5, None, 110),
        (100, None, 110),
        (109, None, 110),
        (110, None, 120),
        (111, 110, 120),
        (120, 110, 130),
        (1_000_000, 999_990, 1_000_010),
    ],
)
def test_the_first_is_one_period_after_the_start(time_us: int, before_us: int | None, after_us: int) -> None:
    times = EveryTimes(start_us=100, period_us=10)
    assert times.before(time_us) == before_us
    assert times.after(time_us) == after_us


@given(st.integers(0, 50), st.integers(1, 9), st.integers(-5, 100), st.integers(-5, 100))
def test_every_question_is_answered_as_a_list_of_all_would(
    start_us: int, period_us: int, first_us: int, last_us: int
) -> None:
    every = [start_us + number * period_us for number in range(1, 300)]
    times = EveryTimes(start_us, period_us)
    assert times.after(first_us) == min(time_us for time_us in every if time_us > first_us)
    assert times.before(first_us) == max((time_us for time_us in every if time_us < first_us), default=None)
    assert times.count(first_us, last_us) == sum(first_us <= time_us <= last_us for time_us in every)


def test_there_is_an_end_of_all_schedules() -> None:
    times = EveryTimes(CIVIL_US_MAX - 25, 10)
    assert times.after(CIVIL_US_MAX - 15) == CIVIL_US_MAX - 5
    assert times.after(CIVIL_US_MAX - 5) is None
    assert times.before(CIVIL_US_MAX + 100) == CIVIL_US_MAX - 5
    assert times.count(0, CIVIL_US_MAX + 100) == 2


@pytest.mark.parametrize("period_us", [0, -1])
def test_a_period_of_nothing_is_refused(period_us: int) -> None:
    with pytest.raises(ValueError, match="a period must be longer than nothing"):
        EveryTimes(0, period_us)
