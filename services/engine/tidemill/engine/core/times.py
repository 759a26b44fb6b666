"""Times as expressions and events write them; inside they are int microseconds UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

from tidemill.json import Json

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(time_us: int) -> str:
    """A time as RFC 3339 in UTC, with microseconds only where there are any."""
    moment = _EPOCH + timedelta(microseconds=time_us)
    return moment.isoformat().replace("+00:00", "Z")


def describe_time(time_us: int) -> Json:
    """The DSL's date time descriptor."""
    return {
        "iso8601": rfc3339(time_us),
        "epoch": {"seconds": time_us // 1_000_000, "milliseconds": time_us // 1000},
    }
