"""What the ledger does to its file, inside a transaction: one or a few statements for a batch."""

import sqlite3
from collections.abc import Sequence

from tidemill.actions.core.decision import Claim, Row, Ruling, Verdict, decide
from tidemill.actions.core.model import CANCELLED, Cancellation, Outcome
from tidemill.actions.core.problems import LOST
from tidemill.actions.ledger.port import Answered, ClaimAnswer, Granted, Held, Record, Superseded
from tidemill.actions.ledger.rows import (
    COLUMNS,
    ColumnValue,
    chunks,
    flat,
    from_columns,
    hash_of,
    outcome_columns,
    values,
)


def rows_of(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, list[Row]]:
    """All rows of the keys, oldest first."""
    found: dict[str, list[Row]] = {}
    wanted = set(keys)
    for part in chunks([hash_of(key) for key in keys]):
        marks = ",".join("?" * len(part))
        statement = f"SELECT {COLUMNS} FROM call WHERE key_hash IN ({marks}) ORDER BY number"
        for key, *columns in connection.execute(statement, part).fetchall():
            if key in wanted:
                found.setdefault(key, []).append(from_columns(columns))
    return found


def claim(connection: sqlite3.Connection, claims: Sequence[Claim], now_us: int) -> list[ClaimAnswer]:
    """Rule on the claims and write what the verdicts say."""
    keys = [claim.key for claim in claims]
    if len(set(keys)) < len(keys):
        # What one claim writes, the next one of its key must see.
        return [answer for single in claims for answer in claim(connection, [single], now_us)]
    rows = rows_of(connection, keys)
    batch = _Claims(connection)
    answers = [batch.carry_out(one, decide(one, rows.get(one.key, ()), now_us)) for one in claims]
    batch.insert()
    return answers


