"""Builtins on dates: seconds since 1970 and broken-down times, always in UTC and English.

A broken-down time is [year, month from 0, day, hours, minutes, seconds, weekday from Sunday, day of the
year from 0].
"""

import math
from collections.abc import Callable
from typing import Final

from tidemill.expressions.budget import Run
from tidemill.expressions.functions.calendar import (
    Moment,
    days_from_civil,
    moment_of,
    parse_moment,
    render_moment,
)
from tidemill.expressions.numbers import checked
from tidemill.expressions.values import described, is_number, raised
from tidemill.json import Json

_FIELDS: Final = 6
_CALL_OPERATIONS: Final = 20
_CONVERSION_OPERATIONS: Final = 20
_DAY_SECONDS: Final = 86_400
_SECONDS_MAX: Final = 1e14
_YEAR_MAX: Final = 1_000_000


def gmtime(run: Run, value: Json) -> Json:
    """Seconds since 1970 to broken-down time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise raised("gmtime() requires numeric inputs")
    run.budget.spend(_CALL_OPERATIONS)
    return _broken_down(_moment(value))


def _moment(seconds: int | float) -> Moment:
    if abs(seconds) > _SECONDS_MAX:
        raise raised("a date is out of range")
    whole = math.floor(seconds)
    return moment_of(whole, seconds - whole)


def _broken_down(moment: Moment) -> Json:
    return [
        moment.year,
        moment.month - 1,
        moment.day,
        moment.hour,
        moment.minute,
        checked(moment.second + moment.fraction),
        moment.weekday,
        moment.year_day,
    ]


def mktime(run: Run, value: Json) -> Json:
    """Broken-down time to whole seconds since 1970."""
    if not isinstance(value, list):
        raise raised("mktime requires array inputs")
    run.budget.spend(_CALL_OPERATIONS)
    return _seconds(value, "mktime")


def _seconds(value: list[Json], name: str) -> int:
    numbers = [int(part) for part in value[:_FIELDS] if isinstance(part, int | float)]
    if not value or not all(is_number(part) for part in value):
        raise raised(f"{name} requires parsed datetime inputs")
    year, month, day, hour, minute, second = numbers + [0] * (_FIELDS - len(numbers))
    if abs(year) > _YEAR_MAX:
        raise raised("a date is out of range")
    days = days_from_civil(year + month // 12, month % 12 + 1, 1) + day - 1
    return int(checked(days * _DAY_SECONDS + hour * 3600 + minute * 60 + second))


def strftime(run: Run, value: Json, pattern: Json) -> Json:
    """Seconds or broken-down time as text."""
    return _formatted(run, value, pattern, "strftime/1")


def strflocaltime(run: Run, value: Json, pattern: Json) -> Json:
    """`strftime`: the local time is UTC everywhere."""
    return _formatted(run, value, pattern, "strflocaltime/1")


def _formatted(run: Run, value: Json, pattern: Json, name: str) -> Json:
    if is_number(value):
        assert isinstance(value, int | float)
        moment = _moment(value)
    elif isinstance(value, list):
        moment = _moment(_seconds(value, name))
    else:
        raise raised(f"{name} requires parsed datetime inputs")
    if not isinstance(pattern, str):
        raise raised(f"{name} requires a string format")
    run.budget.spend(_CALL_OPERATIONS + len(pattern) + _CONVERSION_OPERATIONS * pattern.count("%"))
    run.budget.produce(16 * len(pattern))
    return render_moment(moment, pattern)


def strptime(run: Run, value: Json, pattern: Json) -> Json:
    """Text to broken-down time."""
    if not isinstance(value, str):
        raise raised(f"strptime/1 requires string inputs and arguments, not {described(value)}")
    if not isinstance(pattern, str):
        raise raised("strptime/1 requires string inputs and arguments")
    conversions = _CONVERSION_OPERATIONS * pattern.count("%")
    run.budget.spend(_CALL_OPERATIONS + len(pattern) + len(value) + conversions)
    moment = parse_moment(value, pattern)
    if moment is None:
        raise raised(f'date "{value}" does not match format "{pattern}"')
    return _broken_down(moment)


FUNCTIONS: Final[dict[str, Callable[..., Json]]] = {
    "gmtime/0": gmtime,
    "localtime/0": gmtime,
    "mktime/0": mktime,
    "strftime/1": strftime,
    "strflocaltime/1": strflocaltime,
    "strptime/1": strptime,
}
