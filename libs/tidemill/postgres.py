"""Postgres as the services use it: a pool of connections whose commits are on disk, and typed failures."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

import asyncpg

from tidemill.errors import TidemillError
from tidemill.storage import StorageRefusedError, StorageUnavailableError

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

T = TypeVar("T")
# Only stubs know that these are generic.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Job: TypeAlias = Callable[["Connection"], Awaitable[T]]

SCHEMES: Final = ("postgresql", "postgres")
# Partitions and generated keys as the services use them came with it.
SERVER_VERSION_MIN: Final = 140_000
DETAIL_CHARACTERS_MAX: Final = 300
_SECOND_US: Final = 1_000_000
# By their classes, errors of which the data is the cause: cardinality, data, integrity, limits of a program.
_DATA_CLASSES: Final = ("21", "22", "23", "54")
_DURABILITY: Final = ("fsync", "full_page_writes", "synchronous_commit")
_DURABLE: Final = ("on", "remote_apply")
_SESSION: Final = {
    # The commit is answered when it is on disk.
    "synchronous_commit": "on",
    "timezone": "UTC",
    "client_encoding": "UTF8",
    # Compiling a query takes longer than any of ours runs.
    "jit": "off",
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


@dataclass(frozen=True, slots=True)
class PostgresOptions:
    """How a pool goes about its server.

    `allow_weak_store` takes a server that may lose what it has acknowledged; `session` are settings of
    Postgres for each connection.
    """

    application: str = "tidemill"
    connections_max: int = 8
    connect_timeout_us: int = 10 * _SECOND_US
    command_timeout_us: int = 30 * _SECOND_US
    statements_cached_max: int = 256
    allow_weak_store: bool = False
    session: tuple[tuple[str, str], ...] = ()


class Postgres:
    """A pool of connections to one database. Jobs get a connection, and typed errors leave."""

    def __init__(self, pool: "Pool", part: str, acquire_timeout_us: int) -> None:
        self._pool = pool
        self._part = part
        self._acquire_seconds = acquire_timeout_us / _SECOND_US

    async def transact(self, job: Job[T]) -> T:
        """Run the job inside a transaction; returns when it is on disk.

        Raises StorageRefusedError for bad data (nothing was written), what the job raised (nor then), and
        StorageUnavailableError: of a commit the outcome is unknown then. Nothing is tried twice.
        """
        async with self._acquired() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                result = await job(connection)
            except BaseException:
                # Where it cannot be ended, the pool drops the connection.
                with contextlib.suppress(Exception):
                    await transaction.rollback()
                raise
            await transaction.commit()
            return result

    async def run(self, job: Job[T]) -> T:
        """Run the job outside of a transaction: each of its statements is one. Raises as `transact` does."""
        async with self._acquired() as connection:
            return await job(connection)

    def held(self) -> contextlib.AbstractAsyncContextManager["Connection"]:
        """A connection for as long as its holder wants, who ends what is begun on it; raises as `run`."""
        return self._acquired()

    async def close(self) -> None:
        """Finish what is under way, and let go of the connections."""
        with _translated(self._part):
            await self._pool.close()

    @contextlib.asynccontextmanager
    async def _acquired(self) -> AsyncIterator["Connection"]:
        with _translated(self._part):
            async with self._pool.acquire(timeout=self._acquire_seconds) as connection:
                yield connection


async def open_postgres(url: str, *, part: str, options: PostgresOptions | None = None) -> Postgres:
    """Open a pool. The URL is `postgresql://user:password@host:port/database`, and is told to nobody.

    Raises StorageUnavailableError where the server cannot be reached or lets us not in, where it is too old,
    and where it would acknowledge what is not on disk, unless the options allow that.
    """
    options = options or PostgresOptions()
    if urlsplit(url).scheme not in SCHEMES:
        raise StorageUnavailableError(part, "its URL must begin with postgresql://")
    try:
        pool = await _create_pool(url, options)
    except Exception as error:
        # Without the cause: it may hold the URL, and the URL a password.
        raise StorageUnavailableError(part, _connecting(error)) from None
    postgres = Postgres(pool, part, options.command_timeout_us)
    try:
        await postgres.run(lambda connection: _check_server(connection, part, options))
    except BaseException:
        await postgres.close()
        raise
    return postgres


async def _create_pool(url: str, options: PostgresOptions) -> "Pool":
    return await asyncpg.create_pool(
        url,
        # No floor: the pool would restore it beside those who ask for connections, and after a crash of the
        # server has handed out one that was not ready.
        min_size=0,
        init_size=1,
        max_size=options.connections_max,
        timeout=options.connect_timeout_us / _SECOND_US,
        command_timeout=options.command_timeout_us / _SECOND_US,
        statement_cache_size=options.statements_cached_max,
        # Plans are kept for as long as the connection.
        max_cached_statement_lifetime=0,
        reset=_keep,
        server_settings={**_SESSION, "application_name": options.application, **dict(options.session)},
    )


async def _keep(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Jobs leave nothing behind on a connection that a round trip would have to take away."""


