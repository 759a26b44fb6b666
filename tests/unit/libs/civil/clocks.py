"""Instants as the tests of civil time write them, and the slow way to know when a cron expression fires."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tidemill.civil.cron import Cron, read_cron

MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# By what their clocks do: an hour in spring and autumn, half an hour, nothing, at midnight, in another month
# than others, a whole day at once.
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Tokyo",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Pacific/Apia",
)
# Just before the clocks of one of them change, and some days on which they do not.
DAYS = tuple(
    datetime.fromisoformat(text)
    for text in (
        "2025-03-09", "2025-11-02", "2025-03-30", "2025-10-26", "2025-04-06", "2025-10-05",
        "2018-02-18", "2018-11-04", "2025-02-23", "2025-04-06", "2011-12-30",
        "2024-02-29", "2025-12-31", "2025-07-01",
    )
)  # fmt: skip


def utc(text: str) -> int:
    """The instant of a time in UTC, such as `2025-03-09 07:00`."""
    return us(datetime.fromisoformat(text).replace(tzinfo=UTC))


def us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def text_of(time_us: int | None) -> str:
    """The other way; only what is not whole minutes shows seconds."""
    if time_us is None:
        return "never"
    text = (_EPOCH + timedelta(microseconds=time_us)).replace(tzinfo=None).isoformat(" ")
    return text.removesuffix(":00")


def fires_minute_by_minute(expression: str, zone: ZoneInfo, first_us: int, last_us: int) -> Iterator[int]:
    """Looks at what the clocks show at each minute of UTC, and at the minutes that they jump over."""
    cron = read_cron(expression)
    minute = _EPOCH + timedelta(minutes=-(-first_us // MINUTE_US))
    shown_before = (minute - timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None)
    while us(minute) <= last_us:
        shown = minute.astimezone(zone)
        local = shown.replace(tzinfo=None, fold=0)
        jumped = (local - shown_before) // timedelta(minutes=1)
        passed = (local - timedelta(minutes=back) for back in range(max(jumped, 1)))
        if not shown.fold and any(fits(cron, time) for time in passed):
            yield us(minute)
        shown_before = local
        minute += timedelta(minutes=1)


def fits(cron: Cron, local: datetime) -> bool:
    """One time of the clock against the five fields, by the rule of Vixie's cron."""
    of_month, of_week = local.day in cron.days, local.isoweekday() % 7 in cron.weekdays
    day = (of_month and of_week) if cron.any_day or cron.any_weekday else (of_month or of_week)
    return day and local.month in cron.months and local.hour in cron.hours and local.minute in cron.minutes


def _field(first: int, last: int) -> st.SearchStrategy[str]:
    numbers = st.integers(first, last)
    lists = st.lists(numbers, min_size=1, max_size=3).map(lambda items: ",".join(map(str, items)))
    spans = st.tuples(numbers, numbers).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.integers(1, max(last // 2, 1)).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), lists, spans, steps)


EXPRESSIONS = st.builds(
    "{} {} {} {} {}".format, _field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12), _field(0, 7)
)
# Fires often enough for a property about a few days to see it.
BUSY_EXPRESSIONS = st.builds("{} {} * * {}".format, _field(0, 59), _field(0, 23), st.sampled_from("*****6"))
NEAR_CHANGES = st.builds(
    lambda day, offset_us: us(day.replace(tzinfo=UTC)) + offset_us,
    st.sampled_from(DAYS),
    st.integers(-DAY_US, 2 * DAY_US),
)
