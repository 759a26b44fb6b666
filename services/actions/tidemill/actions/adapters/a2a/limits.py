"""The limits of A2A calls."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class A2aLimits:
    """Limits of A2A calls, each with its unit."""

    timeout_us: int
    response_bytes_max: int
    error_excerpt_bytes_max: int
    card_bytes_max: int
    cards_max: int
    card_lifetime_us: int
