"""What must hold after every commit, in every weather: each a small class that looks at what is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from tests.simulation.cluster.engines import Batch, Engine
from tests.simulation.cluster.folds import Folds, Grown
from tests.simulation.cluster.ports import SharedStore
from tests.simulation.cluster.violations import Violation
from tests.unit.core.snapshots import snapshot
from tidemill.applied_offsets import read_applied
from tidemill.engine.core.owed import armed_timers
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.records import ActionSource, LogSource, MessageSource, Source, TimerSource
from tidemill.engine.runtime.items import COMMAND_KIND, Item, LoggedCommand, Poisoned, Redriven, decode
from tidemill.engine.runtime.translate import source_of
from tidemill.engine.runtime.turns import execution_row
from tidemill.engine.state_records import decode_state
from tidemill.engine.store.rows import ShardCommit, ShardRow, TimerRow
from tidemill.lanes import hash_digits_of

Identity: TypeAlias = tuple[object, ...]
# A message that was applied in the commit that sent it: it has no name.
_SAME_COMMIT: Final[Identity] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """One shard's part of a commit that was written: by whom, on what, and what it has added to histories."""

    engine: Engine | None
    batch: Batch
    commit: ShardCommit
    before: ShardRow
    grown: Sequence[Grown]


class Invariant:
    """Looks at each commit; whatever does not hold raises Violation."""

    name = ""

    def committed(self, seen: Committed) -> None:
        """A shard's part of a commit was written a moment ago."""

    def fail(self, evidence: str) -> Violation:
        """The violation to raise."""
        return Violation(self.name, evidence)


class Fence(Invariant):
    """Nothing of an owner that was replaced is written, and the numbers of a shard only rise."""

    name = "only the owner writes"

    def committed(self, seen: Committed) -> None:
        commit, before = seen.commit, seen.before
        if commit.epoch != before.epoch:
            raise self.fail(f"shard {commit.shard}: epoch {commit.epoch} has written in epoch {before.epoch}")
        # What was asked for before the shard was released may come after: nobody has taken it since.
        if seen.engine is not None and before.owner not in ("", seen.engine.name):
            raise self.fail(f"shard {commit.shard} of {before.owner!r} was written by {seen.engine.name}")
        if commit.commit_number != before.commit_number + 1:
            raise self.fail(
                f"shard {commit.shard}: commit {commit.commit_number} after {before.commit_number}"
            )
        if commit.clock_us < before.clock_us:
            raise self.fail(f"shard {commit.shard}: its clock goes back")


class Order(Invariant):
    """Logged commands of each lane are applied in the order of the log."""

    name = "lanes are applied in order"

    def __init__(self) -> None:
        # By lane: its executions are of one shard.
        self._last: dict[str, int] = {}
        self._last_message: dict[int, int] = {}
        self._kept: set[tuple[int, int]] = set()

    def committed(self, seen: Committed) -> None:
        shard, commit = seen.commit.shard, seen.commit
        if commit.log_offset < seen.before.log_offset:
            raise self.fail(f"shard {shard}: the offset goes back to {commit.log_offset}")
        for letter in commit.dead_letters:
            if letter.kind == COMMAND_KIND:
                self._kept.add((shard, int.from_bytes(letter.item[:8], "big")))
        highest: dict[str, int] = {}
        for grown in seen.grown:
            lane = hash_digits_of(grown.row.execution_id)
            highest[lane] = max(highest.get(lane, -1), self._row(shard, lane, grown))
        self._last.update(highest)

    def _row(self, shard: int, lane: str, grown: Grown) -> int:
        """The last offset of a row."""
        last = self._last.get(lane, -1)
        for source in grown.sources():
            if not isinstance(source, LogSource) or (shard, source.offset) in self._kept:
                continue
            if source.offset <= last:
                raise self.fail(f"lane {lane}: offset {source.offset} is applied after {last}")
            last = source.offset
        return last


