"""This process among the replicas: the lease under which it claims, renewed while it lives."""

import asyncio

from tidemill.actions.ledger.port import Replicas
from tidemill.actions.runtime.meters import Meters
from tidemill.storage import StorageUnavailableError
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)


class Presence:
    """Holds the lease; claims carry its `token`.

    A process that was paused past its lease finds out here, or when the ledger refuses its claims: it goes on
    under a new one. What it had claimed before may have been taken over by then, which the ledger tells it
    when it records.
    """

    def __init__(self, replicas: Replicas, name: str, meters: Meters) -> None:
        self.token = 0
        self.wake = asyncio.Event()
        self._replicas = replicas
        self._name = name
        self._meters = meters

    async def begin(self) -> None:
        """Take a lease. Raises StorageUnavailableError."""
        self.token = await self._replicas.join(self._name)
        _log.info("a lease is taken", lease=self.token)

    async def run_once(self) -> bool:
        """Renew the lease, or take a new one. Raises StorageUnavailableError."""
        if not await self._replicas.renew(self.token):
            _log.warning("the lease of this replica has run out", lease=self.token)
            await self.begin()
            self._meters.leases_lost.add()
        return False

    def doubt(self) -> None:
        """The ledger says that the lease has run out: look at once."""
        self.wake.set()

    async def end(self) -> None:
        """Give the lease up, so that nobody waits for it to run out."""
        try:
            await self._replicas.leave(self.token)
        except StorageUnavailableError as error:
            _log.warning("the lease of this replica is left to run out", error=str(error))
