"""The ledger in Postgres read-only as it is at one moment, while replicas write."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, Self

from tidemill.actions.audit_port import COLUMNS, NAMES_EXECUTION, fact_of
from tidemill.actions.ledger.postgres import open_ledger
from tidemill.actions.ledger.postgres_rows import hash_of
from tidemill.actions.ledger.rows import chunks
from tidemill.checking.facts import LedgerRow
from tidemill.postgres import PostgresOptions

if TYPE_CHECKING:
    from tidemill.postgres import Connection

_ROWS_AT_ONCE: Final = 1_000
# Nobody waits for the audit, and whoever takes its lines may take their time.
_PATIENCE_US: Final = 600_000_000
_OPTIONS: Final = PostgresOptions(
    application="tidemill-check",
    connections_max=1,
    # What only reads does not care how what it reads was written.
    allow_weak_store=True,
    command_timeout_us=_PATIENCE_US,
    session=(("idle_in_transaction_session_timeout", "0"),),
)
_ALL: Final = f'SELECT {COLUMNS} FROM call ORDER BY {NAMES_EXECUTION}, key COLLATE "C", attempt'
_OF_KEYS: Final = f"SELECT {COLUMNS} FROM call WHERE key_hash = ANY($1::bytea[])"


class LedgerTables:
    """Reads on one connection, in one transaction that sees one moment."""

    def __init__(self, connection: "Connection", held: AsyncExitStack) -> None:
        self._connection = connection
        self._held = held

    @classmethod
    async def open(cls, url: str) -> Self:
        """Raises what `open_ledger` raises."""
        async with AsyncExitStack() as stack:
            postgres = await open_ledger(url, _OPTIONS)
            stack.push_async_callback(postgres.close)
            connection = await stack.enter_async_context(postgres.held())
            transaction = connection.transaction(isolation="repeatable_read", readonly=True)
            await stack.enter_async_context(transaction)
            # The moment is that of the first query.
            await connection.fetchval("SELECT 1 FROM call LIMIT 1")
            return cls(connection, stack.pop_all())

    async def rows(self) -> AsyncIterator[LedgerRow]:
        async for row in self._connection.cursor(_ALL, prefetch=_ROWS_AT_ONCE):
            yield fact_of(tuple(row))

    async def rows_of(self, keys: Sequence[str]) -> AsyncIterator[LedgerRow]:
        wanted = set(keys)
        for part in chunks(list(wanted)):
            for row in await self._connection.fetch(_OF_KEYS, [hash_of(key) for key in part]):
                if row["key"] in wanted:
                    yield fact_of(tuple(row))

    async def close(self) -> None:
        await self._held.aclose()