class Once(Invariant):
    """No command, outcome, timer or message is applied twice."""

    name = "nothing is applied twice"

    def __init__(self) -> None:
        self._applied: set[Identity] = set()
        # What went to the dead letters is taken up again under its old name.
        self._kept: set[Identity] = set()

    def committed(self, seen: Committed) -> None:
        shard = seen.commit.shard
        for letter in seen.commit.dead_letters:
            item = decode(letter.kind, letter.item, shard=shard, execution_id=letter.execution_id)
            if item is not None:
                self._kept.add(_identity(shard, letter.execution_id, source_of(item)))
        for grown in seen.grown:
            applied = {_identity(shard, grown.row.execution_id, source) for source in grown.sources()}
            self._add(applied, grown.row.execution_id)
        if seen.engine is not None:
            self._add(_messages(shard, seen.batch.decided), f"shard {shard}")

    def _add(self, applied: set[Identity], where: str) -> None:
        applied.discard(_SAME_COMMIT)
        for identity in applied & self._applied:
            if identity not in self._kept:
                raise self.fail(f"{where}: {identity} again")
        self._applied |= applied


def _messages(shard: int, items: Iterable[Item]) -> set[Identity]:
    """The messages of other shards that were decided upon."""
    return {
        ("from", shard, item.record.source_shard, item.record.source_sequence)
        for item in items
        if isinstance(item, LoggedCommand) and item.shard == shard and item.record.source_sequence
    }


def _identity(shard: int, execution_id: str, source: Source) -> Identity:
    match source:
        case LogSource(offset):
            return (shard, offset)
        case MessageSource(_, 0):
            return _SAME_COMMIT
        case MessageSource(_, sequence):
            return ("message", shard, sequence)
        case ActionSource(key, attempt):
            return (execution_id, key, attempt)
        case TimerSource(timer_id):
            return (execution_id, timer_id)


class Complete(Invariant):
    """No record of the log counts as applied that was not decided in the very commit that says so."""

    name = "no command is passed over"

    def committed(self, seen: Committed) -> None:
        commit, before = seen.commit, seen.before
        applied = read_applied(commit.log_offset, commit.log_ahead)
        if seen.engine is None or applied == before.applied:
            return
        decided = {
            item.offset
            for item in map(_bare, seen.batch.items)
            if item.shard == commit.shard and isinstance(item, LoggedCommand | Redriven)
        }
        offsets = [each for each in range(before.log_offset, applied.end) if each not in before.applied]
        missing = [offset for offset in offsets if offset in applied and offset not in decided]
        if missing:
            raise self.fail(f"shard {commit.shard}: {missing} count as applied, which nobody has decided")
        again = [offset for offset in decided if offset in before.applied]
        if again:
            raise self.fail(f"shard {commit.shard}: {again} were applied before, and are decided again")


def _bare(item: Item) -> Item:
    """What is on its way to the dead letters was decided as well."""
    return item.item if isinstance(item, Poisoned) else item


class Timely(Invariant):
    """No timer fires before its time, by the clock of the shard, which shows what its owners' clocks have."""

    name = "timers are never early"

    def committed(self, seen: Committed) -> None:
        ahead_us = seen.commit.clock_us - seen.before.clock_us
        if seen.engine is not None and ahead_us > 0 and seen.commit.clock_us > seen.engine.clock.shown_us:
            raise self.fail(f"shard {seen.commit.shard} is ahead of the clock of {seen.engine.name}")
        for grown in seen.grown:
            for source in grown.sources():
                if isinstance(source, TimerSource):
                    due_us = grown.fold.due_before.get(source.timer_id, 0)
                    if due_us > seen.commit.clock_us:
                        early_us = due_us - seen.commit.clock_us
                        raise self.fail(f"{grown.row.execution_id}: {source.timer_id} by {early_us} us")


class Prompt(Invariant):
    """Once all goes well, no timer fires much later than it is due."""

    name = "timers are not forgotten"
    late_us_max: Final = 3_000_000

    def __init__(self) -> None:
        self._begins_us: int | None = None

    def begin(self, clocks_us: Iterable[int]) -> None:
        """All goes well; no clock shows more than the latest of these."""
        self._begins_us = max(clocks_us)

    def committed(self, seen: Committed) -> None:
        if self._begins_us is None:
            return
        for grown in seen.grown:
            for source in grown.sources():
                if isinstance(source, TimerSource):
                    due_us = grown.fold.due_before.get(source.timer_id, self._begins_us)
                    late_us = seen.commit.clock_us - max(due_us, self._begins_us)
                    if late_us > self.late_us_max:
                        raise self.fail(f"{grown.row.execution_id}: {source.timer_id} by {late_us} us")


