"""Who lives, and so who owns which shard: a lease for each engine, and shards spread over those that live."""

from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import Final

from tidemill.engine.catalogue import Catalogue
from tidemill.engine.log.port import CommandLog
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.ownership import Ownership
from tidemill.engine.store.port import MembershipStore
from tidemill.engine.store.rows import LeaseRow, ShardRow
from tidemill.loops import FatalError
from tidemill.telemetry import names
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)
_DIGEST_BYTES: Final = 8
_EVERYWHERE_POLL_US: Final = 20_000


def spread(engines: Collection[str], shards: int) -> list[str]:
    """For each shard the engine that should own it: the one with the highest hash of the two together.

    Rendezvous hashing: when an engine comes or goes, no shard moves but those that it gets or had.
    """
    return [max(engines, key=lambda engine: _weight(engine, shard)) for shard in range(shards)]


def _weight(engine: str, shard: int) -> bytes:
    return blake2b(f"{engine}/{shard}".encode(), digest_size=_DIGEST_BYTES).digest()


class Membership:
    """Renews the lease, hands over shards that are another's now, takes those that are this engine's.

    A shard is taken once its owner has given it up or lives no longer, never from an owner that lives: a
    moved shard stands still for one step of each, not for a race of epochs. The store's clock alone says who
    lives. That an owner which was only slow can still commit nothing is the fence's work, not the lease's.
    """

    def __init__(
        self,
        store: MembershipStore,
        log: CommandLog,
        ownership: Ownership,
        catalogue: Catalogue,
        environment: Environment,
    ) -> None:
        settings = environment.settings
        self._store = store
        self._log = log
        self._ownership = ownership
        self._progress = ownership.memory.progress
        self._catalogue = catalogue
        self._commit_lock = ownership.commit_lock
        self._clock = environment.clock
        self._shards = settings.shards
        self._ttl_us = settings.lease_ttl_us
        self._publish_lease_us = settings.publish_lease_us
        self._engines: tuple[str, ...] = ()
        self._spread: list[str] = []
        self._left = False
        self._live = environment.metrics.gauge(names.ENGINE_ENGINES)
        # Set when the next step should not wait for its time.
        self.wake = ownership.lost

    async def run_once(self) -> bool:
        """One round; whether shards have come or gone. Raises StorageUnavailableError."""
        if self._left:
            return False
        self._see(await self._renew())
        rows = await self._store.shards()
        self._progress.follow(rows, self._ownership.owned)
        gone = await self._give_up(rows)
        came = await self._take(rows)
        if not self._ownership.troubled:
            self._progress.applying = True
        return gone or came

    async def enter(self) -> None:
        """Begin to live, without shards yet. Raises FatalError for a log that is not the store's."""
        await self._check_log()
        await self._renew()

    async def leave(self) -> None:
        """Hand everything over at once: the process stops."""
        self._left = True
        owner = self._ownership
        async with self._commit_lock:
            items = [(row.shard, row.epoch) for row in owner.owned.values()]
            owner.drop(list(owner.owned))
            await self._store.release(items)
        await self._store.end_lease(owner.owner)

    async def until_everywhere(self, revision: int) -> None:
        """Return once every engine that lives has the revision of the catalogue in force, and so have those
        who watch it; or once the slowest must have noticed that it is cut off."""
        ends_us = self._clock.monotonic_us() + self._ttl_us + self._publish_lease_us
        while self._clock.monotonic_us() < ends_us:
            others = [row for row in await self._renew() if row.engine != self._ownership.owner]
            if all(row.revision >= revision for row in others):
                return
            await self._clock.sleep_us(_EVERYWHERE_POLL_US)

    async def _renew(self) -> list[LeaseRow]:
        return await self._store.renew_lease(
            self._ownership.owner, ttl_us=self._ttl_us, revision=self._catalogue.settled_revision
        )

    async def _check_log(self) -> None:
        """Refuse to run on a log that is not the store's: made anew under its name, or another one."""
        if not (identity := await self._log.identity()):
            return
        bound = await self._store.claim_log(identity)
        if bound != identity:
            raise FatalError(
                f"the store belongs to the log {bound}, and this one is {identity}: it was made anew, or the "
                "settings name another; `tidemill accept-log` binds the store to it, and says what is lost"
            )

    def _see(self, leases: Sequence[LeaseRow]) -> None:
        engines = tuple(row.engine for row in leases)
        if engines == self._engines:
            return
        self._engines = engines
        self._spread = spread(engines, self._shards)
        self._live.set(len(engines))
        _log.info("engines that live", engines=list(engines))

    async def _give_up(self, rows: Sequence[ShardRow]) -> bool:
        """Hand over what another engine should own, between two commits; notice what was taken from here."""
        owned, owner = self._ownership.owned, self._ownership.owner
        taken = [row.shard for row in rows if row.shard in owned and row.epoch > owned[row.shard].epoch]
        if taken:
            async with self._commit_lock:
                self._ownership.fence(taken)
        # Also what the store takes for this engine's and memory does not hold: nobody else may take it.
        unheld = [
            (row.shard, row.epoch)
            for row in rows
            if row.owner == owner and row.shard not in owned and self._spread[row.shard] != owner
        ]
        if not unheld and all(self._spread[shard] == owner for shard in owned):
            return bool(taken)
        async with self._commit_lock:
            held = [(row.shard, row.epoch) for row in owned.values() if self._spread[row.shard] != owner]
            self._ownership.drop([shard for shard, _ in held])
            await self._store.release([*held, *unheld])
        _log.info("shards handed over", shards=[shard for shard, _ in (*held, *unheld)])
        return True

    async def _take(self, rows: Sequence[ShardRow]) -> bool:
        owner = self._ownership
        mended = [row.shard for row in rows if owner.halted.get(row.shard, row.epoch) < row.epoch]
        owner.mended(mended)
        free = [
            row.shard
            for row in rows
            if self._spread[row.shard] == owner.owner
            and row.shard not in owner.owned
            and row.shard not in owner.halted
            and (row.owner == owner.owner or row.owner not in self._engines)
        ]
        if free:
            await owner.take(free)
        return bool(free)
