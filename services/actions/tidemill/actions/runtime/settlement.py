"""Housekeeping of the ledger: keys that the engine has settled are noted, and go once they are old."""

from collections.abc import Iterable
from itertools import islice

from tidemill.actions.ledger.port import Ledger
from tidemill.actions.runtime.meters import Meters
from tidemill.actions.settings import Settings
from tidemill.clock import Clock
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)


class Settlement:
    """Collects settled keys, so that noting them takes a few commits a second and not one a message."""

    def __init__(self, ledger: Ledger, clock: Clock, meters: Meters, settings: Settings) -> None:
        self._ledger = ledger
        self._clock = clock
        self._meters = meters
        self._settings = settings
        self._pending: dict[str, None] = {}

    def add(self, keys: Iterable[str]) -> None:
        """Have the keys noted soon. Over the limit they are dropped: their rows then stay for ever."""
        room = self._settings.settled_keys_pending_max - len(self._pending)
        new = list(keys)
        if len(new) > room:
            _log.error("too many settled keys wait, some are dropped", batch_size=len(new) - room)
        self._pending.update(dict.fromkeys(new[: max(room, 0)]))
        self._meters.settled_waiting.set(len(self._pending))

    async def run_once(self) -> bool:
        """Note one batch; answers whether more waits. Raises StorageUnavailableError, and then keeps it."""
        batch = list(islice(self._pending, self._settings.settle_rows_max))
        if not batch:
            return False
        await self._ledger.settle(batch, self._clock.now_us())
        for key in batch:
            self._pending.pop(key, None)
        self._meters.settled_waiting.set(len(self._pending))
        return bool(self._pending)

    async def flush(self) -> None:
        """Note all that waits."""
        while await self.run_once():
            pass


class Expiry:
    """Deletes rows that were settled long ago, a page at a time."""

    def __init__(self, ledger: Ledger, clock: Clock, settings: Settings) -> None:
        self._ledger = ledger
        self._clock = clock
        self._settings = settings

    async def run_once(self) -> bool:
        """Delete one page; answers whether there may be more."""
        before_us = self._clock.now_us() - self._settings.settled_retention_us
        return await self._ledger.expire(before_us, self._settings.expire_rows_max) > 0
