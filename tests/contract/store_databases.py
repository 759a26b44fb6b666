"""A database with the Engine's tables, emptied for each test: that takes a tenth of making another one."""

import asyncio

import asyncpg

from tests.contract.store_suite import SHARDS
from tidemill.engine.store.postgres.tables import make_tables
from tidemill.postgres import PostgresOptions, open_postgres

_TABLES = (
    "lease", "log", "execution", "history", "snapshot", "timer", "rejection", "dead_letter", "definition",
    "shape", "subscription", "lane_event", "lane_seen", "counter", "outbox", "peer", "cursor",
    "namespace_settings", "document",
)  # fmt: skip
# What other tests have made; the one for all else is part of the tables.
_PARTITIONS = (
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'history'::regclass "
    "AND inhrelid <> 'history_rest'::regclass"
)
_EMPTY = (
    ";".join(f"DELETE FROM {table}" for table in _TABLES)
    + "; DELETE FROM shard; INSERT INTO shard (id) SELECT generate_series(0, {} - 1);"
    "ALTER SEQUENCE dead_letter_number_seq RESTART"
)


class PassedTime:
    """The clock of a server, which nobody moves."""

    async def pass_us(self, duration_us: int) -> None:
        await asyncio.sleep(duration_us / 1_000_000)


async def make_store_tables(url: str, shards: int = SHARDS) -> None:
    """Bring the tables into a new database."""
    postgres = await open_postgres(url, part="test", options=PostgresOptions(connections_max=1))
    await make_tables(postgres, shards)
    await postgres.close()


async def empty_store_tables(url: str, shards: int = SHARDS) -> None:
    """Leave nothing in them but untouched shards."""
    connection = await asyncpg.connect(url)
    for row in await connection.fetch(_PARTITIONS):
        await connection.execute(f"DROP TABLE {row[0]}")
    await connection.execute(_EMPTY.format(shards))
    await connection.close()
