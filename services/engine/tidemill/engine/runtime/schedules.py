"""Schedules: the latest version of each definition, and no other, has its trigger execution."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tidemill import lanes
from tidemill.api.events.v1 import command_pb2
from tidemill.engine.catalogue import Catalogue
from tidemill.engine.core.state import CLOSED_PHASES
from tidemill.engine.log.port import CommandLog
from tidemill.engine.runtime.messages import COMMAND_SCHEMA
from tidemill.engine.runtime.owned_shard import OwnedShard
from tidemill.engine.runtime.ownership import Ownership
from tidemill.engine.settings import Settings
from tidemill.engine.store.port import ReadStore
from tidemill.engine.store.rows import DefinitionRow, ExecutionRow

REPLACED: Final = "a later version of the workflow has its own schedule"
_CLOSED: Final = frozenset(int(phase) for phase in CLOSED_PHASES)
IDLE_WAIT_US: Final = 1_000_000


def trigger_execution_id(namespace: str, workflow: str, version: str) -> str:
    """The id of the execution that runs the schedule of a version."""
    unique = lanes.derived_uuid(("trigger", namespace, workflow, version))
    return lanes.execution_id(lanes.lane_hash(lanes.trigger_lane(namespace, workflow)), unique)


class Schedules:
    """Compares the catalogue with the trigger executions, and appends the commands that are missing.

    A repeat is harmless: a start finds the execution that is there, a cancel one that has ended.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        store: ReadStore,
        log: CommandLog,
        ownership: Ownership,
        settings: Settings,
    ) -> None:
        progress = ownership.memory.progress
        self._catalogue = catalogue
        self._store = store
        self._log = log
        self._progress = progress
        self._shards = settings.shards
        self._revision = 0
        self._owned = ownership.owned
        ownership.memory.follow(self._begin)
        # Begun by this process, and perhaps not in the store yet.
        self._begun: set[str] = set()

    async def run_once(self) -> bool:
        """Settle what has changed in the catalogue; whether anything had."""
        revision = self._catalogue.revision
        if revision == self._revision or not await self._is_caught_up():
            return False
        changed = {(row.namespace, row.name) for row in self._catalogue.rows(self._revision)}
        await self._settle(name for name in changed if self._shard_of(*name) in self._owned)
        self._revision = revision
        return True

    def _begin(self, _taken: Mapping[int, OwnedShard]) -> None:
        """What earlier owners of the shards have seen to is not known."""
        self._revision = 0

    def _shard_of(self, namespace: str, workflow: str) -> int:
        return lanes.shard_of(lanes.lane_hash(lanes.trigger_lane(namespace, workflow)), self._shards)

    async def settle(self, namespace: str, workflow: str) -> None:
        """Settle one workflow; on return the commands are in the log."""
        await self._settle([(namespace, workflow)])

    async def _is_caught_up(self) -> bool:
        """Whether the store has what an earlier process left in the log: only then do its rows say all."""
        if self._revision:
            return True
        if not self._owned:
            return False
        extents = await self._log.extents()
        return all(
            self._progress.next_offset(shard) >= extent.next
            for shard, extent in extents.items()
            if shard in self._owned
        )

    async def _settle(self, workflows: Iterable[tuple[str, str]]) -> None:
        wanted = set(workflows)
        versions: dict[tuple[str, str], list[DefinitionRow]] = defaultdict(list)
        for row in self._catalogue.rows():
            if (row.namespace, row.name) in wanted and self._catalogue.has_trigger(row):
                versions[row.namespace, row.name].append(row)
        rows = [row for held in versions.values() for row in held]
        known = await self._store.get([_id_of(row) for row in rows])
        # What ends comes before what begins in its place: both are in the lane of the schedule.
        records = [_cancel(row) for row in rows if self._is_outdated(row, known.get(_id_of(row)))]
        starts = [row for row in rows if self._catalogue.is_latest(row) and _id_of(row) not in known]
        records += [_start(row) for row in starts if _id_of(row) not in self._begun]
        if records:
            await self._append(records)
            self._begun.update(_id_of(row) for row in starts)

    def _is_outdated(self, row: DefinitionRow, execution: ExecutionRow | None) -> bool:
        if self._catalogue.is_latest(row):
            return False
        if execution is None:
            return _id_of(row) in self._begun
        return execution.phase not in _CLOSED

    async def _append(self, records: Sequence[command_pb2.Command]) -> None:
        shards = [
            lanes.shard_of(lanes.hash_of_execution_id(record.execution_id), self._shards)
            for record in records
        ]
        data = [record.SerializeToString() for record in records]
        for shard, offset in zip(
            shards, await self._log.append(list(zip(shards, data, strict=True))), strict=True
        ):
            self._progress.appended(shard, offset)


def _id_of(row: DefinitionRow) -> str:
    return trigger_execution_id(row.namespace, row.name, row.version)


def _start(row: DefinitionRow) -> command_pb2.Command:
    record = _record(row)
    record.start.workflow = row.name
    record.start.version = row.version
    record.start.input.data = b"{}"
    record.start.kind = command_pb2.EXECUTION_KIND_TRIGGER
    return record


def _cancel(row: DefinitionRow) -> command_pb2.Command:
    record = _record(row)
    record.cancel.reason = REPLACED
    return record


def _record(row: DefinitionRow) -> command_pb2.Command:
    return command_pb2.Command(schema=COMMAND_SCHEMA, namespace=row.namespace, execution_id=_id_of(row))
