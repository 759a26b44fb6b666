"""The words of the steps as values: numbers, times, durations, data."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any, Final
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML

from tests.simulation.world import SECOND_US

_COUNTS: Final = {"never": 0, "once": 1, "twice": 2}
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}


def value_of(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """A value as an author writes it."""
    return YAML(typ="safe", pure=True).load(StringIO(text))


def count_of(text: str) -> int:
    """How often: `never`, `once`, `twice`, `3 times`."""
    return _COUNTS[text] if text in _COUNTS else int(text.removesuffix(" times"))


def list_of(text: str) -> list[str]:
    """The items of `a, b and c`."""
    return text.replace(" and ", ", ").split(", ")


def instant_us(text: str) -> int:
    """A time in UTC, as `2026-03-29T06:00:00Z`."""
    time = datetime.fromisoformat(text)
    assert time.tzinfo is UTC, f"{text} does not end in Z"
    return _us(time)


def civil_us(text: str, zone: str) -> int:
    """The time at which the clocks of a zone first say so."""
    return _us(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def duration_us(text: str) -> int:
    """A duration as people say it: `1 hour and 30 minutes`."""
    return sum(_part_us(part) for part in list_of(text))


def _part_us(text: str) -> int:
    number, unit = text.split()
    return round(float(number) * _SECONDS[unit.removesuffix("s")] * SECOND_US)


def _us(time: datetime) -> int:
    return round(time.timestamp()) * SECOND_US
