"""Removes the blobs of executions that are gone, and what a crash has left behind of ones that never came."""

from collections.abc import Collection
from typing import NamedTuple, Protocol

from tidemill.api.events.v1.command_pb2 import Command
from tidemill.engine.log.port import CommandLog
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.ownership import Ownership
from tidemill.engine.store.port import OutboxStore, ReadStore
from tidemill.lanes import hash_of_execution_id, shard_of
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)


class SweptStore(OutboxStore, ReadStore, Protocol):
    """Where executions stand, and what may yet make one."""


class _Mark(NamedTuple):
    """Nothing refers to an execution but what its shard's log may hold below `end`: then its blobs that were
    written before the time are nobody's."""

    end: int
    before_us: int


class Sweep:
    """Looks at a page of executions that have blobs, of the shards that are owned here, in each step.

    An execution is marked when it has no row, no dead letter and no message on its way; it is swept by the
    next round that finds it so, once its shard has applied all that the log held at the mark. A blob is
    written shortly before what refers to it, so that an old one is referred to by none of what came later.
    """

    def __init__(
        self, store: SweptStore, log: CommandLog, ownership: Ownership, environment: Environment
    ) -> None:
        settings = environment.settings
        self._store = store
        self._log = log
        self._ownership = ownership
        self._clock = environment.clock
        self._blobs = environment.blobs
        self._shards = settings.shards
        self._grace_us = settings.blob_grace_us
        self._rows = settings.blob_sweep_rows
        self._after = ""
        self._marks: dict[str, _Mark] = {}
        # Those that this round has found so far: what is left of the marks at its end.
        self._found: dict[str, _Mark] = {}

    async def run_once(self) -> bool:
        """One page; whether there is more of this round."""
        page = await self._blobs.page(self._after, self._rows)
        owned = [each for each in page if self._shard(each) in self._ownership.owned]
        gone = await self._unreferred(owned)
        kept = [each for each in gone if not await self._removed(each)]
        await self._mark(kept)
        self._after = page[-1] if len(page) == self._rows else ""
        if not self._after:
            self._marks, self._found = self._found, {}
        return bool(self._after)

    async def _removed(self, execution_id: str) -> bool:
        """Remove the blobs of an execution whose time has come; whether none is left."""
        mark = self._marks.get(execution_id)
        owned = self._ownership.owned.get(self._shard(execution_id))
        if mark is None or owned is None or owned.log_offset < mark.end:
            return False
        del self._marks[execution_id]
        left = await self._blobs.remove(execution_id, written_before_us=mark.before_us)
        _log.info("blobs of an execution that is gone are removed", execution_id=execution_id, left=left)
        return left == 0

    async def _mark(self, execution_ids: Collection[str]) -> None:
        """In this order: what was on its way to the log before we looked there is in it now."""
        fresh = [each for each in execution_ids if each not in self._marks]
        now_us = self._clock.now_us()
        extents = await self._log.extents() if fresh else {}
        for execution_id in execution_ids:
            mark = self._marks.get(execution_id)
            if mark is None and len(self._found) < self._rows:
                mark = _Mark(extents[self._shard(execution_id)].next, now_us - self._grace_us)
            if mark is not None:
                self._found[execution_id] = mark

    async def _unreferred(self, execution_ids: Collection[str]) -> list[str]:
        """Those that have no row, and that neither a message on its way nor a dead letter may give one."""
        if not execution_ids:
            return []
        rows = await self._store.get(list(execution_ids))
        gone = [each for each in execution_ids if each not in rows]
        if not gone:
            return []
        held = await self._addressed() | await self._lettered()
        return [each for each in gone if each not in held]

    async def _addressed(self) -> set[str]:
        """The executions that messages on their way are for."""
        found: set[str] = set()
        for shard in range(self._shards):
            after = 0
            while rows := await self._store.page_outbox(shard, after, self._rows):
                found.update(Command.FromString(row.data).execution_id for row in rows)
                after = rows[-1].sequence
        return found

    async def _lettered(self) -> set[str]:
        """The executions that dead letters are about."""
        found: set[str] = set()
        after = 0
        while rows := await self._store.dead_letters("", after, self._rows):
            found.update(row.execution_id for row in rows)
            after = rows[-1].number
        return found

    def _shard(self, execution_id: str) -> int:
        return shard_of(hash_of_execution_id(execution_id), self._shards)
