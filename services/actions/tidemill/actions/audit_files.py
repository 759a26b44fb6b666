"""`ledger.db` read-only as it is at one moment, beside the process that writes it."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Final

from tidemill.actions.audit_port import COLUMNS, NAMES_EXECUTION, fact_of
from tidemill.actions.ledger.rows import chunks, hash_of
from tidemill.checking.facts import LedgerRow
from tidemill.sqlite import open_read_only
from tidemill.storage import StorageUnavailableError

_PART: Final = "effect ledger"


class LedgerFile:
    """Reads one file. Keys are sorted on disk, where they do not fit in memory."""

    def __init__(self, path: Path) -> None:
        """Raises StorageUnavailableError."""
        self._connection = open_read_only(path, part=_PART)

    async def rows(self) -> AsyncIterator[LedgerRow]:
        for row in self._read(f"SELECT {COLUMNS} FROM call ORDER BY {NAMES_EXECUTION}, key, attempt", ()):
            yield row

    async def rows_of(self, keys: Sequence[str]) -> AsyncIterator[LedgerRow]:
        wanted = set(keys)
        for part in chunks([hash_of(key) for key in keys]):
            marks = ",".join("?" * len(part))
            for row in self._read(f"SELECT {COLUMNS} FROM call WHERE key_hash IN ({marks})", part):
                if row.key in wanted:
                    yield row

    def _read(self, sql: str, arguments: Sequence[int]) -> Iterator[LedgerRow]:
        try:
            yield from map(fact_of, self._connection.execute(sql, arguments))
        except sqlite3.Error as error:
            raise StorageUnavailableError(_PART, str(error)) from error

    async def close(self) -> None:
        self._connection.close()
