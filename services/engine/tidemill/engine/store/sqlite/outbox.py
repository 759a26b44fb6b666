"""Messages between shards in SQL: the outbox, and how far those of other shards were applied."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from tidemill.engine.store.rows import OutboxRow, ShardCommit
from tidemill.sqlite import delete_many, insert_many

_MESSAGE: Final = "INSERT INTO outbox (shard, sequence, target_shard, data)"
_PEER: Final = "INSERT OR REPLACE INTO peer (shard, source_shard, sequence)"


def write_outbox(connection: sqlite3.Connection, commits: Sequence[ShardCommit]) -> None:
    """Write what commits send and have applied."""
    gone = [(commit.shard, sequence) for commit in commits for sequence in commit.outbox_gone]
    delete_many(connection, "outbox", "shard, sequence", gone)
    sent = [
        (row.shard, row.sequence, row.target_shard, row.data) for commit in commits for row in commit.outbox
    ]
    insert_many(connection, _MESSAGE, sent)
    peers = [
        (commit.shard, source, sequence) for commit in commits for source, sequence in commit.peers.items()
    ]
    insert_many(connection, _PEER, peers)


def read_peers(connection: sqlite3.Connection, shards: Iterable[int]) -> dict[tuple[int, int], int]:
    """The last applied message by (shard, source shard)."""
    wanted = set(shards)
    rows = connection.execute("SELECT shard, source_shard, sequence FROM peer")
    return {(shard, source): sequence for shard, source, sequence in rows if shard in wanted}


def page_outbox(
    connection: sqlite3.Connection, shard: int, after_sequence: int, limit: int
) -> list[OutboxRow]:
    """Messages of the shard after the given number."""
    rows = connection.execute(
        "SELECT shard, sequence, target_shard, data FROM outbox WHERE shard = ? AND sequence > ? "
        "ORDER BY sequence LIMIT ?",
        (shard, after_sequence, limit),
    )
    return [OutboxRow(*row) for row in rows]


def discard_outbox(
    connection: sqlite3.Connection, items: Sequence[tuple[int, int, Sequence[int]]]
) -> set[int]:
    """Forget messages of the shards whose epoch holds; see the port."""
    epochs: dict[int, int] = dict(connection.execute("SELECT id, epoch FROM shard"))
    passed = [item for item in items if epochs[item[0]] == item[1]]
    gone = [(shard, sequence) for shard, _, sequences in passed for sequence in sequences]
    delete_many(connection, "outbox", "shard, sequence", gone)
    return {shard for shard, _, _ in passed}
