"""Instants as they are written: with an offset, in a zone, as a date, as a number, as a descriptor."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.libs.civil.clocks import text_of, utc
from tidemill.civil.timestamps import parse_instant
from tidemill.civil.zones import load_zone, local_of
from tidemill.json import Json

BERLIN = load_zone("Europe/Berlin")
NO_TIME = "is not a time; write it as"
NO_VALUE = "a time is text such as"
OUT_OF_RANGE = "a time must lie in the years 1970 to 9999; numbers are seconds since 1970"


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2025-07-01T09:00:00Z", "2025-07-01 09:00"),
        ("2025-07-01t09:00:00z", "2025-07-01 09:00"),
        ("2025-07-01T09:00:00+02:00", "2025-07-01 07:00"),
        ("2025-07-01 09:00:00-05:30", "2025-07-01 14:30"),
        ("2025-07-01T09:00Z", "2025-07-01 09:00"),
        ("2025-07-01T09:00:00.5Z", "2025-07-01 09:00:00.500000"),
        ("2025-07-01T09:00:00.123456789Z", "2025-07-01 09:00:00.123456"),
        ("2024-02-29T23:59:59.999999-00:00", "2024-02-29 23:59:59.999999"),
        ("9999-12-31T23:59:59Z", "9999-12-31 23:59:59"),
        ("1970-01-01T00:00:00Z", "1970-01-01 00:00"),
        # Without an offset: what the clocks of the zone show, by the rules for gaps and repeated times.
        ("2025-07-01T09:00:00", "2025-07-01 07:00"),
        ("2025-01-01T09:00", "2025-01-01 08:00"),
        ("2025-03-30T02:30:00", "2025-03-30 01:00"),
        ("2025-03-30T02:30:00.25", "2025-03-30 01:00"),
        ("2025-10-26T02:30:00", "2025-10-26 00:30"),
        ("2025-10-26T02:30:00+01:00", "2025-10-26 01:30"),
        # A date alone is its midnight.
        ("2025-07-01", "2025-06-30 22:00"),
        ("9999-12-31", "9999-12-30 23:00"),
        # Seconds since 1970.
        (0, "1970-01-01 00:00"),
        (1_751_360_400, "2025-07-01 09:00"),
        (1_751_360_400.25, "2025-07-01 09:00:00.250000"),
        ({"epoch": {"milliseconds": 1_751_360_400_250}}, "2025-07-01 09:00:00.250000"),
        ({"epoch": {"milliseconds": 1_751_360_400_000.5, "seconds": 0}}, "2025-07-01 09:00:00.000500"),
        # The descriptor says the finer of both.
        (
            {"iso8601": "2025-07-01T09:00:00.000007Z", "epoch": {"milliseconds": 0}},
            "2025-07-01 09:00:00.000007",
        ),
        ({"iso8601": "2025-07-01T09:00:00"}, "2025-07-01 07:00"),
    ],
)  # fmt: skip
def test_an_instant_is_read(value: Json, instant: str) -> None:
    assert text_of(parse_instant(value, BERLIN)) == instant


@pytest.mark.parametrize(
    ("zone", "text", "instant"),
    [
        ("America/New_York", "2025-03-09T02:15", "2025-03-09 07:00"),
        ("America/New_York", "2025-11-02T01:15", "2025-11-02 05:15"),
        ("Australia/Lord_Howe", "2025-10-05T02:15", "2025-10-04 15:30"),
        ("Australia/Lord_Howe", "2025-04-06T01:45", "2025-04-05 14:45"),
        ("Asia/Tokyo", "2025-03-30", "2025-03-29 15:00"),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04 03:00"),
        ("Pacific/Apia", "2011-12-30", "2011-12-30 10:00"),
    ],
)
def test_the_zone_has_its_own_rules(zone: str, text: str, instant: str) -> None:
    assert text_of(parse_instant(text, load_zone(zone))) == instant


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("", NO_TIME),
        ("tomorrow", NO_TIME),
        ("2025-7-1", NO_TIME),
        ("20250701T090000Z", NO_TIME),
        ("2025-W27-2", NO_TIME),
        ("2025-02-29", NO_TIME),
        ("2025-07-01T24:00:00Z", NO_TIME),
        ("2025-07-01T23:59:60Z", NO_TIME),
        ("2025-07-01T09:00:00.Z", NO_TIME),
        ("2025-07-01T09:00.5Z", NO_TIME),
        ("2025-07-01T09:00:00+24:00", NO_TIME),
        ("2025-07-01T09:00:00+0200", NO_TIME),
        ("2025-07-01Z", NO_TIME),
        ("2025-07-01T09:00:00Z ", NO_TIME),
        ("2025-07-01T09:00:00Z\n", NO_TIME),
        ("\u0662\u0660\u0662\u0665-07-01", NO_TIME),
        ("0000-01-01", NO_TIME),
        ("1751360400", NO_TIME),
        ("1969-12-31T23:59:59Z", OUT_OF_RANGE),
        ("0001-01-01", OUT_OF_RANGE),
        # Midnight in Berlin is still 1969.
        ("1970-01-01", OUT_OF_RANGE),
        ("9999-12-31T23:59:59-01:00", OUT_OF_RANGE),
        (-1, OUT_OF_RANGE),
        (-0.000001, OUT_OF_RANGE),
        # Milliseconds by mistake.
        (1_751_360_400_000, OUT_OF_RANGE),
        (1e300, OUT_OF_RANGE),
        (2**64 - 1, OUT_OF_RANGE),
        (1.7e308, OUT_OF_RANGE),
        (math.nan, OUT_OF_RANGE),
        (math.inf, OUT_OF_RANGE),
        (True, NO_VALUE),
        (None, NO_VALUE),
        ([2025, 7, 1], NO_VALUE),
        ({}, NO_VALUE),
        ({"iso8601": 5}, NO_VALUE),
        ({"epoch": 5}, NO_VALUE),
        ({"epoch": {"milliseconds": True}}, NO_VALUE),
        ({"epoch": {"milliseconds": math.nan}}, OUT_OF_RANGE),
        ({"epoch": {"seconds": 5}}, NO_VALUE),
    ],
)  # fmt: skip
def test_what_is_no_instant_is_refused(value: Json, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_instant(value, BERLIN)


@given(st.integers(0, utc("9999-12-31 00:00")))
def test_what_is_shown_with_its_offset_is_read_back(time_us: int) -> None:
    shown = local_of(time_us, load_zone("America/New_York")).isoformat()
    assert parse_instant(shown, BERLIN) == time_us
    assert parse_instant({"iso8601": shown}, BERLIN) == time_us


@given(st.text(max_size=30) | st.floats() | st.integers())
def test_anything_is_read_or_refused_with_a_sentence(value: str | float) -> None:
    try:
        instant_us = parse_instant(value, BERLIN)
    except ValueError as error:
        refusal, instant_us = str(error), None
    else:
        refusal = ""
    assert (instant_us is None) == (refusal.endswith("`2026-07-01`") or refusal == OUT_OF_RANGE)


@given(st.integers(0, utc("2200-01-01 00:00")))
def test_a_number_is_right_to_the_microsecond(time_us: int) -> None:
    assert parse_instant(time_us / 1_000_000, BERLIN) == time_us