class _Claims:
    """Carries out the rulings of a batch; new rows are collected for one statement."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._next = _next_number(connection)
        self._new: list[tuple[ColumnValue, ...]] = []

    def carry_out(self, claim: Claim, ruling: Ruling) -> ClaimAnswer:
        match ruling.verdict:
            case Verdict.RUN:
                return self._run(claim)
            case Verdict.RUN_UNCLAIMED:
                return Granted(0)
            case Verdict.REFUSE:
                return Superseded()
            case Verdict.JOIN:
                return Held(ruling.subject.lease_until_us)
            case Verdict.TAKE_OVER:
                return self._take_over(claim, ruling.subject)
            case Verdict.GIVE_UP:
                _end(self._connection, ruling.subject, LOST)
                return Answered(LOST)
            case Verdict.ANSWER:
                return Answered(ruling.outcome)

    def _run(self, claim: Claim) -> Granted:
        number = self._next
        self._next += 1
        self._new.append((number, hash_of(claim.key), claim.key, claim.attempt, claim.digest, claim.token,
                          claim.lease_until_us))  # fmt: skip
        return Granted(number)

    def _take_over(self, claim: Claim, row: Row) -> Granted:
        self._connection.execute(
            "UPDATE call SET token = ?, lease_until_us = ? WHERE number = ? AND token = ? AND state IS NULL",
            (claim.token, claim.lease_until_us, row.number, row.token),
        )
        return Granted(row.number)

    def insert(self) -> None:
        for part in chunks(self._new):
            self._connection.execute(
                "INSERT INTO call (number, key_hash, key, attempt, digest, token, lease_until_us) "
                + values(len(part), 7),
                flat(part),
            )


def _next_number(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM call").fetchone()[0]
    return number


def _end(connection: sqlite3.Connection, row: Row, outcome: Outcome) -> None:
    """Write the outcome of a lost row; the token goes, so that its late holder finds itself late."""
    connection.execute(
        "UPDATE call SET token = 0, state = ?, output = ?, error = ? "
        "WHERE number = ? AND token = ? AND state IS NULL",
        (*outcome_columns(outcome), row.number, row.token),
    )


def record(connection: sqlite3.Connection, records: Sequence[Record]) -> list[Outcome | None]:
    """Write outcomes by compare-and-set; answers those that stand, None where another claim does."""
    held = [one for one in records if one.hold]
    written = sum(_update_held(connection, part) for part in chunks(held))
    if written == len(records):
        return [one.outcome for one in records]
    _insert_missing(connection, records)
    return _standing(connection, records)


def _update_held(connection: sqlite3.Connection, records: Sequence[Record]) -> int:
    rows = [(one.hold, one.claim.token, *outcome_columns(one.outcome)) for one in records]
    return connection.execute(
        "UPDATE call SET state = new.column3, output = new.column4, error = new.column5 "
        f"FROM ({values(len(rows), 5)}) AS new "
        "WHERE call.number = new.column1 AND call.token = new.column2 AND call.state IS NULL",
        flat(rows),
    ).rowcount


def _insert_missing(connection: sqlite3.Connection, records: Sequence[Record]) -> None:
    """Rows for outcomes that have none: of classes that leave their claims out, or given up meanwhile."""
    there = rows_of(connection, [one.claim.key for one in records])
    known = {(key, row.attempt) for key, rows in there.items() for row in rows}
    new = {(one.claim.key, one.claim.attempt): one for one in reversed(records)}
    rows: list[tuple[ColumnValue, ...]] = [
        (hash_of(key), key, attempt, one.claim.digest, one.claim.token, 0, *outcome_columns(one.outcome))
        for (key, attempt), one in new.items()
        if (key, attempt) not in known
    ]
    for part in chunks(rows):
        connection.execute(
            "INSERT INTO call (key_hash, key, attempt, digest, token, lease_until_us, state, output, error) "
            + values(len(part), 9),
            flat(part),
        )


def _standing(connection: sqlite3.Connection, records: Sequence[Record]) -> list[Outcome | None]:
    rows = rows_of(connection, [one.claim.key for one in records])
    by_attempt = {(key, row.attempt): row for key, found in rows.items() for row in found}
    return [by_attempt[one.claim.key, one.claim.attempt].outcome for one in records]


def release(connection: sqlite3.Connection, holds: Sequence[tuple[int, Claim]]) -> None:
    """Delete the rows of claims whose effect was not made."""
    for part in chunks([(hold, claim.token) for hold, claim in holds]):
        connection.execute(
            f"DELETE FROM call WHERE state IS NULL AND (number, token) IN ({values(len(part), 2)})",
            flat(part),
        )


def cancel(
    connection: sqlite3.Connection, cancellations: Sequence[Cancellation], now_us: int
) -> list[Outcome | None]:
    """End attempts; None where a live lease stands."""
    return [_cancel(connection, one, now_us) for one in cancellations]


def _cancel(connection: sqlite3.Connection, cancellation: Cancellation, now_us: int) -> Outcome | None:
    rows = rows_of(connection, [cancellation.key]).get(cancellation.key, [])
    row = next((row for row in rows if row.attempt == cancellation.attempt), None)
    if row is None:
        connection.execute(
            "INSERT INTO call (key_hash, key, attempt, digest, token, lease_until_us, state, settled_at_us) "
            "VALUES (?, ?, ?, x'', 0, 0, ?, ?)",
            (hash_of(cancellation.key), cancellation.key, cancellation.attempt, int(CANCELLED.state), now_us),
        )
        return CANCELLED
    if row.outcome is None and not row.is_held(now_us):
        _end(connection, row, CANCELLED)
        return CANCELLED
    return row.outcome


def settle(connection: sqlite3.Connection, keys: Sequence[str], now_us: int) -> None:
    """Note that the engine has the outcomes of these keys.

    A row without an outcome may still be owed one, unless a later attempt of its key has one.
    """
    for part in chunks(keys):
        connection.execute(
            f"UPDATE call SET settled_at_us = ? FROM ({values(len(part), 2)}) AS done "
            "WHERE call.key_hash = done.column1 AND call.key = done.column2 AND call.settled_at_us IS NULL "
            "AND (call.state IS NOT NULL OR EXISTS (SELECT 1 FROM call AS later "
            "WHERE later.key_hash = call.key_hash AND later.key = call.key "
            "AND later.attempt > call.attempt AND later.state IS NOT NULL))",
            [now_us, *flat((hash_of(key), key) for key in part)],
        )


def expire(connection: sqlite3.Connection, settled_before_us: int, rows_max: int) -> int:
    """Delete a page of rows that were settled before then."""
    return connection.execute(
        "DELETE FROM call WHERE number IN (SELECT number FROM call WHERE settled_at_us < ? LIMIT ?)",
        (settled_before_us, rows_max),
    ).rowcount
