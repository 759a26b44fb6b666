"""The ledger in a file: `ledger.db`, one writer thread, what waits together in one fsync."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from tidemill.actions.core.decision import Claim, Row
from tidemill.actions.core.model import Cancellation, Outcome
from tidemill.actions.ledger import statements
from tidemill.actions.ledger.port import ClaimAnswer, Record
from tidemill.actions.ledger.rows import SCHEMA
from tidemill.sqlite import SqliteThread, open_database

T = TypeVar("T")

FILE_NAME: Final = "ledger.db"
PART: Final = "effect ledger"
_EXPIRE: Final = "UPDATE call SET lease_until_us = 0 WHERE state IS NULL;"


class SqliteLedger:
    """The ledger of one process: whoever opens the file must hold its directory's lock."""

    def __init__(self, path: Path, *, page_count_max: int = 0) -> None:
        """Open or create the file and expire every lease in it, since whoever held one is gone.

        `page_count_max` bounds its size in pages (0: none). Raises StorageUnavailableError for damage.
        """
        connection = open_database(path, part=PART, schema=SCHEMA + _EXPIRE, page_count_max=page_count_max)
        self._thread = SqliteThread(connection, part=PART)

    async def claim(self, claims: Sequence[Claim], now_us: int) -> list[ClaimAnswer]:
        return await self._thread.commit(lambda connection: statements.claim(connection, claims, now_us))

    async def record(self, records: Sequence[Record]) -> list[Outcome | None]:
        return await self._thread.commit(lambda connection: statements.record(connection, records))

    async def release(self, holds: Sequence[tuple[int, Claim]]) -> None:
        await self._write(statements.release, holds)

    async def cancel(self, cancellations: Sequence[Cancellation], now_us: int) -> list[Outcome | None]:
        return await self._write(statements.cancel, cancellations, now_us)

    async def lookup(self, key: str) -> list[Row]:
        return (await self._thread.read(lambda c: statements.rows_of(c, [key]))).get(key, [])

    async def settle(self, keys: Sequence[str], now_us: int) -> None:
        await self._write(statements.settle, keys, now_us)

    async def expire(self, settled_before_us: int, rows_max: int) -> int:
        return await self._write(statements.expire, settled_before_us, rows_max)

    async def close(self) -> None:
        await self._thread.close()

    async def _write(self, job: Callable[..., T], *arguments: object) -> T:
        return await self._thread.write(lambda connection: job(connection, *arguments))
