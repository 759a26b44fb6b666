"""A few words for what stands in a document: durations, conditions, calls, events, retries."""

from collections.abc import Mapping, Sequence
from typing import Final

from tidemill.dsl.durations import parse_duration
from tidemill.json import Json, dumps

DETAIL_CHARACTERS_MAX: Final = 100
LISTED_MAX: Final = 6

_NO_MEMBERS: Final[Mapping[str, Json]] = {}
_JOINERS: Final = "\u200c\u200d"  # not printable by themselves, but they hold letters and emoji together
_UNITS_US: Final = (
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("µs", 1),
)


def members(value: Json) -> Mapping[str, Json]:
    """An object's members; none for whatever is no object."""
    return value if isinstance(value, dict) else _NO_MEMBERS


def items(value: Json) -> Sequence[Json]:
    """A list's items; none for whatever is no list."""
    return value if isinstance(value, list) else ()


def one_line(text: str) -> str:
    """Text on one line, without what would move a terminal's cursor or turn the writing round."""
    spaced = " ".join(text.split())
    return "".join(letter if letter.isprintable() or letter in _JOINERS else "�" for letter in spaced)


def shortened(text: str, characters_max: int = DETAIL_CHARACTERS_MAX) -> str:
    """Text on one line and of a length that fits on it."""
    line = one_line(text)
    return line if len(line) <= characters_max else line[: characters_max - 1].rstrip() + "…"


def expression(value: Json) -> str:
    """An expression without the braces around it, or any other value as JSON."""
    text = value.strip() if isinstance(value, str) else dumps(value).decode()
    if text.startswith("${") and text.endswith("}") and "${" not in text[2:]:
        text = text[2:-1]
    return shortened(text)


def scalar(value: Json) -> str:
    """A text as it stands, or any other value as JSON."""
    return shortened(value if isinstance(value, str) else dumps(value).decode())


def listed(names: Sequence[str]) -> str:
    """Names one after the other; of many the first few."""
    more = len(names) - LISTED_MAX
    return ", ".join([*names[:LISTED_MAX], *([f"and {more} more"] if more > 0 else [])])


def duration(value: Json) -> str:
    """A duration in units: `1 h 30 min`; an expression, or what is no duration, as it stands."""
    try:
        return duration_us(parse_duration(value))
    except ValueError:
        return expression(value)


def duration_us(amount_us: int) -> str:
    """Microseconds in units."""
    parts = []
    for unit, size_us in _UNITS_US:
        count, amount_us = divmod(amount_us, size_us)
        parts += [f"{count} {unit}"] if count else []
    return " ".join(parts) or "0 s"


def address(value: Json) -> str:
    """Where an endpoint or a resource is."""
    if "endpoint" in members(value):
        return address(members(value)["endpoint"])
    return scalar(members(value).get("uri", value))
