"""Windows of the week: when they are open and when they open next, also where clocks change."""

from datetime import datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.libs.civil.clocks import MINUTE_US, NEAR_CHANGES, ZONES, text_of, utc
from tidemill.civil.windows import Window, parse_window
from tidemill.civil.zones import instant_of, load_zone, local_of
from tidemill.json import Json

UTC_ZONE = load_zone("UTC")


def opening(days: Json, start: str, end: str, zone: str, now: str) -> str:
    window = parse_window({"days": days, "from": start, "to": end}, load_zone(zone))
    return text_of(window.opening(utc(now)))


@pytest.mark.parametrize(
    ("days", "start", "end", "now", "expected"),
    [
        # 2025-06-06 was a Friday.
        ("weekdays", "09:00", "17:30", "2025-06-06 08:59:59.999999", "2025-06-06 09:00"),
        ("weekdays", "09:00", "17:30", "2025-06-06 09:00", "2025-06-06 09:00"),
        ("weekdays", "09:00", "17:30", "2025-06-06 12:34:56.000007", "2025-06-06 12:34:56.000007"),
        ("weekdays", "09:00", "17:30", "2025-06-06 17:29:59.999999", "2025-06-06 17:29:59.999999"),
        ("weekdays", "09:00", "17:30", "2025-06-06 17:30", "2025-06-09 09:00"),
        ("weekends", "09:00", "17:30", "2025-06-06 12:00", "2025-06-07 09:00"),
        (["fri"], "09:00", "17:30", "2025-06-06 17:30", "2025-06-13 09:00"),
        # Over midnight: the day is that of the opening.
        (["fri"], "22:00", "06:00", "2025-06-06 05:00", "2025-06-06 22:00"),
        (["fri"], "22:00", "06:00", "2025-06-07 05:59", "2025-06-07 05:59"),
        (["fri"], "22:00", "06:00", "2025-06-07 06:00", "2025-06-13 22:00"),
        (["fri"], "22:00", "00:00", "2025-06-06 23:59", "2025-06-06 23:59"),
        (["fri"], "22:00", "00:00", "2025-06-07 00:00", "2025-06-13 22:00"),
        (["fri"], "22:00", "24:00", "2025-06-06 23:59", "2025-06-06 23:59"),
        (["fri"], "22:00", "24:00", "2025-06-07 00:00", "2025-06-13 22:00"),
        # A whole day.
        (["sat"], "00:00", "24:00", "2025-06-06 12:00", "2025-06-07 00:00"),
        (["sat"], "00:00", "24:00", "2025-06-07 23:59", "2025-06-07 23:59"),
        (["sat"], "00:00", "24:00", "2025-06-08 00:00", "2025-06-14 00:00"),
        # Over the end of a year, and the day that only leap years have.
        ("wed", "23:00", "01:00", "2026-01-01 00:30", "2026-01-01 00:30"),
        ("thu", "10:00", "11:00", "2025-12-31 12:00", "2026-01-01 10:00"),
        ("thu", "10:00", "11:00", "2024-02-28 12:00", "2024-02-29 10:00"),
    ],
)  # fmt: skip
def test_in_utc(days: Json, start: str, end: str, now: str, expected: str) -> None:
    assert opening(days, start, end, "UTC", now) == expected