def _connecting(error: Exception) -> str:
    if isinstance(error, asyncpg.ClientConfigurationError | ValueError):
        return "its URL is none of a server: postgresql://user:password@host:port/database"
    if isinstance(error, TimeoutError):
        return "the server does not answer"
    if isinstance(error, OSError):
        return f"the server cannot be reached: {error.strerror or type(error).__name__}"
    return _describe(error)


async def _check_server(connection: "Connection", part: str, options: PostgresOptions) -> None:
    query = "SELECT current_setting('server_version_num')::int, current_setting('server_version')"
    row = await connection.fetchrow(query)
    if row is None or row[0] < SERVER_VERSION_MIN:
        raise StorageUnavailableError(part, f"Postgres 14 or later is needed, the server is {row and row[1]}")
    if not options.allow_weak_store:
        await _check_durability(connection, part)


async def _check_durability(connection: "Connection", part: str) -> None:
    query = "SELECT name, current_setting(name) FROM unnest($1::text[]) AS name"
    rows = await connection.fetch(query, _DURABILITY)
    weak = [f"{name} = {value}" for name, value in rows if value not in _DURABLE]
    if weak:
        raise StorageUnavailableError(
            part, f"the server may lose what it has acknowledged ({', '.join(weak)}); see allow_weak_store"
        )


@contextlib.contextmanager
def _translated(part: str) -> Any:  # noqa: ANN401 - a generator that yields nothing
    """Have typed errors come out of what asyncpg raises."""
    try:
        yield
    except TidemillError:
        raise
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise _translate(part, error) from error
    except (OverflowError, ValueError) as error:
        raise StorageRefusedError(part, f"{type(error).__name__}: {error}"[:DETAIL_CHARACTERS_MAX]) from error
    except (OSError, TimeoutError) as error:
        detail = "the server does not answer in time" if isinstance(error, TimeoutError) else "it is lost"
        raise StorageUnavailableError(part, f"{detail} ({type(error).__name__})") from error


def _translate(part: str, error: Exception) -> TidemillError:
    if isinstance(error, asyncpg.PostgresError):
        refused = str(error.sqlstate or "").startswith(_DATA_CLASSES)
    else:
        # What asyncpg could not encode is a ValueError too.
        refused = isinstance(error, ValueError)
    kind = StorageRefusedError if refused else StorageUnavailableError
    return kind(part, _describe(error))


def _describe(error: Exception) -> str:
    """The error in one line, without the details that quote rows."""
    # Errors that asyncpg makes itself have no message.
    message = getattr(error, "message", None) or (error.args[0] if error.args else "")
    line = " ".join(str(message).split())
    return f"{type(error).__name__}: {line}"[:DETAIL_CHARACTERS_MAX]
