"""Facts about executions, in order of id: a bounded number at a time, each folded as its rows come."""

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from google.protobuf.message import DecodeError

from tidemill.blobs.claim_check import ClaimCheck
from tidemill.blobs.claims import may_hold_claims
from tidemill.blobs.port import BlobError
from tidemill.checking import facts
from tidemill.engine.audit.causes import read_record
from tidemill.engine.audit.folding import Folding
from tidemill.engine.audit.port import FIRST_PLACE, NO_BOUND, SEQUENCE_MAX, AuditStore, Place
from tidemill.engine.core.state import CLOSED_PHASES, ExecutionState, Phase
from tidemill.engine.store.rows import ExecutionRow, HistoryRow, SnapshotRow

EXECUTIONS_A_PAGE: Final = 500
HISTORY_ROWS_A_PAGE: Final = 1_000
_CLOSED: Final = frozenset(int(phase) for phase in CLOSED_PHASES)


@dataclass(slots=True)
class _Page:
    """What is read at once of all executions with ids after one and up to another."""

    after: str
    until: str
    rows: dict[str, ExecutionRow]
    timers: dict[str, list[tuple[str, int]]]
    snapshots: dict[str, SnapshotRow]


class _History:
    """The history of a page's executions, a part of it in memory."""

    def __init__(self, store: AuditStore, page: _Page) -> None:
        self._store = store
        self._until = page.until
        self._place: Place = (page.after, SEQUENCE_MAX, SEQUENCE_MAX) if page.after else FIRST_PLACE
        self._held: deque[HistoryRow] = deque()

    async def next_id(self) -> str:
        """The execution of the next row; NO_BOUND after the last one."""
        if not self._held:
            rows = await self._store.page_history(self._place, self._until, HISTORY_ROWS_A_PAGE)
            if not rows:
                return NO_BOUND
            self._held.extend(rows)
            last = rows[-1]
            self._place = (last.execution_id, last.sequence, last.last_sequence)
        return self._held[0].execution_id

    async def first_of(self, execution_id: str) -> HistoryRow | None:
        """The first row of the execution, which stays; None where it has none."""
        return self._held[0] if await self.next_id() == execution_id else None

    async def of(self, execution_id: str) -> AsyncIterator[HistoryRow]:
        """The rows of the execution, which must be the next one."""
        while await self.next_id() == execution_id:
            yield self._held.popleft()


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a fold begins: at a snapshot, or at the first event."""

    snapshot: SnapshotRow | None

    @property
    def sequence(self) -> int:
        return self.snapshot.sequence if self.snapshot else 0


class Executions:
    """Tells of all executions, or of those of one namespace."""

    def __init__(self, store: AuditStore, check: ClaimCheck, namespace: str, complete_from_us: int) -> None:
        self._store = store
        self._check = check
        self._namespace = namespace
        self._complete_from_us = complete_from_us
        # Of the page at hand, by the execution that waits: children, and subscriptions with their lanes.
        self._children: dict[str, list[str]] = {}
        self._subscriptions: dict[str, list[tuple[bytes, str]]] = {}

    async def tell(self) -> AsyncIterator[facts.EngineFact]:
        """Executions with what is theirs."""
        after = ""
        while after != NO_BOUND:
            page = await self._read(after)
            history = _History(self._store, page)
            known = sorted(page.rows.keys() | page.timers.keys() | page.snapshots.keys(), reverse=True)
            while (
                execution_id := min(await history.next_id(), known[-1] if known else NO_BOUND)
            ) != NO_BOUND:
                if known and known[-1] == execution_id:
                    known.pop()
                async for fact in self._execution(execution_id, history, page):
                    yield fact
            for waits in await self._waits():
                yield waits
            after = page.until

    async def _read(self, after: str) -> _Page:
        rows = await self._store.page_executions(after, EXECUTIONS_A_PAGE)
        until = rows[-1].execution_id if len(rows) == EXECUTIONS_A_PAGE else NO_BOUND
        timers: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for timer in await self._store.timers(after, until):
            timers[timer.execution_id].append((timer.timer_id, timer.due_at_us))
        snapshots = await self._store.snapshots(after, until)
        return _Page(
            after,
            until,
            {row.execution_id: row for row in rows},
            dict(timers),
            {row.execution_id: row for row in snapshots},
        )

    async def _execution(
        self, execution_id: str, history: _History, page: _Page
    ) -> AsyncIterator[facts.EngineFact]:
        row = page.rows.get(execution_id)
        first = await history.first_of(execution_id)
        wanted = not self._namespace or (row is not None and row.namespace == self._namespace)
        start = self._start(row, first, page.snapshots.get(execution_id))
        if not wanted or start is None:
            async for _ in history.of(execution_id):
                pass
            if wanted and row is not None:
                yield facts.Forgotten(execution_id, _phase(row.phase))
            return
        async for fact in self._told(execution_id, history, page, start):
            yield fact

    def _start(
        self, row: ExecutionRow | None, first: HistoryRow | None, snapshot: SnapshotRow | None
    ) -> _Start | None:
        """Where the fold begins; None where retention has left nothing to begin with.

        Only where history may be gone does a snapshot stand for it: elsewhere it is a gap.
        """
        gone = row is not None and row.started_at_us < self._complete_from_us
        if not gone or (first is not None and first.sequence == 1):
            return _Start(None)
        return _Start(snapshot) if snapshot is not None else None

    async def _told(
        self, execution_id: str, history: _History, page: _Page, start: _Start
    ) -> AsyncIterator[facts.EngineFact]:
        snapshot = page.snapshots.get(execution_id)
        folding = Folding(execution_id, start.snapshot)
        yield _execution(execution_id, page.rows.get(execution_id), folding, start.sequence)
        async for stored in history.of(execution_id):
            if stored.last_sequence > start.sequence:
                yield folding.take(await self._whole(stored, folding))
        yield folding.folded(page.timers.get(execution_id, ()), snapshot.sequence if snapshot else 0)
        if folding.state is not None:
            self._remember(folding.state)

    async def _whole(self, row: HistoryRow, folding: Folding) -> HistoryRow:
        """The row with its large texts; where one is lost the fold says so, and goes on without it."""
        if not may_hold_claims(row.data):
            return row
        try:
            record = read_record(row.data)
            await self._check.fetch_into(record, row.execution_id)
        except (BlobError, DecodeError) as error:
            folding.fail(error)
            return row
        return replace(row, data=record.SerializeToString())

    def _remember(self, state: ExecutionState) -> None:
        if state.children:
            self._children[state.execution_id] = list(state.children)
        if state.subscriptions:
            self._subscriptions[state.execution_id] = [
                (held.lane, held.id) for _, held in state.subscriptions.values()
            ]

    async def _waits(self) -> list[facts.Waits]:
        """What the executions of the page wait for and nobody knows of, as far as the store can say."""
        children, self._children = self._children, {}
        subscriptions, self._subscriptions = self._subscriptions, {}
        phases = await self._store.phases([child for awaited in children.values() for child in awaited])
        held = await self._store.subscribed(
            [
                (lane, execution_id, identity)
                for execution_id, open_waits in subscriptions.items()
                for lane, identity in open_waits
            ]
        )
        found = []
        for execution_id in sorted(children.keys() | subscriptions.keys()):
            ended = _ended(children.get(execution_id, ()), phases)
            unheard = [
                identity
                for lane, identity in subscriptions.get(execution_id, ())
                if (lane, execution_id, identity) not in held
            ]
            if ended or unheard:
                found.append(facts.Waits(execution_id, ended, unheard))
        return found


def _ended(children: Sequence[str], phases: Mapping[str, int]) -> list[tuple[str, str]]:
    found = ((child, phases.get(child)) for child in children)
    return [
        (child, _phase(phase) if phase is not None else "")
        for child, phase in found
        if phase is None or phase in _CLOSED
    ]


def _execution(
    execution_id: str, row: ExecutionRow | None, folding: Folding, begins_after: int
) -> facts.Execution:
    calls = folding.calls()
    timers = [(facts.ARMED, timer_id, due_at_us) for timer_id, due_at_us in folding.timers()]
    if row is None:
        return facts.Execution(
            execution_id, "", "", -1, "", False, 0, 0, "", False, 0, begins_after, calls, timers
        )
    return facts.Execution(
        execution_id,
        row.namespace,
        row.workflow,
        row.shard,
        _phase(row.phase),
        row.owes,
        row.started_at_us,
        row.closed_at_us,
        row.reason,
        True,
        row.sequence,
        begins_after,
        calls,
        timers,
    )


def _phase(number: int) -> str:
    try:
        return Phase(number).name.lower()
    except ValueError:
        return f"number {number}"
