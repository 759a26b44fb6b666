"""Ledger rows between Python and Postgres: what finds a key, and the statements, each for a whole batch."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tidemill.actions.core.decision import Row
from tidemill.actions.ledger.port import Record
from tidemill.actions.ledger.rows import from_columns

if TYPE_CHECKING:
    from tidemill.postgres import Connection

_ROW: Final = """call.key_hash, number, attempt, digest, call.token, lease_until_us, state, output, error,
  state IS NOT NULL OR EXISTS (SELECT FROM replica
    WHERE replica.token = call.holder AND replica.lease_until > clock_timestamp()) AS holder_lives, holder"""

# One row at least, so that a key without rows tells too whether its claimant lives.
READ_FOR: Final = f"""
WITH claimant AS (SELECT EXISTS (SELECT FROM replica
  WHERE token = $2 AND lease_until > clock_timestamp()) AS lives)
SELECT claimant.lives, {_ROW}
FROM claimant LEFT JOIN call ON call.key_hash = ANY($1::bytea[]) ORDER BY number"""
READ: Final = f"SELECT {_ROW} FROM call WHERE call.key_hash = ANY($1::bytea[]) ORDER BY number"
# In the order of the index, as everybody else: so that no two wait for each other.
LOCK: Final = (
    "SELECT FROM call WHERE key_hash = ANY($1::bytea[]) ORDER BY key_hash, attempt FOR NO KEY UPDATE"
)

# What waits in the claim's way is lost: it goes on as a row that holds nothing.
STEP_ASIDE: Final = "UPDATE call SET holder = 0 WHERE key_hash = ANY($1::bytea[]) AND state IS NULL"
TAKE_OVER: Final = """
UPDATE call SET token = new.token, lease_until_us = new.lease_until_us, holder = new.holder
FROM unnest($1::bytea[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[])
  AS new (key_hash, attempt, token, lease_until_us, holder)
WHERE call.key_hash = new.key_hash AND call.attempt = new.attempt"""
# The token goes, so that whoever held it finds itself late.
END: Final = """
UPDATE call SET token = 0, state = $3, output = $4, error = $5
FROM unnest($1::bytea[], $2::integer[]) AS lost (key_hash, attempt)
WHERE call.key_hash = lost.key_hash AND call.attempt = lost.attempt AND call.state IS NULL"""
INSERT: Final = """
INSERT INTO call (key_hash, attempt, key, digest, token, lease_until_us, holder)
SELECT * FROM unnest($1::bytea[], $2::integer[], $3::text[], $4::bytea[], $5::bigint[], $6::bigint[],
  $7::bigint[])
ON CONFLICT DO NOTHING RETURNING key_hash, number"""
ENTOMB: Final = """
INSERT INTO call (key_hash, attempt, key, digest, token, lease_until_us, holder, state, settled_at_us)
SELECT key_hash, attempt, key, ''::bytea, 0, 0, 0, $4::smallint, $5::bigint
FROM unnest($1::bytea[], $2::integer[], $3::text[]) AS new (key_hash, attempt, key)
ON CONFLICT DO NOTHING RETURNING key_hash, attempt"""

RECORD: Final = """
UPDATE call SET state = new.state, output = new.output, error = new.error
FROM unnest($1::bytea[], $2::integer[], $3::bigint[], $4::smallint[], $5::bytea[], $6::bytea[])
  AS new (key_hash, attempt, token, state, output, error)
WHERE call.key_hash = new.key_hash AND call.attempt = new.attempt AND call.token = new.token
  AND call.state IS NULL"""
INSERT_RECORDED: Final = """
INSERT INTO call (key_hash, attempt, key, digest, token, lease_until_us, holder, state, output, error)
SELECT key_hash, attempt, key, digest, token, 0, 0, state, output, error
FROM unnest($1::bytea[], $2::integer[], $3::bigint[], $4::smallint[], $5::bytea[], $6::bytea[], $7::text[],
  $8::bytea[]) AS new (key_hash, attempt, token, state, output, error, key, digest)
ON CONFLICT DO NOTHING"""
RELEASE: Final = """
DELETE FROM call USING unnest($1::bytea[], $2::integer[], $3::bigint[]) AS gone (key_hash, attempt, token)
WHERE call.key_hash = gone.key_hash AND call.attempt = gone.attempt AND call.token = gone.token
  AND call.state IS NULL"""
SETTLE: Final = """
UPDATE call SET settled_at_us = $2 FROM unnest($1::bytea[]) AS done (key_hash)
WHERE call.key_hash = done.key_hash AND call.settled_at_us IS NULL
  AND (call.state IS NOT NULL OR EXISTS (SELECT FROM call AS later
    WHERE later.key_hash = call.key_hash AND later.attempt > call.attempt AND later.state IS NOT NULL))"""
EXPIRE: Final = """
DELETE FROM call WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM call WHERE settled_at_us < $1 ORDER BY settled_at_us LIMIT $2 FOR UPDATE SKIP LOCKED))"""

# A statement carries so many bytes of outcomes, whatever a batch holds.
STATEMENT_BYTES_MAX: Final = 16_000_000


def hash_of(key: str) -> bytes:
    """Sixteen bytes that stand for the key: too many for any two keys to share them."""
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


async def read_rows(connection: "Connection", hashes: Sequence[bytes]) -> dict[bytes, list[Row]]:
    """All rows of the keys by their hashes, oldest first."""
    return grouped(map(tuple, await connection.fetch(READ, hashes)))


async def read_for(
    connection: "Connection", hashes: Sequence[bytes], holder: int
) -> dict[bytes, list[Row]] | None:
    """The same for a claimant; None when its lease has run out."""
    found = await connection.fetch(READ_FOR, hashes, holder)
    if not found[0][0]:
        return None
    return grouped(columns[1:] for columns in map(tuple, found) if columns[1] is not None)


def grouped(found: Iterable[Sequence[object]]) -> dict[bytes, list[Row]]:
    """Rows of a READ by the hash that they begin with."""
    rows: dict[bytes, list[Row]] = {}
    for key_hash, *columns, holder_lives, holder in found:
        row = from_columns(columns)  # type: ignore[arg-type]
        rows.setdefault(key_hash, []).append(  # type: ignore[arg-type]
            replace(row, holder_lives=holder_lives, holder=holder)  # type: ignore[arg-type]
        )
    return rows


def written(status: str) -> int:
    """How many rows a statement has changed, from what it answers: `UPDATE 3`."""
    return int(status.rpartition(" ")[2])


def parts(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """The records in parts that a statement may carry."""
    start = size = 0
    for place, record in enumerate(records):
        length = len(record.outcome.output or b"")
        if place > start and size + length > STATEMENT_BYTES_MAX:
            yield records[start:place]
            start, size = place, 0
        size += length
    if start < len(records):
        yield records[start:]
