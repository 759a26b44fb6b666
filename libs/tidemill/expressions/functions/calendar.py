"""The calendar behind the date builtins: UTC, English names, no locale and no time zone of the machine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_DAY_SECONDS: Final = 86_400
_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """A time taken apart; month and day count from 1, year_day from 0, weekday from Sunday as 0."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    weekday: int
    year_day: int
    epoch: int
    fraction: float = 0


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar."""
    shifted = year - (month <= 2)
    era, of_era = divmod(shifted, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + day_of_year - 719_468


def _civil_from_days(days: int) -> tuple[int, int, int]:
    era, of_era = divmod(days + 719_468, 146_097)
    years = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    day_of_year = of_era - (365 * years + years // 4 - years // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    year = years + era * 400 + (month <= 2)
    return year, month, day_of_year - (153 * shifted_month + 2) // 5 + 1


def moment_of(epoch: int, fraction: float = 0) -> Moment:
    """The time at so many seconds since 1970."""
    days, rest = divmod(epoch, _DAY_SECONDS)
    year, month, day = _civil_from_days(days)
    return Moment(
        year,
        month,
        day,
        rest // 3600,
        rest // 60 % 60,
        rest % 60,
        (days + 4) % 7,
        days - days_from_civil(year, 1, 1),
        epoch,
        fraction,
    )


def _iso_week(moment: Moment) -> tuple[int, int]:
    weekday = (moment.weekday + 6) % 7
    week = (moment.year_day - weekday + 10) // 7
    if week < 1:
        return _iso_week(moment_of((days_from_civil(moment.year, 1, 1) - 1) * _DAY_SECONDS))
    next_year = days_from_civil(moment.year + 1, 1, 1)
    starts_on = (next_year + 3) % 7
    if starts_on <= 3 and days_from_civil(moment.year, moment.month, moment.day) >= next_year - starts_on:
        return moment.year + 1, 1
    return moment.year, week


def _twelve(hour: int) -> int:
    return hour % 12 or 12


_RENDERERS: Final[dict[str, Callable[[Moment], str]]] = {
    "a": lambda moment: _DAYS[moment.weekday][:3],
    "A": lambda moment: _DAYS[moment.weekday],
    "b": lambda moment: _MONTHS[moment.month - 1][:3],
    "B": lambda moment: _MONTHS[moment.month - 1],
    "C": lambda moment: f"{moment.year // 100:02}",
    "d": lambda moment: f"{moment.day:02}",
    "e": lambda moment: f"{moment.day:2}",
    "g": lambda moment: f"{_iso_week(moment)[0] % 100:02}",
    "G": lambda moment: str(_iso_week(moment)[0]),
    "H": lambda moment: f"{moment.hour:02}",
    "I": lambda moment: f"{_twelve(moment.hour):02}",
    "j": lambda moment: f"{moment.year_day + 1:03}",
    "k": lambda moment: f"{moment.hour:2}",
    "l": lambda moment: f"{_twelve(moment.hour):2}",
    "m": lambda moment: f"{moment.month:02}",
    "M": lambda moment: f"{moment.minute:02}",
    "n": lambda _: "\n",
    "p": lambda moment: "AM" if moment.hour < 12 else "PM",
    "P": lambda moment: "am" if moment.hour < 12 else "pm",
    "s": lambda moment: str(moment.epoch),
    "S": lambda moment: f"{moment.second:02}",
    "t": lambda _: "\t",
    "u": lambda moment: str(moment.weekday or 7),
    "U": lambda moment: f"{(moment.year_day + 7 - moment.weekday) // 7:02}",
    "V": lambda moment: f"{_iso_week(moment)[1]:02}",
    "w": lambda moment: str(moment.weekday),
    "W": lambda moment: f"{(moment.year_day + 7 - (moment.weekday + 6) % 7) // 7:02}",
    "y": lambda moment: f"{moment.year % 100:02}",
    "Y": lambda moment: str(moment.year),
    "z": lambda _: "+0000",
    "Z": lambda _: "UTC",
    "%": lambda _: "%",
}
_COMPOSED: Final = {
    "c": "%a %b %e %H:%M:%S %Y",
    "D": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "h": "%b",
    "r": "%I:%M:%S %p",
    "R": "%H:%M",
    "T": "%H:%M:%S",
    "x": "%m/%d/%y",
    "X": "%H:%M:%S",
    "v": "%e-%b-%Y",
}


def render_moment(moment: Moment, pattern: str) -> str:
    """A time as text, with the conversions of C's strftime; unknown ones stay as they are."""
    texts = []
    characters = iter(pattern)
    for character in characters:
        if character != "%":
            texts.append(character)
            continue
        code = next(characters, "")
        if code in _COMPOSED:
            texts.append(render_moment(moment, _COMPOSED[code]))
        else:
            renderer = _RENDERERS.get(code)
            texts.append(renderer(moment) if renderer else "%" + code)
    return "".join(texts)


