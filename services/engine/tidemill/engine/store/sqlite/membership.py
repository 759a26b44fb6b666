"""Owners of shards in SQL."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.store.rows import ShardRow

_SHARD_COLUMNS: Final = "id, epoch, log_offset, clock_us, commit_number, outbox_sequence, owner, log_ahead"


def take(connection: sqlite3.Connection, shards: Sequence[int], owner: str) -> list[ShardRow]:
    """Give shards a new owner and epoch; see the port."""
    connection.executemany(
        "UPDATE shard SET epoch = epoch + 1, owner = ? WHERE id = ?", [(owner, shard) for shard in shards]
    )
    wanted = set(shards)
    return [row for row in read_shards(connection) if row.shard in wanted]


def read_shards(connection: sqlite3.Connection) -> list[ShardRow]:
    """Every shard, by number."""
    return [ShardRow(*row) for row in connection.execute(f"SELECT {_SHARD_COLUMNS} FROM shard ORDER BY id")]


def release(connection: sqlite3.Connection, items: Sequence[tuple[int, int]]) -> set[int]:
    """Take away the owners of shards whose epoch holds; see the port."""
    query = "UPDATE shard SET owner = '' WHERE id = ? AND epoch = ? RETURNING id"
    return {shard for item in items for (shard,) in connection.execute(query, item).fetchall()}


def claim_log(connection: sqlite3.Connection, identity: str) -> str:
    """Bind the store to a log; see the port."""
    connection.execute(
        "INSERT INTO log (identity) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM log)", (identity,)
    )
    (bound,) = connection.execute("SELECT identity FROM log").fetchone()
    return str(bound)


def rebind_log(connection: sqlite3.Connection, identity: str, places: Mapping[int, AppliedOffsets]) -> None:
    """Bind the store to another log; see the port."""
    connection.execute("DELETE FROM log")
    connection.execute("INSERT INTO log (identity) VALUES (?)", (identity,))
    connection.executemany(
        "UPDATE shard SET epoch = epoch + 1, log_offset = ?, log_ahead = ?, owner = '' WHERE id = ?",
        [(place.next, place.ahead_bytes(), shard) for shard, place in places.items()],
    )
