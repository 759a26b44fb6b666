"""One execution's history as facts: folded by the engine's own code, told by what it asked of the outside."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tidemill.checking import facts
from tidemill.checking.digests import outcome_digest
from tidemill.engine.audit.causes import causes_of, read_record
from tidemill.engine.core.apply import begin, change
from tidemill.engine.core.effects import ArmTimer, CallAction, DisarmTimer, Effect
from tidemill.engine.core.events import (
    ActionCompleted,
    CancellationConfirmed,
    Event,
    EventReceived,
    ExecutionStarted,
    TimerFired,
)
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.records import Batch, decode_batch
from tidemill.engine.runtime.calls import UNDELIVERED, UNKNOWN_ACTION
from tidemill.engine.state_records import decode_state
from tidemill.engine.store.rows import HistoryRow, SnapshotRow

_GIVEN_UP: Final = (UNKNOWN_ACTION, UNDELIVERED)


@dataclass(slots=True)
class _Row:
    """What the events of one row say."""

    asked: list[facts.CallFact] = field(default_factory=list)
    outcomes: list[facts.OutcomeFact] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    timers: list[facts.TimerFact] = field(default_factory=list)
    taken: list[tuple[str, str]] = field(default_factory=list)


class Folding:
    """The fold of one execution, row by row; what does not fold is told all the same, as far as it goes."""

    def __init__(self, execution_id: str, snapshot: SnapshotRow | None = None) -> None:
        """Begin at the snapshot where there is one. One that cannot be read leaves `problem`."""
        self.execution_id = execution_id
        self.state: ExecutionState | None = None
        self.problem = ""
        self._time_us = 0
        if snapshot is not None:
            try:
                self.state = decode_state(execution_id, snapshot.sequence, snapshot.data)
            except Exception as error:
                self.problem = _said(error)

    def calls(self) -> list[facts.CallFact]:
        """The calls that are under way by the fold so far."""
        if self.state is None:
            return []
        begun = [
            (key, frame.attempt, frame.request.action if frame.request else "")
            for key, frame in self.state.actions.items()
        ]
        return begun + [(key, attempt, "") for key, attempt in self.state.cancelling]

    def timers(self) -> list[tuple[str, int]]:
        """The timers that stand by the fold so far."""
        if self.state is None:
            return []
        return [(timer_id, timer.due_at_us) for timer_id, timer in self.state.timers.items()]

    def take(self, row: HistoryRow) -> facts.HistoryRow:
        """Fold the next row; the fact about it."""
        try:
            batch, causes = decode_batch(row.data), causes_of(read_record(row.data))
        except Exception as error:
            self.fail(error)
            batch, causes = Batch(self._time_us, [], []), []
        self._time_us = batch.now_us
        said = _Row()
        for event in batch.events:
            self._event(event, batch.now_us, said)
        return facts.HistoryRow(
            row.sequence,
            row.last_sequence,
            row.commit_number,
            batch.now_us,
            len(batch.events),
            causes,
            said.asked,
            said.outcomes,
            said.confirmed,
            said.timers,
            said.taken,
        )

    def _event(self, event: Event, now_us: int, said: _Row) -> None:
        match event:
            case ActionCompleted():
                said.outcomes.append(_outcome(event))
            case CancellationConfirmed(key):
                said.confirmed.append(key)
            case TimerFired(timer_id):
                said.timers.append((facts.FIRED, timer_id, 0))
            case EventReceived():
                said.taken.extend(_name_of(event.event))
            case ExecutionStarted(origin=origin) if origin is not None and origin.event_id:
                said.taken.append((origin.event_source, origin.event_id))
            case _:
                pass
        if not self.problem:
            self._fold(event, now_us, said)

    def _fold(self, event: Event, now_us: int, said: _Row) -> None:
        effects: list[Effect] = []
        try:
            if self.state is None:
                self.state = begin(self.execution_id, event, now_us, effects)
            else:
                change(self.state, event, now_us, effects)
        except Exception as error:
            self.fail(error)
        for effect in effects:
            match effect:
                case CallAction():
                    said.asked.append((effect.key, effect.attempt, effect.action))
                case ArmTimer(timer_id, due_at_us):
                    said.timers.append((facts.ARMED, timer_id, due_at_us))
                case DisarmTimer(timer_id):
                    said.timers.append((facts.GONE, timer_id, 0))
                case _:
                    pass

    def fail(self, error: Exception) -> None:
        """Remember the first thing that was wrong."""
        self.problem = self.problem or _said(error)

    def folded(self, timer_rows: Sequence[tuple[str, int]], snapshot_sequence: int) -> facts.Folded:
        """The fold as it stands, beside the timers that stand as rows."""
        state = self.state
        if state is None:
            problem = self.problem or "the history is empty"
            return facts.Folded(problem, 0, "", False, 0, (), (), timer_rows, snapshot_sequence)
        return facts.Folded(
            self.problem,
            state.sequence,
            state.phase.name.lower(),
            state.owes,
            state.closed_at_us,
            [(key, attempt) for key, attempt, _ in self.calls()],
            self.timers(),
            timer_rows,
            snapshot_sequence,
        )


def _outcome(event: ActionCompleted) -> facts.OutcomeFact:
    error = event.error
    digest = outcome_digest(
        int(event.state),
        None if event.output is None else event.output.data,
        None if error is None else (error.type, error.status, error.title, error.detail),
    )
    given_up = error is not None and error.detail.startswith(_GIVEN_UP)
    return event.key, event.attempt, int(event.state), digest, event.late, given_up


def _name_of(event: Payload) -> list[tuple[str, str]]:
    try:
        envelope = event.value
    except Exception:
        return []  # what is no JSON has no name
    if not isinstance(envelope, dict):
        return []
    return [(str(envelope.get("source")), str(envelope.get("id")))]


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
