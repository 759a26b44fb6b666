"""Executions and their histories in SQL: the pages that clients and owners of shards read."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from tidemill.engine.store.packing import pack_by_time, pack_id, unpack_by_time, unpack_id
from tidemill.engine.store.rows import (
    EXECUTION_FIELDS,
    TRIGGER_KIND,
    ExecutionFilter,
    ExecutionRow,
    HistoryRow,
    SnapshotRow,
    StoredExecution,
    TimerRow,
)


def of_execution(execution_id: str) -> str:
    """The condition for the rows of an execution in `history h`, as their index has them."""
    return (
        f"substr(h.execution_id, 5) = substr({execution_id}, 5) "
        f"AND substr(h.execution_id, 1, 4) = substr({execution_id}, 1, 4)"
    )


_EXECUTION_COLUMNS: Final = (
    ", ".join(f"e.{name}" for name in EXECUTION_FIELDS)
    + f", coalesce((SELECT h.last_sequence FROM history h WHERE {of_execution('e.execution_id')} "
    "ORDER BY h.sequence DESC LIMIT 1), e.sequence)"
)
_HISTORY_AFTER: Final = f"""
WITH wanted (execution_id, sequence) AS (VALUES {{}})
SELECT h.execution_id, h.sequence, h.last_sequence, h.commit_number, h.data
FROM wanted CROSS JOIN history h ON {of_execution("wanted.execution_id")} AND h.sequence > wanted.sequence
"""
_HISTORY: Final = f"""
SELECT h.sequence, h.last_sequence, h.commit_number, h.data FROM history h
WHERE {of_execution("?1")} AND h.last_sequence >= ?2 ORDER BY h.sequence LIMIT ?3
"""
_TIMERS: Final = """
SELECT due_at_us, execution_by_time, timer_id FROM timer
WHERE shard = ? AND due_at_us <= ? AND (due_at_us, execution_by_time, timer_id) > (?, ?, ?)
ORDER BY due_at_us, execution_by_time, timer_id LIMIT ?
"""
# All rows up to the commit that makes the limit, that commit's too.
_COMMITS: Final = """
SELECT execution_id, sequence, last_sequence, commit_number, data FROM history
WHERE shard = :shard AND commit_number > :after AND commit_number <= coalesce((
  SELECT commit_number FROM history WHERE shard = :shard AND commit_number > :after
  ORDER BY commit_number LIMIT 1 OFFSET :limit - 1
), 9223372036854775807)
"""


def marks(values: Iterable[object]) -> str:
    """A question mark for each value."""
    return ",".join("?" for _ in values)


def load(
    connection: sqlite3.Connection, execution_ids: Sequence[str], *, whole: bool
) -> dict[str, StoredExecution]:
    """Snapshots and the history after them; see the port."""
    if not execution_ids:
        return {}
    snapshots = {} if whole else _snapshots(connection, execution_ids)
    starts = {key: snapshots[key].sequence if key in snapshots else 0 for key in execution_ids}
    histories = _histories(connection, starts)
    return {
        key: StoredExecution(snapshots.get(key), histories[key])
        for key in starts
        if key in snapshots or key in histories
    }


def _snapshots(connection: sqlite3.Connection, execution_ids: Sequence[str]) -> dict[str, SnapshotRow]:
    packed = [pack_id(execution_id) for execution_id in execution_ids]
    rows = connection.execute(
        f"SELECT execution_id, sequence, data FROM snapshot WHERE execution_id IN ({marks(packed)})", packed
    )
    return {(key := unpack_id(row[0])): SnapshotRow(key, row[1], row[2]) for row in rows}


def _histories(connection: sqlite3.Connection, starts: dict[str, int]) -> dict[str, list[HistoryRow]]:
    values = [value for key, sequence in starts.items() for value in (pack_id(key), sequence)]
    rows = connection.execute(_HISTORY_AFTER.format(",".join(["(?,?)"] * len(starts))), values)
    histories: dict[str, list[HistoryRow]] = defaultdict(list)
    for packed, *columns in rows:
        key = unpack_id(packed)
        histories[key].append(HistoryRow(key, *columns))
    for held in histories.values():
        held.sort(key=lambda row: row.sequence)
    return histories


def read_history(
    connection: sqlite3.Connection, execution_id: str, sequence: int, limit: int
) -> list[HistoryRow]:
    """The history from an event on; see the port."""
    rows = connection.execute(_HISTORY, (pack_id(execution_id), sequence, limit))
    return [HistoryRow(execution_id, *row) for row in rows]


def page_timers(
    connection: sqlite3.Connection, shard: int, until_us: int, after: TimerRow | None, limit: int
) -> list[TimerRow]:
    """Timers that are due; see the port."""
    place = (after.due_at_us, pack_by_time(after.execution_id), after.timer_id) if after else (-1, b"", "")
    rows = connection.execute(_TIMERS, (shard, until_us, *place, limit))
    return [TimerRow(shard, due, unpack_by_time(packed), timer_id) for due, packed, timer_id in rows]


def page_commits(
    connection: sqlite3.Connection, shard: int, after_commit: int, limit: int
) -> list[HistoryRow]:
    """Whole commits after the given one; see the port."""
    rows = connection.execute(_COMMITS, {"shard": shard, "after": after_commit, "limit": limit})
    found = [HistoryRow(unpack_id(row[0]), *row[1:]) for row in rows]
    return sorted(found, key=lambda row: (row.commit_number, row.execution_id, row.sequence))


def get_executions(connection: sqlite3.Connection, execution_ids: Sequence[str]) -> dict[str, ExecutionRow]:
    """The rows of those executions that exist."""
    packed = [pack_id(execution_id) for execution_id in execution_ids]
    rows = connection.execute(
        f"SELECT {_EXECUTION_COLUMNS} FROM execution e WHERE e.execution_id IN ({marks(packed)})", packed
    )
    return {row.execution_id: row for row in map(_execution, rows)}


def page_executions(
    connection: sqlite3.Connection, wanted: ExecutionFilter, limit: int
) -> list[ExecutionRow]:
    """Rows that the filter lets through, newest first."""
    condition, arguments = _condition(wanted)
    query = (
        f"SELECT {_EXECUTION_COLUMNS} FROM execution e WHERE {condition} "
        "ORDER BY e.started_at_us DESC, e.execution_id DESC LIMIT ?"
    )
    return [_execution(row) for row in connection.execute(query, (*arguments, limit))]


def _execution(row: tuple[Any, ...]) -> ExecutionRow:
    *values, sequence = row
    columns = dict(zip(EXECUTION_FIELDS, values, strict=True))
    columns["execution_id"] = unpack_id(columns["execution_id"])
    columns["parent_execution_id"] = unpack_id(columns["parent_execution_id"])
    columns["owes"] = bool(columns["owes"])
    return ExecutionRow(**columns, sequence=sequence)


def _condition(wanted: ExecutionFilter) -> tuple[str, list[object]]:
    parts: list[str] = ["1" if wanted.with_triggers else f"e.kind <> {TRIGGER_KIND}"]
    arguments: list[object] = []
    for column, value in (
        ("namespace", wanted.namespace),
        ("workflow", wanted.workflow),
        ("subject", wanted.subject),
    ):
        if value:
            parts.append(f"e.{column} = ?")
            arguments.append(value)
    if wanted.phases:
        parts.append(f"e.phase IN ({marks(wanted.phases)})")
        arguments.extend(wanted.phases)
    for comparison, bound_us in (
        ("e.started_at_us >= ?", wanted.started_from_us),
        ("e.started_at_us < ?", wanted.started_until_us),
    ):
        if bound_us:
            parts.append(comparison)
            arguments.append(bound_us)
    if wanted.before:
        parts.append("(e.started_at_us, e.execution_id) < (?, ?)")
        arguments.extend((wanted.before[0], pack_id(wanted.before[1])))
    return " AND ".join(parts), arguments
