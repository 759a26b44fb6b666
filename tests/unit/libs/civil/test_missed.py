"""Which of several due fire times start, by policy, and against a plain enumeration of all of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.libs.civil.clocks import (
    BUSY_EXPRESSIONS,
    DAY_US,
    MINUTE_US,
    NEAR_CHANGES,
    ZONES,
    text_of,
    utc,
)
from tidemill.civil.fire_times import CronTimes, EveryTimes, FireTimes
from tidemill.civil.missed import DueFires, MissedFires, MissedKind, due_fires, parse_missed_fires
from tidemill.civil.zones import load_zone
from tidemill.json import Json

SKIP = MissedFires(MissedKind.SKIP)
ONE = MissedFires(MissedKind.ONE)
TEN_MINUTES = EveryTimes(0, 10)


def all_up_to(count_max: int) -> MissedFires:
    return MissedFires(MissedKind.ALL, count_max)


@pytest.mark.parametrize(
    ("value", "policy"),
    [
        (None, ONE),
        ("one", ONE),
        ("skip", SKIP),
        ({"all": 1}, all_up_to(1)),
        ({"all": 1000}, all_up_to(1000)),
    ],
)
def test_a_policy_is_read(value: Json, policy: MissedFires) -> None:
    assert parse_missed_fires(value) == policy


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"all": 0}, "`all` goes from 1 to 1,000 missed fire times"),
        ({"all": 1001}, "`all` goes from 1 to 1,000 missed fire times"),
        ({"all": True}, "missed fire times take `skip`, `one` or"),
        ({"all": 1.5}, "missed fire times take `skip`, `one` or"),
        ({"all": 1, "more": 2}, "missed fire times take `skip`, `one` or"),
        ({}, "missed fire times take `skip`, `one` or"),
        ("all", "missed fire times take `skip`, `one` or"),
        (["skip"], "missed fire times take `skip`, `one` or"),
        (3, "missed fire times take `skip`, `one` or"),
    ],
)
def test_another_policy_is_refused(value: Json, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_missed_fires(value)


@pytest.mark.parametrize(
    ("policy", "due_us", "now_us", "expected"),
    [
        # Nothing missed: each policy starts the one that is due.
        (SKIP, 30, 30, DueFires((30,), 0, 40)),
        (ONE, 30, 39, DueFires((30,), 0, 40)),
        (all_up_to(3), 30, 35, DueFires((30,), 0, 40)),
        # Late by the limit is on time; by more is missed.
        (SKIP, 30, 35, DueFires((30,), 0, 40)),
        (SKIP, 30, 36, DueFires((), 1, 40)),
        (ONE, 30, 36, DueFires((30,), 0, 40)),
        # Several are due; the newest of them is on time, or is not.
        (SKIP, 30, 72, DueFires((70,), 4, 80)),
        (SKIP, 30, 76, DueFires((), 5, 80)),
        (ONE, 30, 72, DueFires((70,), 4, 80)),
        (ONE, 30, 76, DueFires((70,), 4, 80)),
        (all_up_to(3), 30, 76, DueFires((50, 60, 70), 2, 80)),
        (all_up_to(5), 30, 76, DueFires((30, 40, 50, 60, 70), 0, 80)),
        (all_up_to(9), 30, 76, DueFires((30, 40, 50, 60, 70), 0, 80)),
        # A fire time that falls on now is due now, and the next one lies after it.
        (ONE, 30, 40, DueFires((40,), 1, 50)),
        # Not due yet, or not a fire time itself.
        (ONE, 40, 39, DueFires((), 0, 40)),
        (all_up_to(5), 31, 39, DueFires((), 0, 40)),
        (all_up_to(5), 31, 45, DueFires((40,), 0, 50)),
    ],
)
def test_what_is_due_comes_to(policy: MissedFires, due_us: int, now_us: int, expected: DueFires) -> None:
    assert due_fires(TEN_MINUTES, due_us, now_us, policy, late_us_max=5) == expected


def test_a_minute_late_is_on_time_unless_said_otherwise() -> None:
    times = EveryTimes(0, 60 * MINUTE_US)
    assert due_fires(times, 60 * MINUTE_US, 61 * MINUTE_US, SKIP).starts == (60 * MINUTE_US,)
    assert due_fires(times, 60 * MINUTE_US, 61 * MINUTE_US + 1, SKIP).starts == ()


def test_a_year_of_missed_seconds_is_arithmetic() -> None:
    year_us = 365 * DAY_US
    found = due_fires(EveryTimes(0, 1_000_000), 1_000_000, year_us, all_up_to(2))
    assert found == DueFires((year_us - 1_000_000, year_us), 365 * 86_400 - 2, year_us + 1_000_000)


def test_what_was_missed_in_a_gap_is_one() -> None:
    times = CronTimes("*/10 2 * * *", load_zone("America/New_York"))
    found = due_fires(times, utc("2025-03-08 07:00"), utc("2025-03-09 12:00"), all_up_to(3))
    assert [text_of(start_us) for start_us in found.starts] == [
        "2025-03-08 07:40",
        "2025-03-08 07:50",
        "2025-03-09 07:00",
    ]
    assert found.missed == 4
    assert text_of(found.next_us) == "2025-03-10 06:00"


def test_what_never_comes_is_never_due() -> None:
    times = CronTimes("0 0 30 2 *", load_zone("UTC"))
    assert due_fires(times, 0, utc("2025-01-01 00:00"), ONE) == DueFires((), 0, None)


def by_enumeration(
    times: FireTimes, due_us: int, now_us: int, policy: MissedFires, late_us_max: int
) -> DueFires:
    """The rule as it is told, over a list of all that is due."""
    due: list[int] = []
    next_us = times.after(due_us - 1)
    while next_us is not None and next_us <= now_us:
        due.append(next_us)
        next_us = times.after(next_us)
    match policy.kind:
        case MissedKind.SKIP:
            starts = [time_us for time_us in due[-1:] if now_us - time_us <= late_us_max]
        case MissedKind.ONE:
            starts = due[-1:]
        case _:
            starts = due[-policy.count_max :]
    return DueFires(tuple(starts), len(due) - len(starts), times.after(now_us))


TIMES: st.SearchStrategy[FireTimes] = st.builds(
    EveryTimes, NEAR_CHANGES, st.integers(5 * MINUTE_US, DAY_US)
) | st.builds(CronTimes, BUSY_EXPRESSIONS, st.sampled_from(ZONES).map(load_zone))
POLICIES = st.sampled_from([SKIP, ONE]) | st.integers(1, 50).map(all_up_to)


@settings(deadline=None)
@given(TIMES, NEAR_CHANGES, st.integers(0, 2 * DAY_US), POLICIES, st.integers(0, 600 * MINUTE_US))
def test_it_is_what_an_enumeration_finds(
    times: FireTimes, due_us: int, span_us: int, policy: MissedFires, late_us_max: int
) -> None:
    now_us = due_us + span_us
    found = due_fires(times, due_us, now_us, policy, late_us_max=late_us_max)
    assert found == by_enumeration(times, due_us, now_us, policy, late_us_max)
