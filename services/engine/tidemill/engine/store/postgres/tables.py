"""The tables of the store in Postgres: the files of `migrations/postgres/`, and a row for each shard."""

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from tidemill.engine.settings import SHARDS_VARIABLE
from tidemill.errors import InvalidRequestError
from tidemill.postgres import Postgres
from tidemill.postgres_migration import migrate, numbered_steps

if TYPE_CHECKING:
    from tidemill.postgres import Connection

PART: Final = "store"


def steps() -> list[str]:
    """The steps of the tables in order."""
    return numbered_steps(files("tidemill.engine.store").joinpath("migrations", "postgres"))


async def make_tables(postgres: Postgres, shards: int) -> int:
    """Make or update the tables, and the rows of new shards; returns how many steps were taken.

    Raises what `migrate` raises, and InvalidRequestError for tables with another number of shards.
    """
    taken = await migrate(postgres, PART, steps())
    await postgres.transact(lambda connection: _make_shards(connection, shards))
    await check_shards(postgres, shards)
    return taken


async def _make_shards(connection: "Connection", shards: int) -> None:
    """All at once, and only where there are none."""
    await connection.execute("LOCK TABLE shard IN SHARE ROW EXCLUSIVE MODE")
    await connection.execute(
        "INSERT INTO shard (id) SELECT n FROM generate_series(0, $1 - 1) AS n "
        "WHERE NOT EXISTS (SELECT 1 FROM shard)",
        shards,
    )


async def check_shards(postgres: Postgres, shards: int) -> None:
    """Raises InvalidRequestError where the database was made with another number of shards."""
    found = await postgres.run(lambda connection: connection.fetchval("SELECT count(*) FROM shard"))
    if found != shards:
        raise InvalidRequestError(
            SHARDS_VARIABLE, f"{SHARDS_VARIABLE} is {shards}, but the database was made with {found} shards"
        )
