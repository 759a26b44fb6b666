"""W3C trace contexts of producers: which of them are well formed, and which one a shared call belongs to."""

import re
from collections.abc import Iterable
from typing import Final

TRACEPARENT: Final = "traceparent"
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_SAMPLED: Final = 0x01


def well_formed(text: str) -> str:
    """The text itself if it is a traceparent, else nothing: it comes from outside and goes into headers."""
    return text if _TRACEPARENT.fullmatch(text) else ""


def leading(traceparents: Iterable[str]) -> str:
    """The context for a call that several callers share: the first sampled one, else the first."""
    first = ""
    for traceparent in traceparents:
        if traceparent and int(traceparent[-2:], 16) & _SAMPLED:
            return traceparent
        first = first or traceparent
    return first
