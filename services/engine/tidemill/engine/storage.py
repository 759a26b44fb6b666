"""Where a process keeps what it is told: the store and the log that its settings name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tidemill.blobs.opening import open_blobs
from tidemill.blobs.port import BlobStore
from tidemill.engine.log.port import CommandLog
from tidemill.engine.log.sqlite import SqliteLog
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.settings import Settings
from tidemill.engine.store.port import Store
from tidemill.engine.store.sqlite.store import SqliteStore
from tidemill.locks import DirectoryLock
from tidemill.loops import FatalError

if TYPE_CHECKING:
    from tidemill.postgres import PostgresOptions

LOCK_NAME: Final = "engine.lock"


@dataclass(frozen=True, slots=True)
class Storage:
    """The log and the store, which belong together, and where large payloads of both stand."""

    store: Store
    log: CommandLog
    blobs: BlobStore
    let_go: Callable[[], None]

    async def close(self) -> None:
        """Finish writes and let go."""
        await self.log.close()
        await self.store.close()
        await self.blobs.close()
        self.let_go()


async def open_storage(environment: Environment) -> Storage:
    """Open what the settings name; files are created where they are not there.

    Raises StorageUnavailableError for what cannot be reached or is damaged, StoreTooOldError and
    StoreTooNewError for tables of another release, InvalidRequestError for data with another number of
    shards, DirectoryLockedError for files that another process has, and FatalError when the store of a log is
    gone.
    """
    settings = environment.settings
    blobs = open_blobs(settings.blobs, settings.data)
    if settings.store_url:
        return await _open_servers(environment, blobs)
    return _open_files(environment, blobs)


async def _open_servers(environment: Environment, blobs: BlobStore) -> Storage:
    """Postgres and Kafka. Embedded installations need neither of their libraries."""
    from tidemill.engine.log.kafka.log import KafkaLog
    from tidemill.engine.store.postgres.store import open_store

    settings = environment.settings
    store = await open_store(settings.store_url, settings.shards, store_options(settings))
    try:
        log = await KafkaLog.open(settings, clock=environment.clock, metrics=environment.metrics)
    except BaseException:
        await store.close()
        raise
    return Storage(store, log, blobs, _nothing)


def store_options(settings: Settings) -> "PostgresOptions":
    """How the store's server is used."""
    from tidemill.postgres import PostgresOptions

    return PostgresOptions(
        application="tidemill-engine",
        connections_max=settings.store_connections_max,
        command_timeout_us=settings.store_timeout_us,
        allow_weak_store=settings.allow_weak_store,
    )


def _nothing() -> None:
    """Servers hold no lock for us."""


def _open_files(environment: Environment, blobs: BlobStore) -> Storage:
    settings = environment.settings
    lock = DirectoryLock(settings.data, LOCK_NAME)
    store, log = settings.data / "state.db", settings.data / "log.db"
    # The store is made first. A log alone would be applied anew, without the definitions that it names.
    if log.exists() and not store.exists():
        raise FatalError(f"{store} is missing, and {log.name} belongs to it")
    return Storage(
        SqliteStore(
            store, settings.shards, page_count_max=settings.store_page_count_max, clock=environment.clock
        ),
        SqliteLog(log, settings.shards, page_count_max=settings.log_page_count_max),
        blobs,
        lock.release,
    )