@pytest.mark.parametrize(
    ("days", "start", "end", "zone", "now", "expected"),
    [
        # Spring: the beginning falls into the gap, the end does, both do.
        ("sun", "02:30", "04:00", "America/New_York", "2025-03-09 06:00", "2025-03-09 07:00"),
        ("sun", "02:30", "04:00", "America/New_York", "2025-03-09 07:59", "2025-03-09 07:59"),
        ("sun", "02:30", "04:00", "America/New_York", "2025-03-09 08:00", "2025-03-16 06:30"),
        ("sun", "01:00", "02:30", "America/New_York", "2025-03-09 06:59", "2025-03-09 06:59"),
        ("sun", "01:00", "02:30", "America/New_York", "2025-03-09 07:00", "2025-03-16 05:00"),
        ("sun", "02:10", "02:50", "America/New_York", "2025-03-09 06:00", "2025-03-16 06:10"),
        # The longest wait: just after one week's window, with the next week's in the gap.
        ("sun", "02:10", "02:50", "America/New_York", "2025-03-02 07:50", "2025-03-16 06:10"),
        ("sun", "02:00", "03:00", "Europe/Berlin", "2025-03-30 00:00", "2025-04-06 00:00"),
        ("sun", "02:00", "03:01", "Europe/Berlin", "2025-03-30 00:00", "2025-03-30 01:00"),
        # Autumn: only the first of two such times counts, for the beginning and for the end.
        ("sun", "01:30", "03:00", "America/New_York", "2025-11-02 05:00", "2025-11-02 05:30"),
        ("sun", "01:30", "03:00", "America/New_York", "2025-11-02 06:10", "2025-11-02 06:10"),
        ("sun", "00:30", "01:30", "America/New_York", "2025-11-02 05:29", "2025-11-02 05:29"),
        ("sun", "00:30", "01:30", "America/New_York", "2025-11-02 05:30", "2025-11-09 05:30"),
        ("sun", "00:30", "01:30", "America/New_York", "2025-11-02 06:15", "2025-11-09 05:30"),
        ("sun", "02:15", "02:45", "Europe/Berlin", "2025-10-25 23:00", "2025-10-26 00:15"),
        ("sun", "02:15", "02:45", "Europe/Berlin", "2025-10-26 01:20", "2025-11-02 01:15"),
        # Half an hour.
        ("sun", "02:15", "02:45", "Australia/Lord_Howe", "2025-10-04 15:00", "2025-10-04 15:30"),
        ("sun", "02:00", "02:30", "Australia/Lord_Howe", "2025-10-04 15:00", "2025-10-11 15:00"),
        ("sun", "01:45", "02:15", "Australia/Lord_Howe", "2025-04-05 14:50", "2025-04-05 14:50"),
        ("sun", "01:45", "02:15", "Australia/Lord_Howe", "2025-04-05 15:44", "2025-04-05 15:44"),
        ("sun", "01:45", "02:15", "Australia/Lord_Howe", "2025-04-05 15:45", "2025-04-12 15:15"),
        # Over a midnight that does not exist, and over one that comes after an hour again.
        ("sat", "22:00", "00:30", "America/Sao_Paulo", "2018-11-04 02:59", "2018-11-04 02:59"),
        ("sat", "22:00", "00:30", "America/Sao_Paulo", "2018-11-04 03:00", "2018-11-11 00:00"),
        ("sun", "00:00", "24:00", "America/Sao_Paulo", "2018-11-04 02:00", "2018-11-04 03:00"),
        ("sat", "22:00", "23:30", "America/Sao_Paulo", "2018-02-18 01:45", "2018-02-25 01:00"),
        ("sat", "22:00", "24:00", "America/Sao_Paulo", "2018-02-18 02:45", "2018-02-18 02:45"),
        # A Friday that Samoa did not have.
        ("fri", "09:00", "17:00", "Pacific/Apia", "2011-12-30 00:00", "2012-01-05 19:00"),
        ("fri", "09:00", "17:00", "Asia/Tokyo", "2025-03-30 00:00", "2025-04-04 00:00"),
    ],
)  # fmt: skip
def test_on_the_days_on_which_clocks_change(
    days: Json, start: str, end: str, zone: str, now: str, expected: str
) -> None:
    assert opening(days, start, end, zone, now) == expected


WINDOWS = st.builds(
    Window,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from([0, 30, 60, 90, 120, 135, 180, 600, 1380, 1439]),
    st.sampled_from([15, 45, 75, 105, 125, 150, 181, 900, 1395, 1440]),
    st.sampled_from(ZONES).map(load_zone),
)


@given(WINDOWS, NEAR_CHANGES)
def test_the_opening_is_open_and_not_before_now(window: Window, now_us: int) -> None:
    opened_us = window.opening(now_us)
    assert opened_us >= now_us
    assert window.opening(opened_us) == opened_us
    assert opened_us - now_us <= 15 * 1440 * MINUTE_US
    if opened_us > now_us:
        middle_us = (now_us + opened_us) // 2
        assert window.opening(middle_us) == opened_us
        assert window.opening(opened_us - 1) == opened_us


