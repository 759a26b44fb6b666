"""The embedded store: `state.db`, one writer thread, one reader thread."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from tidemill.engine.settings import SHARDS_VARIABLE
from tidemill.engine.store.rows import (
    DeadLetterRow,
    DefinitionRow,
    ExecutionFilter,
    ExecutionRow,
    HistoryRow,
    RejectionRow,
    ShardCommit,
    ShardRow,
    TimerRow,
)
from tidemill.engine.store.sqlite_commit import pack_id, write_commits
from tidemill.errors import InvalidRequestError
from tidemill.sqlite import SqliteThread, open_database

_PART: Final = "store"
_EXECUTION_FIELDS: Final = (
    "execution_id", "namespace", "workflow", "version", "subject", "shard", "phase", "owes", "started_at_us",
    "closed_at_us", "output", "error", "reason", "request_id", "input_digest",
)  # fmt: skip
_EXECUTION_COLUMNS: Final = (
    ", ".join(f"e.{name}" for name in _EXECUTION_FIELDS)
    + ", (SELECT max(h.last_sequence) FROM history h WHERE h.execution_id = e.execution_id)"
)

# All at once, and only into a new file.
_SHARDS: Final = """
WITH RECURSIVE numbers (id) AS (VALUES (0) UNION ALL SELECT id + 1 FROM numbers WHERE id + 1 < {})
INSERT INTO shard SELECT id, 0, '', 0, 0, 0 FROM numbers WHERE NOT EXISTS (SELECT 1 FROM shard);
"""


class SqliteStore:
    """Implements ShardStore, ReadStore and DefinitionStore on one file."""

    def __init__(self, path: Path, shards: int, *, page_count_max: int = 0) -> None:
        """Open or create the file.

        Raises StorageUnavailableError for a damaged one, InvalidRequestError for one with another number of
        shards: executions would not be found in the shards that their ids lead to.
        """
        schema = files("tidemill.engine.store").joinpath("schema.sql").read_text() + _SHARDS.format(shards)
        writing = open_database(path, part=_PART, schema=schema, page_count_max=page_count_max)
        (found,) = writing.execute("SELECT count(*) FROM shard").fetchone()
        if found != shards:
            raise InvalidRequestError(
                SHARDS_VARIABLE,
                f"{SHARDS_VARIABLE} is {shards}, but {path.name} was made with {found} shards",
            )
        reading = open_database(path, part=_PART, schema="PRAGMA query_only = ON;", verify=False)
        self._writer = SqliteThread(writing, part=_PART)
        self._reader = SqliteThread(reading, part=_PART)

    async def take(self, shards: Sequence[int], owner: str) -> list[ShardRow]:
        return await self._writer.write(lambda connection: _take(connection, shards, owner))

    async def commit(self, commits: Sequence[ShardCommit]) -> set[int]:
        return await self._writer.write(lambda connection: write_commits(connection, commits))

    async def load(self, execution_ids: Sequence[str]) -> Mapping[str, list[HistoryRow]]:
        return await self._reader.read(lambda connection: _load(connection, execution_ids))

    async def page_owing(
        self, shard: int, after: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        started_at_us, execution_id = after or (-1, "")
        rows = await self._reader.read(
            lambda connection: connection.execute(
                "SELECT started_at_us, execution_id FROM execution WHERE owes AND shard = ? "
                "AND (started_at_us, execution_id) > (?, ?) ORDER BY started_at_us, execution_id LIMIT ?",
                (shard, started_at_us, pack_id(execution_id), limit),
            ).fetchall()
        )
        return [(row[0], unpack_id(row[1])) for row in rows]

    async def page_timers(
        self, shard: int, until_us: int, after: TimerRow | None, limit: int
    ) -> list[TimerRow]:
        position = (after.due_at_us, pack_id(after.execution_id), after.timer_id) if after else (-1, b"", "")
        rows = await self._reader.read(
            lambda connection: connection.execute(
                "SELECT due_at_us, execution_id, timer_id FROM timer WHERE shard = ? AND due_at_us <= ? "
                "AND (due_at_us, execution_id, timer_id) > (?, ?, ?) "
                "ORDER BY due_at_us, execution_id, timer_id LIMIT ?",
                (shard, until_us, *position, limit),
            ).fetchall()
        )
        return [TimerRow(shard, row[0], unpack_id(row[1]), row[2]) for row in rows]

    async def expire_rejections(self, before_us: int, limit: int) -> int:
        return await self._writer.write(
            lambda connection: (
                connection.execute(
                    "DELETE FROM rejection WHERE (shard, log_offset) IN "
                    "(SELECT shard, log_offset FROM rejection WHERE time_us < ? LIMIT ?)",
                    (before_us, limit),
                ).rowcount
            )
        )

    async def get(self, execution_ids: Sequence[str]) -> Mapping[str, ExecutionRow]:
        packed = [pack_id(execution_id) for execution_id in execution_ids]
        rows = await self._reader.read(
            lambda connection: connection.execute(
                f"SELECT {_EXECUTION_COLUMNS} FROM execution e WHERE e.execution_id IN ({_marks(packed)})",
                packed,
            ).fetchall()
        )
        return {row.execution_id: row for row in map(_execution, rows)}

    async def page_executions(self, wanted: ExecutionFilter, limit: int) -> list[ExecutionRow]:
        condition, arguments = _condition(wanted)
        query = (
            f"SELECT {_EXECUTION_COLUMNS} FROM execution e WHERE {condition} "
            "ORDER BY e.started_at_us DESC, e.execution_id DESC LIMIT ?"
        )
        rows = await self._reader.read(
            lambda connection: connection.execute(query, (*arguments, limit)).fetchall()
        )
        return [_execution(row) for row in rows]

    async def history(self, execution_id: str, sequence: int, limit: int) -> list[HistoryRow]:
        rows = await self._reader.read(
            lambda connection: connection.execute(
                "SELECT sequence, last_sequence, commit_number, data FROM history "
                "WHERE execution_id = ? AND last_sequence >= ? ORDER BY sequence LIMIT ?",
                (pack_id(execution_id), sequence, limit),
            ).fetchall()
        )
        return [HistoryRow(execution_id, *row) for row in rows]

    async def rejection(self, shard: int, offset: int) -> RejectionRow | None:
        row = await self._reader.read(
            lambda connection: connection.execute(
                "SELECT shard, log_offset, time_us, error FROM rejection WHERE shard = ? AND log_offset = ?",
                (shard, offset),
            ).fetchone()
        )
        return RejectionRow(*row) if row else None

    async def dead_letters(self, namespace: str, after: int, limit: int) -> list[DeadLetterRow]:
        rows = await self._reader.read(
            lambda connection: connection.execute(
                "SELECT number, shard, execution_id, namespace, kind, item, error, time_us FROM dead_letter "
                "WHERE number > ? AND (? = '' OR namespace = ?) ORDER BY number LIMIT ?",
                (after, namespace, namespace, limit),
            ).fetchall()
        )
        return [DeadLetterRow(*row) for row in rows]

    async def publish(self, row: DefinitionRow) -> DefinitionRow:
        return await self._writer.write(lambda connection: _publish(connection, row))

    async def definitions(self, after_revision: int) -> list[DefinitionRow]:
        rows = await self._reader.read(
            lambda connection: connection.execute(
                "SELECT * FROM definition WHERE revision > ? ORDER BY revision", (after_revision,)
            ).fetchall()
        )
        return [DefinitionRow(*row) for row in rows]

    async def close(self) -> None:
        """Finish what is under way and let go of the file."""
        await self._reader.close()
        await self._writer.close()


def unpack_id(packed: bytes) -> str:
    """An execution id out of its 20 bytes."""
    text = packed.hex()
    return f"{text[:8]}-{text[8:16]}-{text[16:20]}-{text[20:24]}-{text[24:28]}-{text[28:]}"


def _marks(values: Iterable[object]) -> str:
    return ",".join("?" for _ in values)


def _take(connection: sqlite3.Connection, shards: Sequence[int], owner: str) -> list[ShardRow]:
    connection.executemany(
        "UPDATE shard SET epoch = epoch + 1, owner = ? WHERE id = ?", [(owner, shard) for shard in shards]
    )
    rows = connection.execute(
        "SELECT id, epoch, log_offset, clock_us, commit_number FROM shard "
        f"WHERE id IN ({_marks(shards)}) ORDER BY id",
        tuple(shards),
    )
    return [ShardRow(*row) for row in rows]


def _load(connection: sqlite3.Connection, execution_ids: Sequence[str]) -> dict[str, list[HistoryRow]]:
    packed = {pack_id(execution_id): execution_id for execution_id in execution_ids}
    rows = connection.execute(
        "SELECT execution_id, sequence, last_sequence, commit_number, data FROM history "
        f"WHERE execution_id IN ({_marks(packed)}) ORDER BY execution_id, sequence",
        tuple(packed),
    )
    histories: dict[str, list[HistoryRow]] = defaultdict(list)
    for key, *values in rows:
        histories[packed[key]].append(HistoryRow(packed[key], *values))
    return dict(histories)


def _execution(row: tuple[Any, ...]) -> ExecutionRow:
    *values, sequence = row
    columns = dict(zip(_EXECUTION_FIELDS, values, strict=True))
    columns["execution_id"] = unpack_id(columns["execution_id"])
    columns["owes"] = bool(columns["owes"])
    return ExecutionRow(**columns, sequence=sequence or 0)


def _condition(wanted: ExecutionFilter) -> tuple[str, list[object]]:
    parts: list[str] = ["1"]
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
        parts.append(f"e.phase IN ({_marks(wanted.phases)})")
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


def _publish(connection: sqlite3.Connection, row: DefinitionRow) -> DefinitionRow:
    key = (row.namespace, row.name, row.version)
    query = "SELECT * FROM definition WHERE namespace = ? AND name = ? AND version = ?"
    if (present := connection.execute(query, key).fetchone()) is None:
        connection.execute(
            "INSERT INTO definition "
            "SELECT ?, ?, ?, ?, ?, ?, ?, coalesce(max(revision), 0) + 1 FROM definition",
            (*key, row.digest, row.document, row.published_at_us, row.profile),
        )
        present = connection.execute(query, key).fetchone()
    return DefinitionRow(*present)
