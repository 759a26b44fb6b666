"""Zones by name, and the two ways between instants and clocks, on the days on which clocks change."""

import importlib.resources
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.libs.civil.clocks import MINUTE_US, NEAR_CHANGES, ZONES, text_of, utc
from tidemill.civil.zones import CIVIL_US_MAX, instant_of, load_zone, local_of, repeat_end

LOCAL_TIMES = st.builds(
    lambda time_us, name: local_of(time_us, load_zone(name)).replace(tzinfo=None, fold=0),
    NEAR_CHANGES,
    st.sampled_from(ZONES),
)


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        # Spring in New York: from 02:00 to 03:00, at 07:00 UTC.
        ("America/New_York", "2025-03-09 01:59:59", "2025-03-09 06:59:59"),
        ("America/New_York", "2025-03-09 02:00", "2025-03-09 07:00"),
        ("America/New_York", "2025-03-09 02:30:15.5", "2025-03-09 07:00"),
        ("America/New_York", "2025-03-09 02:59:59.999999", "2025-03-09 07:00"),
        ("America/New_York", "2025-03-09 03:00", "2025-03-09 07:00"),
        ("America/New_York", "2025-03-09 03:01", "2025-03-09 07:01"),
        # Autumn: from 02:00 back to 01:00, at 06:00 UTC.
        ("America/New_York", "2025-11-02 00:59", "2025-11-02 04:59"),
        ("America/New_York", "2025-11-02 01:00", "2025-11-02 05:00"),
        ("America/New_York", "2025-11-02 01:59", "2025-11-02 05:59"),
        ("America/New_York", "2025-11-02 02:00", "2025-11-02 07:00"),
        ("Europe/Berlin", "2025-03-30 02:00", "2025-03-30 01:00"),
        ("Europe/Berlin", "2025-03-30 02:59", "2025-03-30 01:00"),
        ("Europe/Berlin", "2025-10-26 02:30", "2025-10-26 00:30"),
        ("Europe/Berlin", "2025-10-26 03:00", "2025-10-26 02:00"),
        # Half an hour: back from 02:00 to 01:30 in April, on from 02:00 to 02:30 in October.
        ("Australia/Lord_Howe", "2025-04-06 01:30", "2025-04-05 14:30"),
        ("Australia/Lord_Howe", "2025-04-06 01:59", "2025-04-05 14:59"),
        ("Australia/Lord_Howe", "2025-04-06 02:00", "2025-04-05 15:30"),
        ("Australia/Lord_Howe", "2025-10-05 02:00", "2025-10-04 15:30"),
        ("Australia/Lord_Howe", "2025-10-05 02:29", "2025-10-04 15:30"),
        ("Australia/Lord_Howe", "2025-10-05 02:30", "2025-10-04 15:30"),
        ("Australia/Lord_Howe", "2025-10-05 02:31", "2025-10-04 15:31"),
        # At midnight, so that a day begins at 01:00, or its last hour comes twice.
        ("America/Sao_Paulo", "2018-11-04 00:00", "2018-11-04 03:00"),
        ("America/Sao_Paulo", "2018-02-17 23:30", "2018-02-18 01:30"),
        ("America/Sao_Paulo", "2018-02-18 00:00", "2018-02-18 03:00"),
        # For Ramadan: back on 23 February, on again on 6 April.
        ("Africa/Casablanca", "2025-02-23 02:30", "2025-02-23 01:30"),
        ("Africa/Casablanca", "2025-04-06 02:30", "2025-04-06 02:00"),
        # A day that Samoa did not have.
        ("Pacific/Apia", "2011-12-29 23:59", "2011-12-30 09:59"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 10:00"),
        ("Pacific/Apia", "2011-12-31 00:00", "2011-12-30 10:00"),
        ("Asia/Tokyo", "2025-03-30 02:30", "2025-03-29 17:30"),
        ("UTC", "1970-01-01 00:00", "1970-01-01 00:00"),
        ("UTC", "2024-02-29 12:00:00.000001", "2024-02-29 12:00:00.000001"),
        # Whose clocks were 44 minutes and 30 seconds late until 1972.
        ("Africa/Monrovia", "1971-06-01 12:00", "1971-06-01 12:44:30"),
    ],
)
def test_the_instant_of_a_time_of_the_clock(zone: str, local: str, instant: str) -> None:
    assert text_of(instant_of(datetime.fromisoformat(local), load_zone(zone))) == instant


