"""What history says: the fold of each execution, grown row by row as commits write them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.simulation.cluster.violations import Violation
from tidemill.engine.core.apply import apply
from tidemill.engine.core.events import Event
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.records import Batch, Source, decode_batch
from tidemill.engine.store.rows import HistoryRow

NAME = "state is the fold of history"


@dataclass(slots=True)
class Fold:
    """One execution as its history has it."""

    state: ExecutionState
    shard: int
    # Timers by id and when they are due, before the batch at hand: what fires in it was armed by then.
    due_before: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grown:
    """What one row has added to an execution."""

    row: HistoryRow
    batch: Batch
    fold: Fold

    def sources(self) -> Iterator[Source]:
        """Where its events came from."""
        return (cause.source for cause in self.batch.causes if cause.source is not None)


class Folds:
    """Every execution that has a history."""

    def __init__(self) -> None:
        self.by_id: dict[str, Fold] = {}
        # Every call that history asks for: key and attempt.
        self.requested: set[tuple[str, int]] = set()

    def grow(self, row: HistoryRow, shard: int) -> Grown:
        """Add a row; raises Violation where it does not continue what is there."""
        fold = self.by_id.get(row.execution_id)
        last = fold.state.sequence if fold is not None else 0
        if row.sequence != last + 1:
            raise Violation(NAME, f"{row.execution_id}: a row begins at {row.sequence}, after {last}")
        batch = decode_batch(row.data)
        state = fold.state if fold is not None else None
        due_before = {}
        if state is not None:
            due_before = {timer_id: timer.due_at_us for timer_id, timer in state.timers.items()}
        for event in batch.events:
            state = self._apply(state, event, batch, row)
        assert state is not None
        if state.sequence != row.last_sequence:
            raise Violation(
                NAME, f"{row.execution_id}: a row ends at {row.last_sequence}, not {state.sequence}"
            )
        if fold is None:
            fold = self.by_id[row.execution_id] = Fold(state, shard)
        fold.due_before = due_before
        return Grown(row, batch, fold)

    def _apply(
        self, state: ExecutionState | None, event: Event, batch: Batch, row: HistoryRow
    ) -> ExecutionState:
        try:
            state = apply(state, event, batch.now_us, execution_id=row.execution_id)
        except Exception as error:
            raise Violation(NAME, f"{row.execution_id} does not fold: {error!r}") from error
        for key, frame in state.actions.items():
            self.requested.add((key, frame.attempt))
        return state