class Rows(Invariant):
    """The rows of an execution, and those of its timers, are what its fold says."""

    name = "rows are the fold"

    def __init__(self, store: SharedStore) -> None:
        self._store = store

    def committed(self, seen: Committed) -> None:
        for grown in seen.grown:
            self.check(grown.fold.state, seen.commit.shard)

    def check(self, state: ExecutionState, shard: int) -> None:
        """One execution."""
        row = self._store._executions.get(state.execution_id)
        wanted = execution_row(state, shard)
        if row is None or replace(row, sequence=wanted.sequence) != wanted:
            raise self.fail(f"{state.execution_id}: the row is {row}, the fold says {wanted}")
        timers = {
            TimerRow(shard, timer.due_at_us, state.execution_id, timer.timer_id)
            for timer in armed_timers(state)
        }
        stored = {row for key, row in self._store._timers.items() if key[0] == state.execution_id}
        if timers != stored:
            raise self.fail(f"{state.execution_id}: the timers are {stored}, the fold says {timers}")


class Poison(Invariant):
    """Only what is at fault goes to the dead letters."""

    name = "only poison is kept aside"
    marks: Final = ("this task kind has a bug", "what the store refuses")

    def committed(self, seen: Committed) -> None:
        for letter in seen.commit.dead_letters:
            if not any(mark in letter.error for mark in self.marks):
                raise self.fail(f"{letter.execution_id}: {letter.error.strip().splitlines()[-1]}")


class Epochs:
    """Each taking of a shard raises its epoch by one."""

    name = "epochs only rise"

    def taken(self, before: ShardRow, after: ShardRow) -> None:
        """A shard was taken."""
        if after.epoch != before.epoch + 1:
            raise Violation(self.name, f"shard {after.shard}: {before.epoch} is followed by {after.epoch}")


class Caches:
    """What an owner has in memory is what history says, whenever no commit of it is under way."""

    name = "memory is the fold"

    def __init__(self, folds: Folds, store: SharedStore) -> None:
        self._folds = folds
        self._store = store
        self._looked = 0

    def check(self, engine: Engine) -> None:
        """Look at what the last batch of an engine has touched; at a few of them in all detail."""
        owned = engine.assembly.ownership.owned
        cached = engine.assembly.memory.states._cached
        for execution_id in {item.execution_id for item in engine.batch.items}:
            held, fold = cached.get(execution_id), self._folds.by_id.get(execution_id)
            if held is None or fold is None:
                continue
            mine = owned.get(fold.shard)
            if mine is None or mine.epoch != self._store.row(fold.shard).epoch:
                continue
            if isinstance(held.state, ExecutionState):
                self._compare(held.state, fold.state)

    def _compare(self, held: ExecutionState, fold: ExecutionState) -> None:
        self._looked += 1
        if held.sequence != fold.sequence or held.phase is not fold.phase:
            raise Violation(
                self.name,
                f"{held.execution_id}: in memory {held.phase.name} at {held.sequence}, "
                f"in history {fold.phase.name} at {fold.sequence}",
            )
        if self._looked % 16 == 0 and snapshot(held) != snapshot(fold):
            raise Violation(self.name, f"{held.execution_id}: memory differs from history")


def check_snapshots(folds: Folds, store: SharedStore) -> None:
    """A stored snapshot of an execution that did not grow since is its fold."""
    for execution_id, row in store._snapshots.items():
        fold = folds.by_id[execution_id]
        if fold.state.sequence == row.sequence:
            restored = decode_state(execution_id, row.sequence, row.data)
            if snapshot(restored) != snapshot(fold.state):
                raise Violation("snapshots are the fold", execution_id)
