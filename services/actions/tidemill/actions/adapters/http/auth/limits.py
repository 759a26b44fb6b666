"""The limits of tokens."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLimits:
    """How many tokens are kept, for how long, and how much of a provider of them is waited for and read."""

    tokens_max: int
    discoveries_max: int
    timeout_us: int
    answer_bytes_max: int
    # A token is given up so long before it expires.
    margin_us: int
    # For a token whose provider names no lifetime, and for what discovery has found.
    lifetime_us: int
    discovery_lifetime_us: int
