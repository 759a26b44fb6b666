"""Reads lifecycle events out of the store: histories, commit by commit, with what their rows do not say."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from google.protobuf.message import DecodeError

from tidemill.api.events.v1.command_pb2 import EXECUTION_KIND_TRIGGER
from tidemill.api.events.v1.history_pb2 import HistoryBatch
from tidemill.engine.catalogue import Catalogue
from tidemill.engine.core.tasks.listen import ListenNode
from tidemill.engine.lifecycle.projection import Facts, LifecycleEvent, project
from tidemill.engine.store.port import ReadStore
from tidemill.engine.store.rows import TRIGGER_KIND, HistoryRow
from tidemill.errors import TidemillError
from tidemill.telemetry import names
from tidemill.telemetry.logging import get_logger
from tidemill.telemetry.metrics import Metrics

_log = get_logger(__name__)
DEFINITIONS_CACHED_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a reader wants; empty fields do not narrow."""

    namespace: str = ""
    workflow: str = ""
    types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Page:
    """The wanted events of whole commits of a shard in order, and the number of the last of these commits."""

    events: list[LifecycleEvent]
    last_commit: int


class Listens(Protocol):
    """Knows the references of a definition's listens."""

    def of(self, definition: tuple[str, str, str]) -> Collection[str]:
        """Those of one version (namespace, workflow, version)."""
        ...


class LifecycleReader:
    """Projects pages of a shard's commits. The engine's own executions, of schedules, are left out."""

    def __init__(self, store: ReadStore, listens: Listens, metrics: Metrics, *, page_rows: int) -> None:
        self._store = store
        self._listens = listens
        self._page_rows = page_rows
        self._unreadable = metrics.counter(names.ENGINE_LIFECYCLE_UNREADABLE)

    async def last_commits(self) -> Mapping[int, int]:
        """The number of the last commit of each shard."""
        return await self._store.last_commits()

    async def page(self, shard: int, after_commit: int, last_commit: int, wanted: Wanted) -> Page:
        """The events of the commits after the given one, as far as a page of rows goes.

        `last_commit` is one that `last_commits` has named: what is not found up to it has no history.
        """
        rows = await self._store.page_commits(shard, after_commit, self._page_rows)
        if not rows:
            return Page([], last_commit)
        batches = [(row, batch) for row in rows if (batch := self._decode(row)) is not None]
        facts = await self._facts(batches)
        events: list[LifecycleEvent] = []
        for row, batch in batches:
            known = facts.get(row.execution_id)
            if known is not None and _is_wanted(known, wanted):
                events.extend(project(batch, row.sequence, known, wanted.types))
        return Page(events, rows[-1].commit_number)

    def _decode(self, row: HistoryRow) -> HistoryBatch | None:
        try:
            return HistoryBatch.FromString(row.data)
        except DecodeError as error:
            # It will never be readable: to wait for it would hold up every other execution for ever.
            self._unreadable.add()
            _log.error("a history row cannot be read", execution_id=row.execution_id, exc_info=error)
            return None

    async def _facts(self, batches: Sequence[tuple[HistoryRow, HistoryBatch]]) -> dict[str, Facts]:
        """What is known of each execution, but of those that run schedules."""
        facts: dict[str, Facts] = {}
        begun: set[str] = set()
        for row, batch in batches:
            if row.sequence == 1 and batch.events[0].HasField("execution_started"):
                begun.add(row.execution_id)
                started = batch.events[0].execution_started
                if started.kind != EXECUTION_KIND_TRIGGER:
                    named = (started.namespace, started.workflow, started.version)
                    facts[row.execution_id] = self._known(row.execution_id, named, started.subject)
        others = {row.execution_id for row, _ in batches} - begun
        if others:
            for execution_id, found in (await self._store.get(sorted(others))).items():
                if found.kind != TRIGGER_KIND:
                    named = (found.namespace, found.workflow, found.version)
                    facts[execution_id] = self._known(execution_id, named, found.subject)
        return facts

    def _known(self, execution_id: str, definition: tuple[str, str, str], subject: str) -> Facts:
        return Facts(execution_id, *definition, subject=subject, listens=self._listens.of(definition))


class ListenTasks:
    """Which tasks of a definition are listens: the end of one is the end of a correlation."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: OrderedDict[tuple[str, str, str], Collection[str]] = OrderedDict()

    def of(self, definition: tuple[str, str, str]) -> Collection[str]:
        """The references of a definition's listens; none for one that this release cannot read."""
        known = self._known.get(definition)
        if known is None:
            known = self._known[definition] = self._find(definition)
            if len(self._known) > DEFINITIONS_CACHED_MAX:
                self._known.popitem(last=False)
        return known

    def _find(self, definition: tuple[str, str, str]) -> Collection[str]:
        try:
            tasks = self._catalogue.plan(*definition).tasks
        except TidemillError as error:
            _log.warning(
                "a definition cannot be compiled: the ends of its listens are not told", error=str(error)
            )
            return frozenset()
        return frozenset(reference for reference, node in tasks.items() if isinstance(node, ListenNode))


def _is_wanted(facts: Facts, wanted: Wanted) -> bool:
    return wanted.namespace in ("", facts.namespace) and wanted.workflow in ("", facts.workflow)
