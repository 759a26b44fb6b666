"""The embedded command log: `log.db`, group commit, and the newest records in memory for the reader."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from tidemill.engine.log.port import Extent, LogGapError, LogRecord, Wake
from tidemill.sqlite import SMALL_CACHE, SqliteThread, insert_many, open_database

TAIL_RECORDS_MAX: Final = 4096
TRIM_RECORDS_MAX: Final = 5000
_PART: Final = "command log"
# The end is kept apart from the records, so that a log trimmed to nothing still knows its next offset.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS record (
  shard INTEGER NOT NULL, log_offset INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (shard, log_offset)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS extent (shard INTEGER PRIMARY KEY, first INTEGER NOT NULL, next INTEGER NOT NULL);
"""


class SqliteLog:
    """Appends of concurrent callers that wait together share one fsync."""

    def __init__(self, path: Path, shards: int, *, page_count_max: int = 0) -> None:
        """Open or create the file. Raises StorageUnavailableError for a damaged one."""
        extents = ", ".join(f"({shard}, 0, 0)" for shard in range(shards))
        schema = f"{SMALL_CACHE}{_SCHEMA}INSERT OR IGNORE INTO extent VALUES {extents};"
        connection = open_database(path, part=_PART, schema=schema, page_count_max=page_count_max)
        self._first = dict(connection.execute("SELECT shard, first FROM extent"))
        self._next = dict(connection.execute("SELECT shard, next FROM extent"))
        self._tails: dict[int, deque[LogRecord]] = {
            shard: deque(maxlen=TAIL_RECORDS_MAX) for shard in self._next
        }
        self._thread = SqliteThread(connection, part=_PART)
        self._wakes: list[Wake] = []

    async def append(self, records: Sequence[tuple[int, bytes]]) -> list[int]:
        # Shielded: a caller that goes away must not keep the reader from what is in the file by then.
        return await asyncio.shield(asyncio.ensure_future(self._append(records)))

    async def _append(self, records: Sequence[tuple[int, bytes]]) -> list[int]:
        appended = await self._thread.commit(lambda connection: _append(connection, records))
        # Answers of one group arrive in commit order, so that the tails grow in order of offsets.
        for record in appended:
            assert record.offset == self._next[record.shard], "answers come in the order of commits"
            self._tails[record.shard].append(record)
            self._next[record.shard] = record.offset + 1
        shards = {record.shard for record in appended}
        for wake in self._wakes:
            wake(shards)
        return [record.offset for record in appended]

    async def read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        first, end = self._first[shard], self._next[shard]
        if not first <= offset <= end:
            raise LogGapError(shard, offset, first=first, end=end)
        tail = self._tails[shard]
        if offset == end:
            return []
        if tail and tail[0].offset <= offset:
            start = offset - tail[0].offset
            return [tail[index] for index in range(start, min(start + limit, len(tail)))]
        return await self._thread.read(lambda connection: _read(connection, shard, offset, limit))

    def forget(self, shards: Collection[int]) -> None:
        """Reads need no preparation here."""

    async def extents(self) -> Mapping[int, Extent]:
        return {shard: Extent(self._first[shard], end) for shard, end in self._next.items()}

    async def identity(self) -> str:
        # It stands in one directory with its store, under one lock.
        return ""

    def on_append(self, wake: Wake) -> None:
        self._wakes.append(wake)

    async def trim(self, shard: int, before_offset: int) -> None:
        first = min(before_offset, self._next[shard], self._first[shard] + TRIM_RECORDS_MAX)
        if first <= self._first[shard]:
            return
        await self._thread.write(lambda connection: _trim(connection, shard, first))
        self._first[shard] = first

    async def report_applied(self, offsets: Mapping[int, int]) -> None:
        """The backlog is a metric of the engine already."""

    async def close(self) -> None:
        self._wakes.clear()
        await self._thread.close()


def _append(connection: sqlite3.Connection, records: Sequence[tuple[int, bytes]]) -> list[LogRecord]:
    shards = {shard for shard, _ in records}
    marks = ",".join("?" * len(shards))
    following = dict(
        connection.execute(f"SELECT shard, next FROM extent WHERE shard IN ({marks})", tuple(shards))
    )
    appended = []
    for shard, data in records:
        appended.append(LogRecord(shard, following[shard], data))
        following[shard] += 1
    insert_many(connection, "INSERT INTO record", [(r.shard, r.offset, r.data) for r in appended])
    connection.executemany(
        "UPDATE extent SET next = ? WHERE shard = ?", [(n, s) for s, n in following.items()]
    )
    return appended


def _read(connection: sqlite3.Connection, shard: int, offset: int, limit: int) -> list[LogRecord]:
    rows = connection.execute(
        "SELECT log_offset, data FROM record WHERE shard = ? AND log_offset >= ? ORDER BY log_offset LIMIT ?",
        (shard, offset, limit),
    )
    return [LogRecord(shard, row[0], row[1]) for row in rows]


def _trim(connection: sqlite3.Connection, shard: int, first: int) -> None:
    connection.execute("DELETE FROM record WHERE shard = ? AND log_offset < ?", (shard, first))
    connection.execute("UPDATE extent SET first = ? WHERE shard = ?", (first, shard))
