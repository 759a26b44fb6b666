"""Executions and their histories in Postgres: the pages that clients and owners of shards read."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from tidemill.engine.store.packing import pack_id, unpack_id
from tidemill.engine.store.rows import (
    EXECUTION_FIELDS,
    TRIGGER_KIND,
    ExecutionFilter,
    ExecutionRow,
    HistoryRow,
    SnapshotRow,
    StoredExecution,
)

if TYPE_CHECKING:
    import asyncpg

    from tidemill.postgres import Connection

_COLUMNS: Final = (
    ", ".join(f"e.{name}" for name in EXECUTION_FIELDS)
    + ", coalesce((SELECT h.last_sequence FROM history h WHERE h.execution_id = e.execution_id "
    "ORDER BY h.sequence DESC LIMIT 1), e.sequence) AS sequence"
)
# OFFSET 0 has each row looked up: by a plan that was made while a table was small, a join might go on to read
# all of it.
# Snapshots and what came after them, as of one moment. A snapshot's row has no commit; commits of earlier
# times than its own hold nothing that comes after it, and their partitions are passed over.
LOAD: Final = """
WITH wanted AS (
  SELECT given.execution_id, s.sequence, s.data, s.committed_at_us
  FROM unnest($1::bytea[]) AS given (execution_id) LEFT JOIN LATERAL (
    SELECT * FROM snapshot WHERE execution_id = given.execution_id OFFSET 0
  ) AS s ON true
)
SELECT execution_id, sequence, sequence AS last_sequence, -1 AS commit_number, data FROM wanted
WHERE sequence IS NOT NULL
UNION ALL
SELECT w.execution_id, h.sequence, h.last_sequence, h.commit_number, h.data
FROM wanted w CROSS JOIN LATERAL (
  SELECT * FROM history h
  WHERE h.execution_id = w.execution_id AND h.sequence > coalesce(w.sequence, 0)
    AND h.committed_at_us >= coalesce(w.committed_at_us, -9223372036854775808)
  OFFSET 0
) AS h
"""
_LOAD_WHOLE: Final = """
SELECT h.execution_id, h.sequence, h.last_sequence, h.commit_number, h.data
FROM unnest($1::bytea[]) AS w (execution_id)
CROSS JOIN LATERAL (SELECT * FROM history WHERE execution_id = w.execution_id OFFSET 0) AS h
"""
# All rows up to the commit that makes the limit, that commit's too.
_COMMITS: Final = """
SELECT execution_id, sequence, last_sequence, commit_number, data FROM history
WHERE shard = $1 AND commit_number > $2 AND commit_number <= coalesce((
  SELECT commit_number FROM history WHERE shard = $1 AND commit_number > $2
  ORDER BY commit_number LIMIT 1 OFFSET $3
), 9223372036854775807)
"""
_CLOSED: Final = (
    "SELECT execution_id FROM execution WHERE execution_id = ANY($1::bytea[]) AND closed_at_us > 0"
)
_HISTORY: Final = """
SELECT sequence, last_sequence, commit_number, data FROM history
WHERE execution_id = $1 AND last_sequence >= $2 ORDER BY sequence LIMIT $3
"""


async def load(
    connection: "Connection", execution_ids: Sequence[str], *, whole: bool
) -> dict[str, StoredExecution]:
    """Snapshots and the history after them; see the port."""
    keys = [*dict.fromkeys(execution_ids)]
    if not keys:
        return {}
    query = _LOAD_WHOLE if whole else LOAD
    snapshots: dict[str, SnapshotRow] = {}
    histories: dict[str, list[HistoryRow]] = {}
    for packed, sequence, last, number, data in await connection.fetch(query, [*map(pack_id, keys)]):
        key = unpack_id(packed)
        if number < 0:
            snapshots[key] = SnapshotRow(key, sequence, data)
        else:
            histories.setdefault(key, []).append(HistoryRow(key, sequence, last, number, data))
    for rows in histories.values():
        rows.sort(key=lambda row: row.sequence)
    for key in await _cut(connection, [key for key in histories if key not in snapshots], histories):
        del histories[key]
    return {
        key: StoredExecution(snapshots.get(key), histories.get(key, []))
        for key in keys
        if key in snapshots or key in histories
    }


async def _cut(
    connection: "Connection", keys: Sequence[str], histories: Mapping[str, list[HistoryRow]]
) -> list[str]:
    """Those that ended long ago, whose first events went with a partition before the last ones."""
    cut = [pack_id(key) for key in keys if histories[key][0].sequence > 1]
    if not cut:
        return []
    rows = await connection.fetch(_CLOSED, cut)
    return [unpack_id(packed) for (packed,) in rows]


async def read_history(
    connection: "Connection", execution_id: str, sequence: int, limit: int
) -> list[HistoryRow]:
    """The history from an event on; see the port."""
    rows = await connection.fetch(_HISTORY, pack_id(execution_id), sequence, limit)
    return [HistoryRow(execution_id, *row) for row in rows]


async def page_commits(
    connection: "Connection", shard: int, after_commit: int, limit: int
) -> list[HistoryRow]:
    """Whole commits after the given one; see the port."""
    rows = await connection.fetch(_COMMITS, shard, after_commit, limit - 1)
    found = [HistoryRow(unpack_id(packed), *values) for packed, *values in rows]
    return sorted(found, key=lambda row: (row.commit_number, row.execution_id, row.sequence))


async def get_executions(connection: "Connection", execution_ids: Sequence[str]) -> dict[str, ExecutionRow]:
    """The rows of those executions that exist."""
    query = f"SELECT {_COLUMNS} FROM execution e WHERE e.execution_id = ANY($1::bytea[])"
    rows = await connection.fetch(query, [*map(pack_id, execution_ids)])
    return {row.execution_id: row for row in map(_execution, rows)}


async def page_executions(
    connection: "Connection", wanted: ExecutionFilter, limit: int
) -> list[ExecutionRow]:
    """Rows that the filter lets through, newest first."""
    conditions, arguments = _conditions(wanted)
    query = (
        f"SELECT {_COLUMNS} FROM execution e WHERE {conditions} "
        f"ORDER BY e.started_at_us DESC, e.execution_id DESC LIMIT ${len(arguments) + 1}"
    )
    return [_execution(row) for row in await connection.fetch(query, *arguments, limit)]


def _execution(row: "asyncpg.Record") -> ExecutionRow:
    columns = dict(row.items())
    columns["execution_id"] = unpack_id(columns["execution_id"])
    columns["parent_execution_id"] = unpack_id(columns["parent_execution_id"])
    return ExecutionRow(**columns)


def _conditions(wanted: ExecutionFilter) -> tuple[str, list[object]]:
    parts: list[str] = ["true" if wanted.with_triggers else f"e.kind <> {TRIGGER_KIND}"]
    arguments: list[object] = []
    for condition, value in (
        ("e.namespace = ${}", wanted.namespace),
        ("e.workflow = ${}", wanted.workflow),
        ("e.subject = ${} AND e.subject <> ''", wanted.subject),
        ("e.phase = ANY(${}::int[])", [*wanted.phases]),
        ("e.started_at_us >= ${}", wanted.started_from_us),
        ("e.started_at_us < ${}", wanted.started_until_us),
    ):
        if value:
            arguments.append(value)
            parts.append(condition.format(len(arguments)))
    if wanted.before:
        arguments.extend((wanted.before[0], pack_id(wanted.before[1])))
        parts.append(f"(e.started_at_us, e.execution_id) < (${len(arguments) - 1}, ${len(arguments)})")
    return " AND ".join(parts), arguments
