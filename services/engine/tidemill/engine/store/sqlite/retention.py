"""What is forgotten of executions that have ended, in SQL: rows, in portions."""

import sqlite3
from collections.abc import Iterator
from typing import Final

from tidemill.engine.store.packing import pack_id, unpack_id
from tidemill.engine.store.retention import NamespaceRow, RetentionTerms
from tidemill.engine.store.sqlite.reads import marks, of_execution

# Distinct namespaces by leaps from one to the next, however many executions each has.
_NAMES: Final = """
WITH RECURSIVE found (name) AS (
  SELECT (SELECT namespace FROM execution WHERE closed_at_us > 0 ORDER BY namespace LIMIT 1)
  UNION ALL
  SELECT (
    SELECT e.namespace FROM execution e WHERE e.closed_at_us > 0 AND e.namespace > found.name
    ORDER BY e.namespace LIMIT 1
  ) FROM found WHERE name IS NOT NULL
)
SELECT name FROM found WHERE name IS NOT NULL
"""
_DUE: Final = (
    "SELECT execution_id FROM execution WHERE namespace = ? AND history_gone = ? AND closed_at_us > 0 "
    "AND closed_at_us < ? AND NOT owes ORDER BY closed_at_us LIMIT ?"
)
_HOLDING: Final = """
SELECT e.started_at_us, e.execution_id
FROM execution e LEFT JOIN snapshot s ON s.execution_id = e.execution_id
WHERE e.shard = ? AND e.closed_at_us = 0 AND e.started_at_us < ?
  AND (e.started_at_us, e.execution_id) > (?, ?) AND coalesce(s.committed_at_us, -1) < ?
ORDER BY e.started_at_us, e.execution_id LIMIT ?
"""
_FORGET_HISTORIES: Final = f"""
WITH gone (execution_id) AS (VALUES {{}})
DELETE FROM history WHERE rowid IN (
  SELECT h.rowid FROM gone CROSS JOIN history h ON {of_execution("gone.execution_id")}
)
"""
_MARKS_MAX: Final = 500


def set_namespace(connection: sqlite3.Connection, row: NamespaceRow) -> None:
    """Keep a namespace's own terms."""
    connection.execute(
        "INSERT OR REPLACE INTO namespace_settings (name, history_retention_us, execution_retention_us) "
        "VALUES (?, ?, ?)",
        (row.name, row.history_retention_us, row.execution_retention_us),
    )


def read_namespaces(connection: sqlite3.Connection) -> list[NamespaceRow]:
    """The namespaces that have terms of their own, by name."""
    rows = connection.execute(
        "SELECT name, history_retention_us, execution_retention_us FROM namespace_settings ORDER BY name"
    )
    return [NamespaceRow(*row) for row in rows]


def expire_histories(connection: sqlite3.Connection, terms: RetentionTerms, now_us: int, limit: int) -> int:
    """Forget histories whose time has come; see the port."""
    own = {row.name: row for row in read_namespaces(connection)}
    due: list[bytes] = []
    for (name,) in connection.execute(_NAMES).fetchall():
        if kept_us := terms.history_of(own.get(name)):
            due += _due(connection, name, now_us - kept_us, gone=False, limit=limit - len(due))
    _forget(connection, due)
    _in_portions(connection, "UPDATE execution SET history_gone = 1", due)
    return len(due)


def expire_executions(connection: sqlite3.Connection, terms: RetentionTerms, now_us: int, limit: int) -> int:
    """Forget executions whose time has come; see the port."""
    own = {row.name: row for row in read_namespaces(connection)}
    due: list[bytes] = []
    for (name,) in connection.execute(_NAMES).fetchall():
        if kept_us := terms.execution_of(own.get(name)):
            for gone in (True, False):
                due += _due(connection, name, now_us - kept_us, gone=gone, limit=limit - len(due))
    _forget(connection, due)
    _in_portions(connection, "DELETE FROM execution", due)
    return len(due)


def page_holding(
    connection: sqlite3.Connection, shard: int, before_us: int, after: tuple[int, str] | None, limit: int
) -> list[tuple[int, str]]:
    """Open executions without a snapshot from the time on; see the port."""
    started_at_us, execution_id = after or (-1, "")
    arguments = (shard, before_us, started_at_us, pack_id(execution_id), before_us, limit)
    return [(row[0], unpack_id(row[1])) for row in connection.execute(_HOLDING, arguments)]


def _due(
    connection: sqlite3.Connection, namespace: str, before_us: int, *, gone: bool, limit: int
) -> list[bytes]:
    return [key for (key,) in connection.execute(_DUE, (namespace, gone, before_us, limit))]


def _forget(connection: sqlite3.Connection, keys: list[bytes]) -> None:
    for portion in _portions(keys):
        connection.execute(_FORGET_HISTORIES.format(",".join(["(?)"] * len(portion))), portion)
    _in_portions(connection, "DELETE FROM snapshot", keys)


def _in_portions(connection: sqlite3.Connection, statement: str, keys: list[bytes]) -> None:
    for portion in _portions(keys):
        connection.execute(f"{statement} WHERE execution_id IN ({marks(portion)})", portion)


def _portions(keys: list[bytes]) -> Iterator[list[bytes]]:
    return (keys[start : start + _MARKS_MAX] for start in range(0, len(keys), _MARKS_MAX))
