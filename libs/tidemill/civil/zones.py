"""Time zones by their IANA names, and the two ways between an instant and what the clocks of a zone show."""

import importlib.resources
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
DAY_US: Final = 86_400 * SECOND_US
# More than the IANA database has names, of which alone anything is kept.
ZONES_CACHED_MAX: Final = 1_000

# 9999-12-30T00:00:00Z, the last instant of schedules: it and the day after it can be shown in every zone.
CIVIL_US_MAX: Final = 253_402_128_000 * SECOND_US

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_LOCAL: Final = datetime(1970, 1, 1)  # noqa: DTZ001
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)


@lru_cache(maxsize=ZONES_CACHED_MAX)
def load_zone(name: str) -> ZoneInfo:
    """The zone of a name such as `Europe/Paris`. Raises ValueError with a plain sentence.

    Its rules come from the package tzdata alone, so that they are the same on every machine.
    """
    if name not in _names():
        raise ValueError(f"`{name:.80}` is not a time zone; use a name such as `Europe/Paris` or `UTC`")
    with importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(importlib.resources.files("tzdata").joinpath("zones").read_text().split())


def instant_of(local: datetime, zone: ZoneInfo) -> int:
    """The instant at which the clocks of the zone show a time, which is given without a zone.

    A time that does not exist is the first instant after the gap; one that occurs twice is the first of both.
    """
    first, second = _offsets(local, zone)
    if first < second:
        return _gap_end(local, first, second, zone)
    return (local - _EPOCH_LOCAL - first) // _MICROSECOND


def local_of(time_us: int, zone: ZoneInfo) -> datetime:
    """What the clocks of the zone show at an instant; knows its zone, and by `fold` which of two it is.

    Raises OverflowError outside the years 1 to 9999.
    """
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone)


def repeat_end(local: datetime, zone: ZoneInfo) -> datetime:
    """The first time of the clock after `local` that does not occur twice, where `local` itself does."""
    first, second = _offsets(local, zone)
    start = local.replace(microsecond=0, fold=0)
    low, high = 0, (first - second) // _SECOND
    while high - low > 1:
        middle = (low + high) // 2
        before, after = _offsets(start + middle * _SECOND, zone)
        low, high = (middle, high) if before > after else (low, middle)
    return start + high * _SECOND


def _offsets(local: datetime, zone: ZoneInfo) -> tuple[timedelta, timedelta]:
    """The offsets of both readings: they differ in a gap (the first is smaller) and where a time repeats."""
    if local.tzinfo is not None:
        raise ValueError("a time of the clock comes without a zone of its own")
    first = local.replace(tzinfo=zone, fold=0).utcoffset()
    second = local.replace(tzinfo=zone, fold=1).utcoffset()
    # Only a zone without rules has none, and tzdata has no such zone.
    assert first is not None
    assert second is not None
    return first, second


def _gap_end(local: datetime, before: timedelta, after: timedelta, zone: ZoneInfo) -> int:
    """The clocks jump on a whole second: at that where they first show more than the time in the gap."""
    whole = local.replace(microsecond=0, fold=0)
    since_epoch = whole - _EPOCH_LOCAL
    low, high = (since_epoch - after) // _SECOND, (since_epoch - before) // _SECOND
    while high - low > 1:
        middle = (low + high) // 2
        shown = local_of(middle * SECOND_US, zone).replace(tzinfo=None, fold=0)
        low, high = (low, middle) if shown > whole else (middle, high)
    return high * SECOND_US
