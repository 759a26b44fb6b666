"""Where the ledger is kept: in a file of one process, or in a Postgres that replicas share."""

from dataclasses import dataclass

from tidemill.actions.ledger.port import Alone, Ledger, Replicas
from tidemill.actions.ledger.postgres import PostgresLedger, PostgresReplicas, ledger_options, open_ledger
from tidemill.actions.ledger.sqlite import FILE_NAME, SqliteLedger
from tidemill.actions.settings import Settings
from tidemill.locks import DirectoryLock


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """A ledger, the replicas that share it, and the lock of its folder where it is a file."""

    ledger: Ledger
    replicas: Replicas
    lock: DirectoryLock | None = None

    async def close(self) -> None:
        """Finish what is under way and let go."""
        await self.ledger.close()
        if self.lock is not None:
            self.lock.release()


async def open_storage(settings: Settings) -> Storage:
    """Open what the settings name.

    Raises DirectoryLockedError, StorageUnavailableError, StoreTooOldError and StoreTooNewError.
    """
    if not settings.ledger_url:
        return _open_file(settings)
    options = ledger_options(settings.ledger_connections_max, settings.replica_lease_us)
    postgres = await open_ledger(settings.ledger_url, options)
    replicas = PostgresReplicas(postgres, settings.replica_lease_us)
    return Storage(ledger=PostgresLedger(postgres), replicas=replicas)


def _open_file(settings: Settings) -> Storage:
    lock = DirectoryLock(settings.data)
    ledger = SqliteLedger(settings.data / FILE_NAME, page_count_max=settings.ledger_page_count_max)
    return Storage(ledger=ledger, replicas=Alone(), lock=lock)
