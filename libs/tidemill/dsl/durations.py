"""Durations as authors write them, in microseconds: whole days are 24 hours, months and years are refused."""

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from tidemill.dsl.limits import DURATION_DAYS_MAX
from tidemill.json import Json

_MILLISECOND_US: Final = 1_000
_SECOND_US: Final = 1_000_000
_MINUTE_US: Final = 60 * _SECOND_US
_HOUR_US: Final = 60 * _MINUTE_US
_DAY_US: Final = 24 * _HOUR_US
DURATION_US_MAX: Final = DURATION_DAYS_MAX * _DAY_US

_MEMBERS_US: Final[Mapping[str, int]] = MappingProxyType(
    {
        "days": _DAY_US,
        "hours": _HOUR_US,
        "minutes": _MINUTE_US,
        "seconds": _SECOND_US,
        "milliseconds": _MILLISECOND_US,
    }
)
_UNITS_US: Final[Mapping[str, int]] = MappingProxyType(
    {"W": 7 * _DAY_US, "D": _DAY_US, "H": _HOUR_US, "M": _MINUTE_US, "S": _SECOND_US}
)
_PART: Final = r"(?:(\d{1,15}(?:\.\d{1,15})?)%s)?"
_DATE: Final = "".join(_PART % unit for unit in "YMWD")
_TIME: Final = "".join(_PART % unit for unit in "HMS")
_ISO: Final = re.compile(f"P{_DATE}(?:T(?=[0-9]){_TIME})?", re.ASCII)


def parse_duration(value: Json) -> int:
    """Microseconds of a duration: an object of whole numbers, or ISO 8601 with W, D, H, M and S.

    Fractions of a microsecond are cut off. Raises ValueError with a plain sentence for anything else: months
    and years, negative and overlong durations among it.
    """
    match value:
        case dict():
            duration_us = sum(_member_us(name, amount) for name, amount in value.items())
            if not value:
                raise ValueError("a duration needs at least one of " + _known_members())
        case str():
            duration_us = _iso_us(value)
        case _:
            raise ValueError("a duration is an object such as `{ seconds: 30 }` or text such as `PT30S`")
    if duration_us > DURATION_US_MAX:
        raise ValueError(f"a duration may be {DURATION_DAYS_MAX} days long")
    return duration_us


def _member_us(name: str, amount: Json) -> int:
    if name in ("months", "years"):
        raise ValueError(f"`{name}` differ in length and are not allowed in durations; use days")
    if name not in _MEMBERS_US:
        raise ValueError(f"`{name}` is not a unit of durations; there are {_known_members()}")
    if isinstance(amount, bool) or not isinstance(amount, int | float) or amount % 1 != 0:
        raise ValueError(f"`{name}` must be a whole number")
    if amount < 0:
        raise ValueError(f"`{name}` must not be negative")
    return int(amount) * _MEMBERS_US[name]


def _iso_us(text: str) -> int:
    match = _ISO.fullmatch(text)
    if not match or text == "P":
        raise ValueError(
            f"`{text:.40}` is not a duration; write it as `PT30S`, `P1DT12H` or `{{ seconds: 30 }}`"
        )
    years, months, *amounts = match.groups()
    if years or months:
        raise ValueError(
            "months and years differ in length and are not allowed in durations; use days or weeks"
        )
    exact = sum(
        (
            Fraction(Decimal(amount)) * unit_us
            for amount, unit_us in zip(amounts, _UNITS_US.values(), strict=True)
            if amount
        ),
        Fraction(0),
    )
    return int(exact)


def _known_members() -> str:
    return ", ".join(f"`{name}`" for name in _MEMBERS_US)
