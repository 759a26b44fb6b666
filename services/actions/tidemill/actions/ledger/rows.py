"""Ledger rows between Python and SQLite: columns, the hash that finds a key, and statements of many rows."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeVar

import orjson

from tidemill.actions.core.decision import Row
from tidemill.actions.core.model import ActionState, Outcome, Problem

T = TypeVar("T")

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS call (
  number INTEGER PRIMARY KEY, key_hash INTEGER NOT NULL, key TEXT NOT NULL, attempt INTEGER NOT NULL,
  digest BLOB NOT NULL, token INTEGER NOT NULL, lease_until_us INTEGER NOT NULL,
  state INTEGER, output BLOB, error BLOB, settled_at_us INTEGER
);
CREATE INDEX IF NOT EXISTS call_by_key ON call (key_hash);
CREATE INDEX IF NOT EXISTS call_by_settlement ON call (settled_at_us) WHERE settled_at_us IS NOT NULL;
"""
COLUMNS: Final = "key, number, attempt, digest, token, lease_until_us, state, output, error"
# A key's is asked for when it is claimed, twice, and a second later when it is settled.
HASHES_MAX: Final = 8192
# SQLite takes 32,766 parameters in a statement.
STATEMENT_ROWS_MAX: Final = 1000

ColumnValue = int | str | bytes | None
OutcomeColumns = tuple[int, bytes | None, bytes | None]


@lru_cache(maxsize=HASHES_MAX)
def hash_of(key: str) -> int:
    """Eight bytes that stand for the key in the index, where the key itself would take ten times that."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


def from_columns(columns: Sequence[ColumnValue]) -> Row:
    """The row of a selection of COLUMNS, less the key."""
    number, attempt, digest, token, lease_until_us, state, output, error = columns
    outcome = None if state is None else _outcome(int(state), output, error)  # type: ignore[arg-type]
    return Row(number, attempt, digest, token, lease_until_us, outcome)  # type: ignore[arg-type]


def outcome_columns(outcome: Outcome) -> OutcomeColumns:
    """State, output and error as they are stored."""
    error = outcome.error
    if error is None:
        return int(outcome.state), outcome.output, None
    encoded = orjson.dumps((error.type, error.status, error.title, error.detail))
    return int(outcome.state), outcome.output, encoded


def _outcome(state: int, output: bytes | None, error: bytes | None) -> Outcome:
    return Outcome(ActionState(state), output, None if error is None else Problem(*orjson.loads(error)))


def values(rows: int, columns: int) -> str:
    """`VALUES (?,?),(?,?)`: one statement for many rows.

    Python's driver lets go of the interpreter at each row that a statement is run for, and while the event
    loop is busy each return costs a whole switch interval. So a batch is one statement, never `executemany`.
    """
    return "VALUES " + ",".join(["(" + ",".join("?" * columns) + ")"] * rows)


def flat(rows: Iterable[Sequence[ColumnValue]]) -> list[ColumnValue]:
    """The parameters of such a statement."""
    return [value for row in rows for value in row]


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in parts that fit into one statement."""
    for start in range(0, len(items), STATEMENT_ROWS_MAX):
        yield items[start : start + STATEMENT_ROWS_MAX]
