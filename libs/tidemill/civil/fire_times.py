"""When a schedule fires: by a period, or by a cron expression in a time zone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from tidemill.civil.cron import read_cron
from tidemill.civil.cron_calendar import CronCalendar
from tidemill.civil.zones import CIVIL_US_MAX, instant_of, local_of, repeat_end

_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)


class FireTimes(Protocol):
    """The instants at which something fires, in strict order, up to `CIVIL_US_MAX`."""

    def after(self, time_us: int) -> int | None:
        """The first fire time strictly after an instant, or None when there is none any more."""
        ...

    def before(self, time_us: int) -> int | None:
        """The last fire time strictly before an instant, or None when there was none."""
        ...

    def count(self, first_us: int, last_us: int) -> int:
        """How many fire times lie between two instants, both included; cheaper than to step through them."""
        ...


@dataclass(frozen=True, slots=True)
class EveryTimes:
    """The multiples of a period, counted from a start that is not itself one; no zone has a say in it."""

    start_us: int
    period_us: int

    def __post_init__(self) -> None:
        """Refuse a period of nothing, which would fire for ever at once."""
        if self.period_us <= 0:
            raise ValueError("a period must be longer than nothing")

    def after(self, time_us: int) -> int | None:
        """The first fire time strictly after an instant, or None when there is none any more."""
        fire_us = self.start_us + max(1, self._periods_until(time_us) + 1) * self.period_us
        return fire_us if fire_us <= CIVIL_US_MAX else None

    def before(self, time_us: int) -> int | None:
        """The last fire time strictly before an instant, or None when there was none."""
        periods = self._periods_until(min(time_us - 1, CIVIL_US_MAX))
        return self.start_us + periods * self.period_us if periods > 0 else None

    def count(self, first_us: int, last_us: int) -> int:
        """How many fire times lie between two instants, both included."""
        last = self._periods_until(min(last_us, CIVIL_US_MAX))
        return max(0, last - max(0, self._periods_until(first_us - 1)))

    def _periods_until(self, time_us: int) -> int:
        return (time_us - self.start_us) // self.period_us


class CronTimes:
    """The instants of a cron expression's times in a zone, each of them once.

    A time that does not exist fires at the first instant after the gap, so that several times of one gap, and
    the one at its end, fire once together. A time that occurs twice fires at the first.
    """

    def __init__(self, expression: str, zone: ZoneInfo) -> None:
        """Raises ValueError with a plain sentence; days that never come are no error, and never fire."""
        self._calendar = CronCalendar(read_cron(expression))
        self._zone = zone

    def after(self, time_us: int) -> int | None:
        """The first fire time strictly after an instant, or None when there is none any more."""
        if time_us >= CIVIL_US_MAX:
            return None
        shown = local_of(time_us, self._zone)
        local = shown.replace(tzinfo=None, fold=0)
        # What is shown for the second time has fired the first time.
        start = repeat_end(local, self._zone) if shown.fold else local + _MICROSECOND
        found = self._calendar.at_or_after(start)
        fire_us = None if found is None else instant_of(found, self._zone)
        return fire_us if fire_us is not None and fire_us <= CIVIL_US_MAX else None

    def before(self, time_us: int) -> int | None:
        """The last fire time strictly before an instant, or None when there was none in the last 40 years."""
        shown = local_of(min(time_us - 1, CIVIL_US_MAX), self._zone)
        local = shown.replace(tzinfo=None, fold=0)
        end = repeat_end(local, self._zone) - _MICROSECOND if shown.fold else local
        found = self._calendar.at_or_before(end)
        return None if found is None else instant_of(found, self._zone)

    def count(self, first_us: int, last_us: int) -> int:
        """How many fire times lie between two instants, both included: a step for each day that has some."""
        total = 0
        fire_us = self.after(first_us - 1)
        while fire_us is not None and fire_us <= last_us:
            end_us = min(self._day_end(fire_us), last_us)
            total += self._count_in_day(fire_us, end_us)
            fire_us = self.after(end_us)
        return total

    def _day_end(self, time_us: int) -> int:
        day = local_of(time_us, self._zone).date()
        return instant_of(datetime.combine(day + _DAY, datetime.min.time()), self._zone) - 1

    def _count_in_day(self, fire_us: int, last_us: int) -> int:
        first, last = local_of(fire_us, self._zone), local_of(last_us, self._zone)
        if local_of(fire_us - 1, self._zone).utcoffset() == last.utcoffset():
            return self._calendar.count_from(first, last)
        return self._count_by_steps(fire_us, last_us)

    def _count_by_steps(self, fire_us: int, last_us: int) -> int:
        """For the days on which the clocks change: at most a step for each minute of one day."""
        count = 0
        next_us: int | None = fire_us
        while next_us is not None and next_us <= last_us:
            count += 1
            next_us = self.after(next_us)
        return count
