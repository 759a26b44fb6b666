"""What the audit reads of the effect ledger, and how its rows become facts."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from tidemill.actions.core.model import Outcome
from tidemill.actions.ledger.rows import ColumnValue, from_columns
from tidemill.checking.digests import outcome_digest
from tidemill.checking.facts import LedgerRow

# What stands for a row, in order; the key comes first.
COLUMNS: Final = "key, number, attempt, digest, token, lease_until_us, state, output, error, settled_at_us"
# Keys that are too long to name their execution are hashes, and come first.
NAMES_EXECUTION: Final = "(substr(key, 46, 1) = ':')"


class LedgerAudit(Protocol):
    """The ledger as it was at one moment, read-only. Methods raise StorageUnavailableError."""

    def rows(self) -> AsyncIterator[LedgerRow]:
        """All rows: those under hashes, then those whose keys name executions, in byte order."""
        ...

    def rows_of(self, keys: Sequence[str]) -> AsyncIterator[LedgerRow]:
        """The rows of these keys."""
        ...

    async def close(self) -> None:
        """Let go of the file or connection."""
        ...


def fact_of(columns: Sequence[ColumnValue]) -> LedgerRow:
    """The fact about a selection of COLUMNS."""
    key, *held, settled_at_us = columns
    row = from_columns(held)
    outcome = row.outcome
    return LedgerRow(
        str(key),
        row.attempt,
        int(outcome.state) if outcome else 0,
        row.digest.hex(),
        _digest(outcome) if outcome else "",
        settled_at_us is not None,
        row.lease_until_us,
    )


def _digest(outcome: Outcome) -> str:
    error = outcome.error
    said = None if error is None else (error.type, error.status, error.title, error.detail)
    return outcome_digest(int(outcome.state), outcome.output, said)