class _Reading:
    """A text being read by a pattern."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.fields: dict[str, int] = {}

    def space(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def literal(self, character: str) -> bool:
        if self.at < len(self.text) and self.text[self.at] == character:
            self.at += 1
            return True
        return False

    def number(self, digits: int, low: int, high: int) -> int | None:
        self.space()
        end = self.at
        while end < len(self.text) and end - self.at < digits and self.text[end] in "0123456789":
            end += 1
        if end == self.at or not low <= int(self.text[self.at : end]) <= high:
            return None
        found = int(self.text[self.at : end])
        self.at = end
        return found

    def name(self, names: tuple[str, ...]) -> int | None:
        rest = self.text[self.at :].lower()
        for position, name in enumerate(names):
            for form in (name.lower(), name[:3].lower()):
                if rest.startswith(form):
                    self.at += len(form)
                    return position
        return None

    def offset(self) -> bool:
        self.space()
        if self.literal("Z"):
            return True
        if not (self.literal("+") or self.literal("-")):
            return False
        if self.number(2, 0, 99) is None:
            return False
        self.literal(":")
        return self.at == len(self.text) or self.number(2, 0, 59) is not None

    def zone_name(self) -> bool:
        while self.at < len(self.text) and self.text[self.at].isalpha():
            self.at += 1
        return True


# Conversion: field, digits, smallest and largest value.
_NUMBERS: Final[dict[str, tuple[str, int, int, int]]] = {
    "Y": ("year", 4, 0, 9999),
    "m": ("month", 2, 1, 12),
    "d": ("day", 2, 1, 31),
    "e": ("day", 2, 1, 31),
    "H": ("hour", 2, 0, 23),
    "k": ("hour", 2, 0, 23),
    "I": ("hour12", 2, 1, 12),
    "l": ("hour12", 2, 1, 12),
    "M": ("minute", 2, 0, 59),
    "S": ("second", 2, 0, 61),
    "j": ("year_day", 3, 1, 366),
    "y": ("short_year", 2, 0, 99),
    "s": ("epoch", 12, 0, 10**12),
    "u": ("ignored", 1, 1, 7),
    "w": ("ignored", 1, 0, 6),
    "U": ("ignored", 2, 0, 53),
    "W": ("ignored", 2, 0, 53),
    "V": ("ignored", 2, 0, 53),
    "C": ("ignored", 2, 0, 99),
}
_NAMES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    **dict.fromkeys("aA", ("ignored", _DAYS)),
    **dict.fromkeys("bBh", ("month", _MONTHS)),
    **dict.fromkeys("pP", ("afternoon", ("AM", "PM"))),
}


def parse_moment(text: str, pattern: str) -> Moment | None:
    """The time that a text means by C's strptime conversions, or None when it does not match."""
    reading = _Reading(text)
    if not _read(reading, pattern) or reading.at < len(text):
        return None
    return _assembled(reading.fields)


def _read(reading: _Reading, pattern: str) -> bool:
    characters = iter(pattern)
    for character in characters:
        if character.isspace():
            reading.space()
        elif character != "%":
            if not reading.literal(character):
                return False
        elif not _convert(reading, next(characters, "")):
            return False
    return True


def _convert(reading: _Reading, code: str) -> bool:
    if code in _NUMBERS:
        field, digits, low, high = _NUMBERS[code]
        return _keep(reading, field, reading.number(digits, low, high))
    if code in _NAMES:
        field, names = _NAMES[code]
        found = reading.name(names)
        return _keep(reading, field, found + 1 if found is not None and field == "month" else found)
    if code in _COMPOSED:
        return _read(reading, _COMPOSED[code])
    if code == "z":
        return reading.offset()
    if code == "Z":
        return reading.zone_name()
    if code in "nt" and code:
        reading.space()
        return True
    return code == "%" and reading.literal("%")


def _keep(reading: _Reading, field: str, found: int | None) -> bool:
    if found is None:
        return False
    reading.fields[field] = found
    return True


def _assembled(fields: dict[str, int]) -> Moment:
    if "epoch" in fields:
        return moment_of(fields["epoch"])
    year = fields.get("year", 1900)
    if "short_year" in fields:
        year = fields["short_year"] + (1900 if fields["short_year"] >= 69 else 2000)
    days = days_from_civil(year, fields.get("month", 1), fields.get("day", 1))
    if "year_day" in fields and "month" not in fields:
        days = days_from_civil(year, 1, 1) + fields["year_day"] - 1
    hour = fields.get("hour", 0)
    if "hour12" in fields:
        hour = fields["hour12"] % 12 + 12 * fields.get("afternoon", 0)
    return moment_of(
        days * _DAY_SECONDS + hour * 3600 + fields.get("minute", 0) * 60 + fields.get("second", 0)
    )
