"""Windows of the week in which something may happen, such as office hours."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from tidemill.civil.zones import instant_of, local_of
from tidemill.json import Json

# A window of one day of the week, passed over once for a gap, comes again in the week after.
DAYS_SEARCHED_MAX: Final = 21
_DAY_MINUTES: Final = 24 * 60
_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NUMBERS: Final = MappingProxyType({name: number for number, name in enumerate(_NAMES)})
_GROUPS: Final = MappingProxyType({"weekdays": frozenset(range(5)), "weekends": frozenset({5, 6})})
_EVERY_DAY: Final = frozenset(range(7))
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_MEMBERS: Final = frozenset({"days", "from", "to"})


@dataclass(frozen=True, slots=True)
class Window:
    """From one time of the clock to another on some days of the week, Monday being 0.

    A window that ends at or before its beginning goes on over midnight; its day is that of its opening.
    """

    days: frozenset[int]
    from_minutes: int
    to_minutes: int
    zone: ZoneInfo

    def opening(self, now_us: int) -> int:
        """Now when the window is open, its beginning included and its end not; else the next opening.

        A beginning or an end that the clocks jump over is the first instant after the gap, so that a window
        within the gap does not open on that day. Of a time that occurs twice, the first counts.
        """
        for opened_us, closed_us in self._from_yesterday(now_us):
            if now_us < closed_us and opened_us < closed_us:
                return max(now_us, opened_us)
        raise ValueError("a window needs at least one day")

    def _from_yesterday(self, now_us: int) -> Iterator[tuple[int, int]]:
        today = local_of(now_us, self.zone).date()
        length = (self.to_minutes - self.from_minutes) % _DAY_MINUTES or _DAY_MINUTES
        for days in range(-1, DAYS_SEARCHED_MAX + 1):
            day = today + timedelta(days=days)
            if day.weekday() in self.days:
                start = datetime.combine(day, time()) + timedelta(minutes=self.from_minutes)
                end = start + timedelta(minutes=length)
                yield instant_of(start, self.zone), instant_of(end, self.zone)


def parse_window(value: Json, zone: ZoneInfo) -> Window:
    """Read `{"days": [...], "from": "09:00", "to": "17:30"}`; without `days` it is every day.

    Raises ValueError with a plain sentence.
    """
    if not isinstance(value, dict) or not {"from", "to"} <= value.keys() <= _MEMBERS:
        raise ValueError(
            "a window has `from` and `to`, such as `09:00`, and may have `days`, and nothing else"
        )
    start, end = _minutes(value["from"], "from"), _minutes(value["to"], "to")
    if start == _DAY_MINUTES:
        raise ValueError("`from` must not be `24:00`; write `00:00`, which is the beginning of a day")
    if start == end:
        raise ValueError("`from` and `to` must differ; a whole day goes from `00:00` to `24:00`")
    days = _days(value["days"]) if "days" in value else _EVERY_DAY
    return Window(days, start, end, zone)


def _minutes(value: Json, name: str) -> int:
    if value == "24:00":
        return _DAY_MINUTES
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"`{name}` must be a time of the clock such as `09:00`, from `00:00` to `24:00`")
    return 60 * int(match[1]) + int(match[2])


def _days(value: Json) -> frozenset[int]:
    items = value if isinstance(value, list) else [value]
    if not items:
        raise ValueError("`days` must name at least one day; without `days` it is every day")
    return frozenset(day for item in items for day in _days_of(item))


def _days_of(item: Json) -> frozenset[int]:
    text = item.lower() if isinstance(item, str) else ""
    if text in _GROUPS:
        return _GROUPS[text]
    first, dash, last = text.partition("-")
    if first not in _NUMBERS or (dash and last not in _NUMBERS):
        raise ValueError(
            f"`{item!s:.40}` is no day; there are {', '.join(_NAMES)}, spans such as `mon-fri`, "
            "`weekdays` and `weekends`"
        )
    start = _NUMBERS[first]
    length = (_NUMBERS[last] - start) % 7 if dash else 0
    return frozenset((start + step) % 7 for step in range(length + 1))
