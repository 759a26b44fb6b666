"""The embedded log read-only, beside the process that writes it."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.engine.log.port import Extent, LogGapError, LogRecord
from tidemill.sqlite import open_read_only
from tidemill.storage import StorageUnavailableError

_PART = "command log"


class LogFiles:
    """`log.db` as it was when it was opened."""

    def __init__(self, path: Path) -> None:
        """Raises StorageUnavailableError."""
        self._connection = open_read_only(path, part=_PART)
        self._extents = {
            shard: Extent(first, following)
            for shard, first, following in self._query("SELECT shard, first, next FROM extent")
        }

    async def extents(self) -> Mapping[int, Extent]:
        return self._extents

    async def read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        extent = self._extents[shard]
        if not extent.first <= offset <= extent.next:
            raise LogGapError(shard, offset, first=extent.first, end=extent.next)
        rows = self._query(
            "SELECT log_offset, data FROM record WHERE shard = ? AND log_offset >= ? "
            "ORDER BY log_offset LIMIT ?",
            (shard, offset, limit),
        )
        return [LogRecord(shard, following, data) for following, data in rows]

    async def close(self) -> None:
        self._connection.close()

    def _query(self, sql: str, arguments: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, arguments).fetchall()
        except sqlite3.Error as error:
            raise StorageUnavailableError(_PART, str(error)) from error