@pytest.mark.parametrize(
    ("zone", "instant", "local"),
    [
        ("America/New_York", "2025-03-09 06:59:59", "2025-03-09T01:59:59-05:00"),
        ("America/New_York", "2025-03-09 07:00", "2025-03-09T03:00:00-04:00"),
        ("America/New_York", "2025-11-02 05:30", "2025-11-02T01:30:00-04:00"),
        ("America/New_York", "2025-11-02 06:30", "2025-11-02T01:30:00-05:00"),
        ("Australia/Lord_Howe", "2025-10-04 15:30", "2025-10-05T02:30:00+11:00"),
        ("Australia/Lord_Howe", "2025-04-05 15:00", "2025-04-06T01:30:00+10:30"),
        ("Europe/Berlin", "2025-12-31 23:30", "2026-01-01T00:30:00+01:00"),
        ("Pacific/Apia", "2011-12-30 10:00", "2011-12-31T00:00:00+14:00"),
    ],
)
def test_what_the_clocks_show_at_an_instant(zone: str, instant: str, local: str) -> None:
    shown = local_of(utc(instant), load_zone(zone))
    assert shown.isoformat() == local


@given(NEAR_CHANGES, st.sampled_from(ZONES))
def test_an_instant_is_that_of_what_is_shown_unless_it_is_shown_again(time_us: int, name: str) -> None:
    zone = load_zone(name)
    shown = local_of(time_us, zone)
    instant_us = instant_of(shown.replace(tzinfo=None), zone)
    assert (instant_us == time_us) == (not shown.fold)
    assert local_of(instant_us, zone).replace(tzinfo=None, fold=0) == shown.replace(tzinfo=None, fold=0)


@given(LOCAL_TIMES, st.integers(0, 2 * 1440 * MINUTE_US), st.sampled_from(ZONES))
def test_a_later_time_of_the_clock_is_no_earlier_an_instant(local: datetime, more_us: int, name: str) -> None:
    zone = load_zone(name)
    later = local_of(instant_of(local, load_zone("UTC")) + more_us, load_zone("UTC")).replace(tzinfo=None)
    assert instant_of(local, zone) <= instant_of(later, zone)


@given(NEAR_CHANGES, st.sampled_from(ZONES))
def test_what_repeats_ends_where_the_next_time_comes_once(time_us: int, name: str) -> None:
    zone = load_zone(name)
    shown = local_of(time_us, zone)
    if shown.fold:
        end = repeat_end(shown.replace(tzinfo=None, fold=0), zone)
        end_us = instant_of(end, zone)
        assert local_of(end_us - 1, zone).fold
        assert not local_of(end_us, zone).fold
        assert end_us > time_us


def test_what_repeats_in_lord_howe_ends_after_half_an_hour() -> None:
    zone = load_zone("Australia/Lord_Howe")
    end = datetime.fromisoformat("2025-04-06 02:00")
    assert repeat_end(datetime.fromisoformat("2025-04-06 01:30"), zone) == end
    assert repeat_end(datetime.fromisoformat("2025-04-06 01:59:59.999999"), zone) == end


@pytest.mark.parametrize(
    "name", ["Mars/Base", "../etc/passwd", "/etc/localtime", "Europe", "", "europe/paris", "\0"]
)
def test_what_is_no_name_of_a_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a time zone; use a name such as `Europe/Paris` or `UTC`"):
        load_zone(name)


def test_a_zone_is_loaded_once_and_knows_its_name() -> None:
    assert load_zone("Europe/Paris") is load_zone("Europe/Paris")
    assert load_zone("Europe/Paris").key == "Europe/Paris"


def test_the_rules_do_not_come_from_the_machine(tmp_path: Path) -> None:
    (tmp_path / "Europe").mkdir()
    tokyo = importlib.resources.files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo").read_bytes()
    (tmp_path / "Europe/Paris").write_bytes(tokyo)
    zoneinfo.reset_tzpath([tmp_path])
    try:
        noon = datetime.fromisoformat("2025-07-01 12:00")
        assert noon.replace(tzinfo=ZoneInfo.no_cache("Europe/Paris")).utcoffset() == timedelta(hours=9)
        # Past the cache, which other tests may have filled.
        assert noon.replace(tzinfo=load_zone.__wrapped__("Europe/Paris")).utcoffset() == timedelta(hours=2)
    finally:
        zoneinfo.reset_tzpath()


def test_a_time_with_a_zone_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone of its own"):
        instant_of(datetime(2025, 1, 1, tzinfo=UTC), load_zone("UTC"))


@pytest.mark.parametrize("name", ["Etc/GMT+12", "Pacific/Kiritimati"])
def test_the_last_instant_of_schedules_has_a_clock_time_and_a_day_after_it_everywhere(name: str) -> None:
    assert local_of(CIVIL_US_MAX + 1440 * MINUTE_US - 1, load_zone("UTC")).year == 9999
    assert text_of(CIVIL_US_MAX) == "9999-12-30 00:00"
    assert local_of(CIVIL_US_MAX, load_zone(name)).year == 9999
