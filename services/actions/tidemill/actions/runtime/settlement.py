"""Housekeeping of the ledger: keys that the engine has settled are noted, and go once they are old."""

import asyncio
from collections.abc import Iterable
from itertools import islice
from typing import Final

from tidemill.actions.ledger.port import Ledger
from tidemill.actions.runtime.meters import Meters
from tidemill.actions.settings import Settings
from tidemill.clock import Clock
from tidemill.telemetry.logging import get_logger

_IDLE_WAIT_US: Final = 60_000_000
_log = get_logger(__name__)


class Settlement:
    """Collects settled keys, so that noting them takes a few commits a second and not one a message."""

    def __init__(self, ledger: Ledger, clock: Clock, meters: Meters, settings: Settings) -> None:
        self._ledger = ledger
        self._clock = clock
        self._meters = meters
        self._settings = settings
        self._pending: dict[str, None] = {}
        # When those that wait are to be noted.
        self._due_us = 0
        # Set when the first of them has come.
        self.wake = asyncio.Event()

    def add(self, keys: Iterable[str]) -> None:
        """Have the keys noted soon. Over the limit they are dropped: their rows then stay for ever."""
        room = self._settings.settled_keys_pending_max - len(self._pending)
        new = list(keys)
        if new and not self._pending:
            self._due_us = self._clock.monotonic_us() + self._settings.settle_interval_us
            self.wake.set()
        if len(new) > room:
            _log.error("too many settled keys wait, some are dropped", batch_size=len(new) - room)
        self._pending.update(dict.fromkeys(new[: max(room, 0)]))
        self._meters.settled_waiting.set(len(self._pending))

    def idle_us(self) -> int:
        """How long the loop may wait unless it is woken."""
        return max(self._due_us - self._clock.monotonic_us(), 0) if self._pending else _IDLE_WAIT_US

    async def run_once(self) -> bool:
        """Note a batch that is due; whether more waits. Raises StorageUnavailableError, and then keeps it."""
        return self._clock.monotonic_us() >= self._due_us and await self._note()

    async def _note(self) -> bool:
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
        while await self._note():
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
