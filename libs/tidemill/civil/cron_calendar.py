"""The times of the clock that a cron expression names, found field by field and without any zone."""

import calendar
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import MAXYEAR, MINYEAR, date, datetime, time, timedelta
from typing import Final

from tidemill.civil.cron import Cron

# The longest wait that an expression can ask for: a 29 February on a given weekday, over the turn of a
# century without a leap year. What has not come by then never comes.
YEARS_SEARCHED_MAX: Final = 40

_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)


class CronCalendar:
    """Steps through the times of one expression, in both directions; each step looks at no single minute."""

    def __init__(self, cron: Cron) -> None:
        self._cron = cron
        self._minutes = sorted(cron.minutes)
        self._hours = sorted(cron.hours)
        self._months = sorted(cron.months)
        self._either = not cron.any_day and not cron.any_weekday

    def at_or_after(self, local: datetime) -> datetime | None:
        """The first time from `local` on, or None when none ever comes."""
        whole = local.replace(second=0, microsecond=0)
        start = whole if whole == local else whole + _MINUTE
        day = self._first_day(start.date())
        if day != start.date():
            return _combine(day, self._first_time())
        found = self._time_from(start.hour, start.minute)
        if found is None:
            day = self._first_day(start.date() + _DAY)
            found = self._first_time()
        return _combine(day, found)

    def at_or_before(self, local: datetime) -> datetime | None:
        """The last time up to `local`, or None when there was none in `YEARS_SEARCHED_MAX`."""
        day = self._last_day(local.date())
        if day != local.date():
            return _combine(day, self._last_time())
        found = self._time_until(local.hour, local.minute)
        if found is None:
            day = self._last_day(local.date() - _DAY)
            found = self._last_time()
        return _combine(day, found)

    def count_from(self, first: datetime, last: datetime) -> int:
        """How many times lie from `first`, which is one, to `last`, which is of the same day."""
        return self._rank(last) - self._rank(first) + 1

    def _rank(self, local: datetime) -> int:
        whole_hours = bisect_left(self._hours, local.hour) * len(self._minutes)
        return whole_hours + (local.hour in self._cron.hours) * bisect_right(self._minutes, local.minute)

    def _first_time(self) -> time:
        return time(self._hours[0], self._minutes[0])

    def _last_time(self) -> time:
        return time(self._hours[-1], self._minutes[-1])

    def _time_from(self, hour: int, minute: int) -> time | None:
        if hour in self._cron.hours and minute <= self._minutes[-1]:
            return time(hour, self._minutes[bisect_left(self._minutes, minute)])
        later = bisect_right(self._hours, hour)
        return time(self._hours[later], self._minutes[0]) if later < len(self._hours) else None

    def _time_until(self, hour: int, minute: int) -> time | None:
        if hour in self._cron.hours and minute >= self._minutes[0]:
            return time(hour, self._minutes[bisect_right(self._minutes, minute) - 1])
        earlier = bisect_left(self._hours, hour) - 1
        return time(self._hours[earlier], self._minutes[-1]) if earlier >= 0 else None

    def _first_day(self, start: date) -> date | None:
        years = range(start.year, min(start.year + YEARS_SEARCHED_MAX, MAXYEAR) + 1)
        for year in years:
            for month in self._months:
                if (year, month) >= (start.year, start.month):
                    least = start.day if (year, month) == (start.year, start.month) else 1
                    days = range(least, calendar.monthrange(year, month)[1] + 1)
                    for day in self._fitting(year, month, days):
                        return day
        return None

    def _last_day(self, end: date) -> date | None:
        years = range(end.year, max(end.year - YEARS_SEARCHED_MAX, MINYEAR) - 1, -1)
        for year in years:
            for month in reversed(self._months):
                if (year, month) <= (end.year, end.month):
                    same = (year, month) == (end.year, end.month)
                    most = end.day if same else calendar.monthrange(year, month)[1]
                    for day in self._fitting(year, month, range(most, 0, -1)):
                        return day
        return None

    def _fitting(self, year: int, month: int, days: Iterable[int]) -> Iterator[date]:
        """The days that fit: both fields when one of them is free, else either (the rule of Vixie's cron)."""
        # Monday is 0 for Python and 1 for cron, and the first of the month is day 1: both shifts cancel out.
        shift = date(year, month, 1).weekday()
        for day in days:
            of_month, of_week = day in self._cron.days, (shift + day) % 7 in self._cron.weekdays
            if (of_month or of_week) if self._either else (of_month and of_week):
                yield date(year, month, day)


def _combine(day: date | None, clock: time) -> datetime | None:
    return None if day is None else datetime.combine(day, clock)
