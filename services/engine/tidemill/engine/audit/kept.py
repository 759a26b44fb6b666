"""How far back the audit may expect that everything is there."""

from collections.abc import Sequence
from typing import NamedTuple

from tidemill.engine.store.retention import NamespaceRow, RetentionTerms


class Kept(NamedTuple):
    """Of executions that started at `from_us` or later everything is there, 0: of all.

    `forgets_executions` when rows of executions go too, not their histories alone.
    """

    from_us: int
    forgets_executions: bool


def kept_by(terms: RetentionTerms, own: Sequence[NamespaceRow], now_us: int) -> Kept:
    """What retention leaves, by the terms of the installation and those of namespaces."""
    rows = [terms.execution_us, *map(terms.execution_of, own)]
    histories = [terms.history_us, *map(terms.history_of, own)]
    bounds = [kept_us for kept_us in (*rows, *histories) if kept_us > 0]
    return Kept(max(now_us - min(bounds), 0) if bounds else 0, any(rows))
