"""The effect classes: what a repeat of an action may do."""

from enum import StrEnum


class EffectClass(StrEnum):
    """What the ledger keeps for an action, and so what becomes of a call that was lost half-way."""

    PURE = "pure"
    """No effect outside: nothing is kept, a repeat runs again."""
    IDEMPOTENT = "idempotent"
    """A repeat does no harm: the outcome alone is kept."""
    ONCE = "once"
    """Claimed before, recorded after; a lost call runs again, under the key that the outside knows it by."""
    AT_MOST_ONCE = "at_most_once"
    """Claimed before, recorded after; a lost call is never run again and ends as `unknown`."""
