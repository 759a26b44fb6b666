"""Durations as authors write them, in microseconds, and what is refused."""

import re

import pytest

from tidemill.dsl import parse_duration
from tidemill.json import Json

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


@pytest.mark.parametrize(
    ("value", "microseconds"),
    [
        ("PT30S", 30 * SECOND_US),
        ("PT0S", 0),
        ("P1DT2H3M4S", DAY_US + 7_384 * SECOND_US),
        ("P2W", 14 * DAY_US),
        ("P1W1D", 8 * DAY_US),
        ("PT0.5S", 500_000),
        ("PT1.5H", 5_400 * SECOND_US),
        ("PT0.0000019S", 1),
        ("PT0.1S", 100_000),
        ({"seconds": 30}, 30 * SECOND_US),
        ({"days": 1, "hours": 2, "minutes": 3, "seconds": 4, "milliseconds": 5}, DAY_US + 7_384_005_000),
        ({"seconds": 2.0}, 2 * SECOND_US),
        ({"days": 36_525}, 36_525 * DAY_US),
    ],
)
def test_durations_in_microseconds(value: Json, microseconds: int) -> None:
    assert parse_duration(value) == microseconds


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("P1M", "months and years differ in length"),
        ("P1Y2DT3H", "months and years differ in length"),
        ({"months": 1}, "`months` differ in length"),
        ("P", "`P` is not a duration; write it as `PT30S`"),
        ("PT", "`PT` is not a duration"),
        ("P1DT", "`P1DT` is not a duration"),
        ("30s", "`30s` is not a duration"),
        ("-PT1S", "`-PT1S` is not a duration"),
        ("PT1M2H", "is not a duration"),
        ("PT\u0663S", "is not a duration"),
        ("PT1S\n", "is not a duration"),
        ("", "is not a duration"),
        ({}, "a duration needs at least one of `days`"),
        ({"weeks": 1}, "`weeks` is not a unit of durations; there are `days`"),
        ({"seconds": 1.5}, "`seconds` must be a whole number"),
        ({"seconds": True}, "`seconds` must be a whole number"),
        ({"seconds": "1"}, "`seconds` must be a whole number"),
        ({"seconds": -1}, "`seconds` must not be negative"),
        ({"days": 36_526}, "a duration may be 36525 days long"),
        ("PT999999999999999S", "a duration may be 36525 days long"),
        ({"days": 10**400}, "a duration may be 36525 days long"),
        ({"days": float("inf")}, "`days` must be a whole number"),
        (30, "a duration is an object such as `{ seconds: 30 }` or text such as `PT30S`"),
        (None, "a duration is an object"),
        ([], "a duration is an object"),
    ],
)
def test_what_is_no_duration_is_refused_with_a_sentence(value: Json, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_duration(value)
