"""Cron expressions of five fields: minute, hour, day of month, month, day of week."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_MONTHS: Final = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS: Final = {
    name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))
}
# A leap year's, for 29 February does come.
_DAYS_OF_MONTH: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    names: Mapping[str, int]


_FIELDS: Final = (
    _Field("minute", 0, 59, MappingProxyType({})),
    _Field("hour", 0, 23, MappingProxyType({})),
    _Field("day of month", 1, 31, MappingProxyType({})),
    _Field("month", 1, 12, MappingProxyType(_MONTHS)),
    _Field("day of week", 0, 7, MappingProxyType(_WEEKDAYS)),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """The times that a cron expression names; Sunday is 0. With both kinds of day given, either fits."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool


def parse_cron(text: str) -> Cron:
    """Read a cron expression. Raises ValueError with a plain sentence, also for a day that never comes."""
    cron = read_cron(text)
    if cron.any_weekday and not any(min(cron.days) <= _DAYS_OF_MONTH[month - 1] for month in cron.months):
        raise ValueError(f"`{text:.80}` never comes: no such month has such a day")
    return cron


def read_cron(text: str) -> Cron:
    """Read a cron expression, whether or not its days ever come. Raises ValueError with a plain sentence."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError("a cron expression has five fields: minute, hour, day of month, month, day of week")
    minutes, hours, days, months, weekdays = (
        _values(part, field) for part, field in zip(parts, _FIELDS, strict=True)
    )
    return Cron(
        minutes,
        hours,
        days,
        months,
        frozenset(day % 7 for day in weekdays),
        any_day=parts[2].startswith("*"),
        any_weekday=parts[4].startswith("*"),
    )


def _values(text: str, field: _Field) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _range(part, field))


def _range(text: str, field: _Field) -> range:
    span, slash, step_text = text.partition("/")
    first_text, dash, last_text = span.partition("-")
    if span == "*":
        first, last = field.first, field.last
    else:
        first = _number(first_text, field)
        last = _number(last_text, field) if dash else field.last if slash else first
    step = _step(step_text, field) if slash else 1
    if first > last:
        raise ValueError(f"`{text:.40}` runs backwards in the {field.name} field of cron")
    return range(first, last + 1, step)


def _number(text: str, field: _Field) -> int:
    value = field.names.get(text.upper())
    if value is None and text.isascii() and text.isdigit() and len(text) <= 2:
        value = int(text)
    if value is None or not field.first <= value <= field.last:
        raise ValueError(
            f"`{text:.40}` is not a {field.name} of cron; it goes from {field.first} to {field.last}"
        )
    return value


def _step(text: str, field: _Field) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text[:4]) <= field.last and len(text) <= 2:
        return int(text)
    raise ValueError(f"`/{text:.40}` is not a step of the {field.name} field of cron")
