"""Instants as authors and their data write them."""

import re
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tidemill.civil.zones import MINUTE_US, SECOND_US, instant_of, load_zone
from tidemill.json import Json

# 10000-01-01T00:00:00Z
_END_US: Final = 253_402_300_800 * SECOND_US
_MILLISECOND_US: Final = 1_000
_FRACTION: Final = r"(?:\.(?P<fraction>\d{1,30}))?"
_CLOCK: Final = rf"(?P<clock>\d\d:\d\d)(?::(?P<seconds>\d\d){_FRACTION})?"
_OFFSET: Final = r"(?:(?P<utc>[Zz])|(?P<sign>[+-])(?P<hours>[01]\d|2[0-3]):(?P<minutes>[0-5]\d))"
_TIMESTAMP: Final = re.compile(rf"(?P<date>\d{{4}}-\d\d-\d\d)(?:[Tt ]{_CLOCK}{_OFFSET}?)?", re.ASCII)


def parse_instant(value: Json, zone: ZoneInfo) -> int:
    """The instant that a value names; what has no offset of its own is meant in the zone.

    It may be RFC 3339 with or without an offset, a date alone (its midnight), seconds since 1970 as a number,
    or the language's descriptor of a time: an object with `iso8601` or `epoch.milliseconds`. What text says
    beyond microseconds is cut off. Raises ValueError with a plain sentence, also for what lies outside the
    years 1970 to 9999.
    """
    instant_us = _instant(value, zone)
    if not 0 <= instant_us < _END_US:
        raise ValueError("a time must lie in the years 1970 to 9999; numbers are seconds since 1970")
    return instant_us


def _instant(value: Json, zone: ZoneInfo) -> int:
    match value:
        case {"iso8601": str(text)} | str(text):
            return _from_text(text, zone)
        case {"epoch": {"milliseconds": int() | float() as amount}} if not isinstance(amount, bool):
            return _from_number(amount, _MILLISECOND_US)
        case int() | float() if not isinstance(value, bool):
            return _from_number(value, SECOND_US)
        case _:
            raise ValueError(
                "a time is text such as `2026-07-01T09:00:00Z` or `2026-07-01`, a number of seconds since "
                "1970, or an object with `iso8601` or `epoch.milliseconds`"
            )


def _from_number(amount: float, unit_us: int) -> int:
    # Infinities and NaN, which no conversion survives, are out of range as well.
    return round(amount * unit_us) if 0 <= amount < _END_US else _END_US


def _from_text(text: str, zone: ZoneInfo) -> int:
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError(_not_a_time(text))
    try:
        local = datetime.fromisoformat(
            f"{found['date']}T{found['clock'] or '00:00'}:{found['seconds'] or '00'}"
        )
    except ValueError:
        raise ValueError(_not_a_time(text)) from None
    fraction_us = int((found["fraction"] or "").ljust(6, "0")[:6])
    if found["utc"]:
        return instant_of(local, _utc()) + fraction_us
    if found["sign"]:
        offset = int(found["sign"] + "1") * (60 * int(found["hours"]) + int(found["minutes"]))
        return instant_of(local, _utc()) + fraction_us - offset * MINUTE_US
    return instant_of(local + timedelta(microseconds=fraction_us), zone)


def _utc() -> ZoneInfo:
    return load_zone("UTC")


def _not_a_time(text: str) -> str:
    return (
        f"`{text:.40}` is not a time; write it as `2026-07-01T09:00:00Z`, `2026-07-01T09:00` or `2026-07-01`"
    )
