"""`state.db` read-only as it is at one moment, for the audit, beside the process that writes it."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tidemill.engine.audit.kept import Kept, kept_by
from tidemill.engine.audit.port import NO_BOUND, Place
from tidemill.engine.store.packing import pack_id, unpack_id
from tidemill.engine.store.retention import RetentionTerms
from tidemill.engine.store.rows import (
    EXECUTION_FIELDS,
    DeadLetterRow,
    ExecutionRow,
    HistoryRow,
    OutboxRow,
    ShardRow,
    SnapshotRow,
    TimerRow,
)
from tidemill.engine.store.sqlite import membership, outbox, reads, retention
from tidemill.engine.store.sqlite.migration import steps
from tidemill.engine.store.sqlite.reads import of_execution
from tidemill.sqlite import open_read_only
from tidemill.storage import StorageUnavailableError

_PART: Final = "store"
# Parameters of one statement.
_VALUES_MAX: Final = 9_000
_BEHIND_ALL_IDS: Final = b"\xff" * 21
# The file has histories and timers in the order of time, the audit reads them by id. In the connection's own
# tables, for the file stays as it is: histories whose execution has no row, and all timers.
_ARRANGE: Final = (
    "CREATE TEMP TABLE orphan AS SELECT DISTINCT execution_id FROM history h "
    "WHERE NOT EXISTS (SELECT 1 FROM execution e WHERE e.execution_id = h.execution_id)",
    "CREATE TEMP TABLE timer_by_id (execution_id BLOB NOT NULL, timer_id TEXT NOT NULL, "
    "shard INTEGER NOT NULL, due_at_us INTEGER NOT NULL, PRIMARY KEY (execution_id, timer_id)) WITHOUT ROWID",
    "INSERT INTO timer_by_id (execution_id, timer_id, shard, due_at_us) "
    "SELECT CAST(substr(execution_by_time, 17) || substr(execution_by_time, 1, 16) AS BLOB), "
    "timer_id, shard, due_at_us FROM timer",
)
_WITH_HISTORY: Final = (
    "SELECT execution_id FROM execution WHERE execution_id >= :first AND execution_id <= :last "
    "UNION SELECT execution_id FROM orphan WHERE execution_id >= :first AND execution_id <= :last ORDER BY 1"
)
_HISTORY: Final = (
    f"SELECT h.sequence, h.last_sequence, h.commit_number, h.data FROM history h WHERE {of_execution('?1')} "
    "AND (h.sequence, h.last_sequence) > (?2, ?3) ORDER BY h.sequence, h.last_sequence LIMIT ?4"
)


class SqliteAudit:
    """Implements the port of the audit. Its methods wait for the disk: the process has nothing else to do."""

    def __init__(self, path: Path) -> None:
        """Raises StorageUnavailableError, also for a file whose tables are of another release."""
        self._connection = open_read_only(path, part=_PART)
        ((version,),) = self._all("PRAGMA user_version")
        if version != len(steps()):
            detail = f"{path.name} has version {version} of the tables, this release reads {len(steps())}"
            raise StorageUnavailableError(_PART, detail)
        for statement in _ARRANGE:
            self._all(statement)

    async def kept(self, terms: RetentionTerms, now_us: int) -> Kept:
        with _refusals():
            own = retention.read_namespaces(self._connection)
        return kept_by(terms, own, now_us)

    async def page_executions(self, after: str, limit: int) -> list[ExecutionRow]:
        columns = ", ".join((*EXECUTION_FIELDS, "sequence"))
        rows = self._all(
            f"SELECT {columns} FROM execution WHERE execution_id > ? ORDER BY execution_id LIMIT ?",
            (pack_id(after), limit),
        )
        return [_execution(row) for row in rows]

    async def page_history(self, after: Place, until: str, limit: int) -> list[HistoryRow]:
        execution_id, *position = after
        first = pack_id(execution_id)
        found: list[HistoryRow] = []
        with _refusals():
            for (packed,) in self._connection.execute(_WITH_HISTORY, {"first": first, "last": _bound(until)}):
                behind = position if packed == first else (0, 0)
                rows = self._all(_HISTORY, (packed, *behind, limit - len(found)))
                found += [HistoryRow(unpack_id(packed), *row) for row in rows]
                if len(found) >= limit:
                    break
        return found

    async def timers(self, after: str, until: str) -> list[TimerRow]:
        rows = self._all(
            "SELECT shard, due_at_us, execution_id, timer_id FROM timer_by_id "
            "WHERE execution_id > ? AND execution_id <= ? ORDER BY execution_id, timer_id",
            (pack_id(after), _bound(until)),
        )
        return [TimerRow(shard, due, unpack_id(packed), timer_id) for shard, due, packed, timer_id in rows]

    async def snapshots(self, after: str, until: str) -> list[SnapshotRow]:
        rows = self._all(
            "SELECT execution_id, sequence, data FROM snapshot "
            "WHERE execution_id > ? AND execution_id <= ? ORDER BY execution_id",
            (pack_id(after), _bound(until)),
        )
        return [SnapshotRow(unpack_id(row[0]), *row[1:]) for row in rows]

    async def phases(self, execution_ids: Sequence[str]) -> Mapping[str, int]:
        rows = self._found(
            "SELECT execution_id, phase FROM execution WHERE execution_id IN (SELECT column1 FROM ({}))",
            [(pack_id(execution_id),) for execution_id in execution_ids],
        )
        return {unpack_id(packed): phase for packed, phase in rows}

    async def subscribed(self, wanted: Sequence[tuple[bytes, str, str]]) -> set[tuple[bytes, str, str]]:
        rows = self._found(
            "SELECT s.lane, s.execution_id, s.subscription_id FROM ({}) AS wanted CROSS JOIN subscription s "
            "ON s.lane = column1 AND s.execution_id = column2 AND s.subscription_id = column3",
            [(lane, pack_id(execution_id), identity) for lane, execution_id, identity in wanted],
        )
        return {(lane, unpack_id(packed), identity) for lane, packed, identity in rows}

    async def shards(self) -> list[ShardRow]:
        with _refusals():
            return membership.read_shards(self._connection)

    async def peers(self) -> Mapping[tuple[int, int], int]:
        rows = self._all("SELECT shard, source_shard, sequence FROM peer")
        return {(shard, source): sequence for shard, source, sequence in rows}

    async def page_dead_letters(self, after: int, limit: int) -> list[DeadLetterRow]:
        rows = self._all(
            "SELECT number, shard, execution_id, namespace, kind, item, error, time_us FROM dead_letter "
            "WHERE number > ? ORDER BY number LIMIT ?",
            (after, limit),
        )
        return [DeadLetterRow(*row) for row in rows]

    async def page_rejections(self, shard: int, after: int, limit: int) -> list[int]:
        rows = self._all(
            "SELECT log_offset FROM rejection WHERE shard = ? AND log_offset > ? ORDER BY log_offset LIMIT ?",
            (shard, after, limit),
        )
        return [offset for (offset,) in rows]

    async def page_commits(self, shard: int, after_commit: int, limit: int) -> list[HistoryRow]:
        with _refusals():
            return reads.page_commits(self._connection, shard, after_commit, limit)

    async def page_outbox(self, shard: int, after_sequence: int, limit: int) -> list[OutboxRow]:
        with _refusals():
            return outbox.page_outbox(self._connection, shard, after_sequence, limit)

    async def seen(self, wanted: Sequence[tuple[bytes, bytes]]) -> set[tuple[bytes, bytes]]:
        rows = self._found(
            "SELECT s.lane, s.digest FROM ({}) AS wanted CROSS JOIN lane_seen s "
            "ON s.lane = column1 AND s.digest = column2",
            list(wanted),
        )
        return set(rows)

    async def close(self) -> None:
        self._connection.close()

    def _all(self, sql: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with _refusals():
            return self._connection.execute(sql, arguments).fetchall()

    def _found(self, sql: str, wanted: Sequence[tuple[object, ...]]) -> list[tuple[Any, ...]]:
        """The rows of a query about many values, put in its place as `VALUES`."""
        found: list[tuple[Any, ...]] = []
        columns = len(wanted[0]) if wanted else 1
        rows_max = _VALUES_MAX // columns
        for start in range(0, len(wanted), rows_max):
            part = wanted[start : start + rows_max]
            values = "VALUES " + ",".join([f"({','.join('?' * columns)})"] * len(part))
            found += self._all(sql.format(values), [value for row in part for value in row])
        return found


@contextmanager
def _refusals() -> Iterator[None]:
    """What the file refuses, as StorageUnavailableError."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageUnavailableError(_PART, str(error)) from error


def _bound(until: str) -> bytes:
    return _BEHIND_ALL_IDS if until == NO_BOUND else pack_id(until)


def _execution(row: tuple[Any, ...]) -> ExecutionRow:
    *values, sequence = row
    columns = dict(zip(EXECUTION_FIELDS, values, strict=True))
    columns["execution_id"] = unpack_id(columns["execution_id"])
    columns["parent_execution_id"] = unpack_id(columns["parent_execution_id"])
    columns["owes"] = bool(columns["owes"])
    return ExecutionRow(**columns, sequence=sequence)
