"""Tables in Postgres by version: numbered steps that only go forward, each in a transaction of its own."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Final

from tidemill.postgres import Postgres
from tidemill.storage import StoreTooNewError, StoreTooOldError

if TYPE_CHECKING:
    from tidemill.postgres import Connection

# One lock for all components of a database: "tidemill" in ASCII.
_LOCK: Final = 0x746964656D696C6C
_STEP_NAME: Final = re.compile(r"(\d{4})_\w+\.sql")
_DATABASE: Final = "the database"
_VERSIONS: Final = (
    "CREATE TABLE IF NOT EXISTS schema_version (component text PRIMARY KEY, version integer NOT NULL)"
)
_MOVE: Final = (
    "INSERT INTO schema_version (component, version) VALUES ($1, $2) "
    "ON CONFLICT (component) DO UPDATE SET version = excluded.version"
)


def numbered_steps(folder: Traversable) -> list[str]:
    """The steps of a folder of files `NNNN_name.sql`, in order: the first makes version 1, and so on.

    Raises ValueError for numbers with a gap.
    """
    found = {
        int(match[1]): entry for entry in folder.iterdir() if (match := _STEP_NAME.fullmatch(entry.name))
    }
    if sorted(found) != list(range(1, len(found) + 1)):
        raise ValueError(f"the numbers of the steps are not 1 and so on: {sorted(found)}")
    return [found[number].read_text() for number in sorted(found)]


async def migrate(postgres: Postgres, component: str, steps: Sequence[str]) -> int:
    """Bring the component's tables to the version of these steps; returns how many were taken.

    Processes that migrate at once wait for each other. Raises StoreTooNewError, and what the pool raises;
    then the steps before the one that failed have been taken.
    """

    async def work(connection: "Connection") -> int:
        async with _locked(connection):
            await connection.execute(_VERSIONS)
            version = await _version(connection, component)
            _refuse_later(component, version, len(steps))
            for number in range(version, len(steps)):
                async with connection.transaction():
                    await connection.execute(steps[number])
                    await connection.execute(_MOVE, component, number + 1)
            return len(steps) - version

    return await postgres.run(work)


async def check_version(postgres: Postgres, component: str, known: int) -> None:
    """Hold the component's tables against the version that this release knows; changes nothing.

    Raises StoreTooOldError or StoreTooNewError.
    """
    version = await postgres.run(lambda connection: _version(connection, component))
    _refuse_later(component, version, known)
    if version < known:
        raise StoreTooOldError(component, _DATABASE, found=version, known=known)


def _refuse_later(component: str, version: int, known: int) -> None:
    if version > known:
        raise StoreTooNewError(component, _DATABASE, found=version, known=known)


async def _version(connection: "Connection", component: str) -> int:
    """The version of the component's tables; 0 where there are none."""
    if await connection.fetchval("SELECT to_regclass('schema_version')") is None:
        return 0
    query = "SELECT version FROM schema_version WHERE component = $1"
    return int(await connection.fetchval(query, component) or 0)


@asynccontextmanager
async def _locked(connection: "Connection") -> AsyncIterator[None]:
    """Have no other process migrate meanwhile. The lock goes with its connection, if need be."""
    await connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute(f"SELECT pg_advisory_unlock({_LOCK})")
