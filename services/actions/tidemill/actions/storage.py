"""Where the ledger is kept: in a file of one process, or in a Postgres that replicas share."""

from dataclasses import dataclass

from tidemill.actions.ledger.port import Alone, Ledger, Replicas
from tidemill.actions.ledger.postgres import (
    PART,
    PostgresLedger,
    PostgresReplicas,
    lease_options,
    ledger_options,
    open_ledger,
)
from tidemill.actions.ledger.sqlite import FILE_NAME, SqliteLedger
from tidemill.actions.settings import Settings
from tidemill.blobs.opening import open_blobs
from tidemill.blobs.port import BlobStore
from tidemill.locks import DirectoryLock
from tidemill.postgres import Postgres, open_postgres


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """A ledger, the replicas that share it, and the lock of its folder where it is a file; and where large
    payloads stand."""

    ledger: Ledger
    replicas: Replicas
    blobs: BlobStore
    lock: DirectoryLock | None = None
    lease: Postgres | None = None

    async def close(self) -> None:
        """Finish what is under way and let go."""
        await self.ledger.close()
        await self.blobs.close()
        if self.lease is not None:
            await self.lease.close()
        if self.lock is not None:
            self.lock.release()


async def open_storage(settings: Settings) -> Storage:
    """Open what the settings name.

    Raises DirectoryLockedError, StorageUnavailableError, StoreTooOldError and StoreTooNewError.
    """
    blobs = open_blobs(settings.blobs, settings.data)
    if not settings.ledger_url:
        return _open_file(settings, blobs)
    options = ledger_options(settings.ledger_connections_max, settings.replica_lease_us)
    ledger = PostgresLedger(await open_ledger(settings.ledger_url, options))
    lease = await open_postgres(
        settings.ledger_url, part=PART, options=lease_options(settings.replica_lease_us)
    )
    replicas = PostgresReplicas(lease, settings.replica_lease_us)
    return Storage(ledger=ledger, replicas=replicas, blobs=blobs, lease=lease)


def _open_file(settings: Settings, blobs: BlobStore) -> Storage:
    lock = DirectoryLock(settings.data)
    ledger = SqliteLedger(settings.data / FILE_NAME, page_count_max=settings.ledger_page_count_max)
    return Storage(ledger=ledger, replicas=Alone(), blobs=blobs, lock=lock)
