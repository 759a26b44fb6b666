"""Time zones by their IANA names."""

from zoneinfo import ZoneInfo


def time_zone(name: str) -> ZoneInfo:
    """The zone of a name such as `Europe/Paris`. Raises ValueError with a plain sentence."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        # Depending on the name: not found, a path that leads outside, a directory.
        raise ValueError(
            f"`{name:.80}` is not a time zone; use a name such as `Europe/Paris` or `UTC`"
        ) from None