def is_open(window: Window, now_us: int) -> bool:
    """The rule as it is told, for each day around now."""
    today = local_of(now_us, window.zone).date()
    for days in range(-3, 4):
        midnight = datetime.combine(today + timedelta(days=days), time())
        closing = midnight + timedelta(
            days=window.to_minutes <= window.from_minutes, minutes=window.to_minutes
        )
        opened_us = instant_of(midnight + timedelta(minutes=window.from_minutes), window.zone)
        if midnight.weekday() in window.days and opened_us <= now_us < instant_of(closing, window.zone):
            return True
    return False


@settings(max_examples=40, deadline=None)
@given(WINDOWS, NEAR_CHANGES)
def test_no_quarter_of_an_hour_before_the_opening_is_open(window: Window, now_us: int) -> None:
    opened_us = window.opening(now_us)
    assert is_open(window, opened_us)
    assert not any(is_open(window, time_us) for time_us in range(now_us, opened_us, 15 * MINUTE_US))


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (["mon"], {0}),
        ("SUN", {6}),
        (["mon", "Wed", "mon"], {0, 2}),
        (["weekdays"], {0, 1, 2, 3, 4}),
        ("weekends", {5, 6}),
        (["mon-fri"], {0, 1, 2, 3, 4}),
        (["tue-thu", "sat"], {1, 2, 3, 5}),
        (["fri-mon"], {4, 5, 6, 0}),
        (["sat-sat"], {5}),
    ],
)
def test_days_are_read(days: Json, expected: set[int]) -> None:
    assert parse_window({"days": days, "from": "9:00", "to": "17:30"}, UTC_ZONE).days == expected


def test_a_window_without_days_is_every_day() -> None:
    window = parse_window({"from": "9:05", "to": "24:00"}, UTC_ZONE)
    assert window == Window(frozenset(range(7)), 545, 1440, UTC_ZONE)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("09:00-17:00", "a window has `from` and `to`"),
        ({"from": "09:00"}, "a window has `from` and `to`"),
        ({"from": "09:00", "to": "10:00", "zone": "UTC"}, "a window has `from` and `to`"),
        ({"from": "09:00", "to": "9"}, "`to` must be a time of the clock"),
        ({"from": "9.00", "to": "10:00"}, "`from` must be a time of the clock"),
        ({"from": 540, "to": "10:00"}, "`from` must be a time of the clock"),
        ({"from": "09:60", "to": "10:00"}, "`from` must be a time of the clock"),
        ({"from": "09:00", "to": "24:01"}, "`to` must be a time of the clock"),
        ({"from": "09:00\n", "to": "10:00"}, "`from` must be a time of the clock"),
        ({"from": "\u0660\u0669:00", "to": "10:00"}, "`from` must be a time of the clock"),
        ({"from": "24:00", "to": "06:00"}, "`from` must not be `24:00`; write `00:00`"),
        ({"from": "09:00", "to": "9:00"}, "must differ; a whole day goes from `00:00` to `24:00`"),
        ({"from": "09:00", "to": "10:00", "days": []}, "`days` must name at least one day"),
        ({"from": "09:00", "to": "10:00", "days": ["monday"]}, "`monday` is no day; there are mon, tue"),
        ({"from": "09:00", "to": "10:00", "days": ["mon-"]}, "`mon-` is no day"),
        ({"from": "09:00", "to": "10:00", "days": "-fri"}, "`-fri` is no day"),
        ({"from": "09:00", "to": "10:00", "days": [1]}, "`1` is no day"),
        ({"from": "09:00", "to": "10:00", "days": None}, "`None` is no day"),
        ({"from": "09:00", "to": "10:00", "days": ["mon,tue"]}, "`mon,tue` is no day"),
    ],
)  # fmt: skip
def test_what_is_no_window_is_refused(value: Json, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_window(value, UTC_ZONE)


def test_a_window_without_any_day_never_opens() -> None:
    with pytest.raises(ValueError, match="a window needs at least one day"):
        Window(frozenset(), 0, 60, UTC_ZONE).opening(0)
