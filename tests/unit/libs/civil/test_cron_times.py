"""When a cron expression fires: by tables for the days on which clocks change, and against a slow oracle."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.libs.civil.clocks import (
    BUSY_EXPRESSIONS,
    DAY_US,
    EXPRESSIONS,
    MINUTE_US,
    NEAR_CHANGES,
    ZONES,
    fires_minute_by_minute,
    fits,
    text_of,
    us,
    utc,
)
from tidemill.civil.cron import parse_cron, read_cron
from tidemill.civil.fire_times import CronTimes
from tidemill.civil.zones import CIVIL_US_MAX, load_zone, local_of


def fires(expression: str, zone: str, after: str, wanted: int) -> list[str]:
    """The next fire times, as text."""
    times = CronTimes(expression, load_zone(zone))
    found: list[str] = []
    time_us: int | None = utc(after)
    while time_us is not None and len(found) < wanted:
        time_us = times.after(time_us)
        found.append(text_of(time_us))
    return found


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        # A time in the gap fires at its end, and on the days around it as ever.
        (
            "30 2 * * *",
            "America/New_York",
            "2025-03-08 00:00",
            ["2025-03-08 07:30", "2025-03-09 07:00", "2025-03-10 06:30"],
        ),
        # Several times of one gap, and the time at its end, fire once.
        ("*/10 2 * * *", "America/New_York", "2025-03-09 00:00", ["2025-03-09 07:00", "2025-03-10 06:00"]),
        ("*/30 2,3 * * *", "Europe/Berlin", "2025-03-30 00:30", ["2025-03-30 01:00", "2025-03-30 01:30"]),
        ("* * * * *", "America/New_York", "2025-03-09 06:58",
         ["2025-03-09 06:59", "2025-03-09 07:00", "2025-03-09 07:01"]),
        # The first half of a gap of half an hour.
        ("15 2 * * *", "Australia/Lord_Howe", "2025-10-04 00:00", ["2025-10-04 15:30", "2025-10-05 15:15"]),
        ("45 2 * * *", "Australia/Lord_Howe", "2025-10-04 00:00", ["2025-10-04 15:45", "2025-10-05 15:45"]),
        # A time that occurs twice fires at the first.
        ("30 1 * * *", "America/New_York", "2025-11-02 00:00", ["2025-11-02 05:30", "2025-11-03 06:30"]),
        ("30 2 * * *", "Europe/Berlin", "2025-10-25 12:00", ["2025-10-26 00:30", "2025-10-27 01:30"]),
        ("*/15 1 * * *", "Australia/Lord_Howe", "2025-04-05 14:20",
         ["2025-04-05 14:30", "2025-04-05 14:45", "2025-04-06 14:30"]),
        # Hourly work pauses while an hour is shown again.
        ("0 * * * *", "America/New_York", "2025-11-02 03:30",
         ["2025-11-02 04:00", "2025-11-02 05:00", "2025-11-02 07:00"]),
        ("* * * * *", "America/New_York", "2025-11-02 06:10", ["2025-11-02 07:00"]),
        # Midnight does not exist, or the hour before it comes twice.
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-03 04:00", ["2018-11-04 03:00", "2018-11-05 02:00"]),
        ("30 23 * * *", "America/Sao_Paulo", "2018-02-17 02:00", ["2018-02-18 01:30", "2018-02-19 02:30"]),
        ("0 0 * * *", "America/Sao_Paulo", "2018-02-17 12:00", ["2018-02-18 03:00", "2018-02-19 03:00"]),
        ("30 2 * * *", "Africa/Casablanca", "2025-04-05 12:00", ["2025-04-06 02:00", "2025-04-07 01:30"]),
        # A whole day is missing: what belongs to it fires once, as the next day begins.
        ("0 9 30 12 *", "Pacific/Apia", "2011-12-01 00:00", ["2011-12-30 10:00", "2012-12-29 19:00"]),
        ("0 0,9 * * *", "Pacific/Apia", "2011-12-29 12:00",
         ["2011-12-29 19:00", "2011-12-30 10:00", "2011-12-30 19:00"]),
        # Without any change of clocks.
        ("30 2 * * *", "Asia/Tokyo", "2025-03-29 00:00", ["2025-03-29 17:30", "2025-03-30 17:30"]),
    ],
)  # fmt: skip
def test_on_the_days_on_which_clocks_change(
    expression: str, zone: str, after: str, expected: list[str]
) -> None:
    assert fires(expression, zone, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 0 29 2 *", "2024-02-29 00:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 29 2 *", "2096-02-29 00:00", ["2104-02-29 00:00"]),
        # Both fields restricted, one of them by `*/`: the day must be both, a Sunday and the 29th.
        ("0 0 29 2 */7", "2025-01-01 00:00", ["2032-02-29 00:00", "2060-02-29 00:00", "2088-02-29 00:00"]),
        ("0 0 29 2 */7", "2088-02-29 00:00", ["2128-02-29 00:00"]),
        ("0 0 31 * *", "2025-01-31 00:00", ["2025-03-31 00:00", "2025-05-31 00:00", "2025-07-31 00:00"]),
        ("59 23 31 12 *", "2025-12-31 23:58", ["2025-12-31 23:59", "2026-12-31 23:59"]),
        ("0 0 1 1 *", "2025-12-31 23:59:59.999999", ["2026-01-01 00:00", "2027-01-01 00:00"]),
        ("*/20 * * * *", "2025-12-31 23:30", ["2025-12-31 23:40", "2026-01-01 00:00"]),
        # Either day when both are restricted.
        ("0 8 13 * FRI", "2025-06-01 00:00", ["2025-06-06 08:00", "2025-06-13 08:00", "2025-06-20 08:00"]),
        ("0 8 13 * FRI", "2025-07-12 00:00", ["2025-07-13 08:00", "2025-07-18 08:00"]),
        ("0 8 * * mon-fri", "2025-06-06 08:00", ["2025-06-09 08:00"]),
        ("0 8 * jan-mar 7", "2025-03-24 00:00", ["2025-03-30 08:00", "2026-01-04 08:00"]),
        ("5,50 8-10/2 * * *", "2025-06-06 08:05",
         ["2025-06-06 08:50", "2025-06-06 10:05", "2025-06-06 10:50"]),
        ("* * * * *", "2025-06-06 08:05:00.000001", ["2025-06-06 08:06"]),
        ("* * * * *", "2025-06-06 08:04:59.999999", ["2025-06-06 08:05"]),
        ("0 0 30 2 *", "2025-06-06 08:00", ["never"]),
        ("0 0 31 4,6,9,11 *", "2025-06-06 08:00", ["never"]),
    ],
)  # fmt: skip
def test_in_utc(expression: str, after: str, expected: list[str]) -> None:
    assert fires(expression, "UTC", after, len(expected)) == expected


def test_what_never_comes_has_no_past_and_no_number_either() -> None:
    times = CronTimes("0 0 30 2 *", load_zone("Europe/Berlin"))
    assert times.before(utc("2025-01-01 00:00")) is None
    assert times.count(0, utc("2100-01-01 00:00")) == 0


@pytest.mark.parametrize("name", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_there_is_an_end_of_all_schedules(name: str) -> None:
    times = CronTimes("* * * * *", load_zone(name))
    assert times.after(CIVIL_US_MAX - 1) == CIVIL_US_MAX
    assert times.after(CIVIL_US_MAX) is None
    assert times.before(CIVIL_US_MAX + 1) == CIVIL_US_MAX
    assert times.before(CIVIL_US_MAX + 2 * DAY_US) == CIVIL_US_MAX
    assert CronTimes("0 0 31 12 *", load_zone(name)).after(CIVIL_US_MAX - DAY_US) is None


def test_what_is_not_cron_is_refused() -> None:
    with pytest.raises(ValueError, match="a cron expression has five fields"):
        CronTimes("@daily", load_zone("UTC"))
    with pytest.raises(ValueError, match="`60` is not a minute of cron"):
        CronTimes("60 * * * *", load_zone("UTC"))


def test_days_that_never_come_are_refused_to_authors_alone() -> None:
    with pytest.raises(ValueError, match="`0 0 30 2 \\*` never comes"):
        parse_cron("0 0 30 2 *")
    assert read_cron("0 0 30 2 *").days == {30}


@pytest.mark.parametrize(
    ("expression", "zone", "time", "expected"),
    [
        ("30 1 * * *", "America/New_York", "2025-11-02 05:30", "2025-11-01 05:30"),
        ("30 1 * * *", "America/New_York", "2025-11-02 05:30:00.000001", "2025-11-02 05:30"),
        # While an hour is shown again, all of it is past, though its clocks stand before the half.
        ("30 1 * * *", "America/New_York", "2025-11-02 06:10", "2025-11-02 05:30"),
        ("50 1 * * *", "Australia/Lord_Howe", "2025-04-05 15:05", "2025-04-05 14:50"),
        ("30 2 * * *", "America/New_York", "2025-03-09 07:00", "2025-03-08 07:30"),
        ("30 2 * * *", "America/New_York", "2025-03-09 07:01", "2025-03-09 07:00"),
        ("0 9 30 12 *", "Pacific/Apia", "2011-12-31 00:00", "2011-12-30 10:00"),
        ("0 0 29 2 *", "UTC", "2104-02-29 00:00", "2096-02-29 00:00"),
        ("0 0 31 * *", "UTC", "2025-03-31 00:00", "2025-01-31 00:00"),
    ],
)
def test_the_one_before(expression: str, zone: str, time: str, expected: str) -> None:
    assert text_of(CronTimes(expression, load_zone(zone)).before(utc(time))) == expected


@pytest.mark.parametrize(
    ("expression", "zone", "first", "last", "expected"),
    [
        # What a day that was left out fires falls on the day after it, which need not fit itself.
        ("0 9 30 12 *", "Pacific/Apia", "2011-12-30 10:00", "2011-12-31 09:59", 1),
        ("0 0,9 30,31 12 *", "Pacific/Apia", "2011-12-30 10:00", "2011-12-31 09:59", 2),
        ("*/10 2 * * *", "America/New_York", "2025-03-08 05:00", "2025-03-11 03:59", 6 + 1 + 6),
        ("*/10 1 * * *", "America/New_York", "2025-11-01 04:00", "2025-11-04 04:59", 18),
        ("*/10 1 * * *", "America/New_York", "2025-11-02 05:15", "2025-11-02 06:45", 4),
        ("* * * * *", "Europe/Berlin", "2025-06-06 10:00", "2025-06-06 10:00", 1),
        ("* * * * *", "Europe/Berlin", "2025-06-06 10:00", "2025-06-06 09:59", 0),
    ],
)
def test_how_many_there_are(expression: str, zone: str, first: str, last: str, expected: int) -> None:
    assert CronTimes(expression, load_zone(zone)).count(utc(first), utc(last)) == expected


@settings(max_examples=80, deadline=None)
@given(BUSY_EXPRESSIONS | EXPRESSIONS, st.sampled_from(ZONES), NEAR_CHANGES)
@example("* * * * *", "America/New_York", utc("2025-11-02 00:00"))
@example("*/10 2 * * *", "America/New_York", utc("2025-03-08 12:00"))
@example("*/10 23 29-31 * *", "Pacific/Apia", utc("2011-12-29 12:00"))
def test_it_fires_when_a_look_at_each_minute_says_so(expression: str, name: str, start_us: int) -> None:
    zone = load_zone(name)
    end_us = start_us + 2 * DAY_US
    expected = list(fires_minute_by_minute(expression, zone, start_us, end_us))
    times = CronTimes(expression, zone)

    forwards = [time_us for time_us in [times.after(start_us - 1)] if time_us is not None]
    while forwards and forwards[-1] <= end_us:
        next_us = times.after(forwards[-1])
        assert next_us is not None
        forwards.append(next_us)
    assert forwards[:-1] == expected

    backwards = [time_us for time_us in [times.before(end_us + 1)] if time_us is not None]
    while backwards and backwards[-1] >= start_us:
        earlier_us = times.before(backwards[-1])
        assert earlier_us is not None
        backwards.append(earlier_us)
    assert backwards[-2::-1] == expected

    assert times.count(start_us, end_us) == len(expected)


@settings(max_examples=100, deadline=None)
@given(BUSY_EXPRESSIONS, st.sampled_from(ZONES), NEAR_CHANGES, NEAR_CHANGES)
def test_any_two_instants_hold_as_many_as_steps_find(
    expression: str, name: str, one_us: int, other_us: int
) -> None:
    times = CronTimes(expression, load_zone(name))
    first_us, last_us = one_us, one_us + abs(other_us - one_us) % (4 * DAY_US)
    steps = 0
    time_us = times.after(first_us - 1)
    while time_us is not None and time_us <= last_us:
        steps += 1
        time_us = times.after(time_us)
    assert times.count(first_us, last_us) == steps
    newest_us = times.before(last_us + 1)
    assert newest_us is not None
    assert newest_us <= last_us < (times.after(newest_us) or CIVIL_US_MAX)


@settings(deadline=None)
@given(EXPRESSIONS, st.sampled_from(ZONES), NEAR_CHANGES)
def test_fire_times_only_go_on_and_fit_or_end_a_gap(expression: str, name: str, start_us: int) -> None:
    zone = load_zone(name)
    times = CronTimes(expression, zone)
    found = [start_us]
    while len(found) < 20 and (next_us := times.after(found[-1])) is not None:
        found.append(next_us)
    assert all(earlier < later for earlier, later in pairwise(found))
    for time_us in found[1:]:
        shown = local_of(time_us, zone)
        before = local_of(time_us - 1, zone)
        after_gap = shown.utcoffset() != before.utcoffset()
        assert not shown.fold
        assert fits(read_cron(expression), shown) or after_gap
        assert times.after(time_us - 1) == time_us
        assert times.before(time_us + 1) == time_us


@settings(max_examples=50, deadline=None)
@given(EXPRESSIONS, st.dates(date(1999, 1, 1), date(2105, 1, 1)))
def test_the_days_between_two_fire_times_do_not_fit(expression: str, day: date) -> None:
    start_us = utc(f"{day} 00:00")
    cron = read_cron(expression)
    fire_us = CronTimes(expression, load_zone("UTC")).after(start_us - 1)
    clock = timedelta(hours=min(cron.hours), minutes=min(cron.minutes))
    midnights = (local_of(start_us + days * DAY_US, load_zone("UTC")) for days in range(41 * 366))
    assert fire_us == next((us(time + clock) for time in midnights if fits(cron, time + clock)), None)


def test_a_year_of_missed_minutes_is_counted_by_days() -> None:
    # All but the hour that is shown again; the hour that the clocks jump over takes no time.
    times = CronTimes("* * * * *", load_zone("Europe/Berlin"))
    first_us, last_us = utc("2023-12-31 23:00"), utc("2024-12-31 22:59")
    assert (last_us - first_us) // MINUTE_US + 1 == 366 * 1440
    assert times.count(first_us, last_us) == 366 * 1440 - 60
