"""What the tables say of an execution against the fold of its events."""

from tidemill.checking.facts import Execution, Folded
from tidemill.checking.invariant import Invariant
from tidemill.checking.letters import DeadLetters


class StateIsFold(Invariant):
    """Execution by execution."""

    name = "state"
    claim = (
        "the fold of an execution's events, by the engine's own code, gives the phase, the end and "
        "the debts of "
        "its row, and exactly the timers that stand as rows"
    )
    source = "architecture 2, 5: state is the fold of the events; 7: timers are rows of the same transaction"

    def __init__(self, letters: DeadLetters) -> None:
        super().__init__()
        self._letters = letters

    def folded(self, execution: Execution, fact: Folded) -> None:
        """Compare row and fold."""
        self.checked += 1
        identity = execution.execution_id
        if fact.problem:
            self.refute(
                f"the history of {identity} does not fold after event {fact.sequence}: {fact.problem}",
                execution_id=identity,
                sequence=fact.sequence,
                problem=fact.problem,
            )
            return
        if not execution.stored:
            self.refute(f"{identity} has a history and no row", execution_id=identity, sequence=fact.sequence)
            return
        self._compare_row(execution, fact)
        self._compare_timers(identity, fact)

    def _compare_row(self, execution: Execution, fact: Folded) -> None:
        for member, row, fold in (
            ("phase", execution.phase, fact.phase),
            ("owes", execution.owes, fact.owes),
            ("closed_at_us", execution.closed_at_us, fact.closed_at_us),
        ):
            if row != fold:
                self.refute(
                    f"the row of {execution.execution_id} says {member} {row}, its history {fold}",
                    execution_id=execution.execution_id,
                    member=member,
                    row=row,
                    fold=fold,
                    sequence=fact.sequence,
                )

    def _compare_timers(self, identity: str, fact: Folded) -> None:
        armed, rows = dict(fact.timers), dict(fact.timer_rows)
        for timer_id in sorted(armed.keys() | rows.keys()):
            due, row = armed.get(timer_id, 0), rows.get(timer_id, 0)
            if due == row:
                continue
            if not row and self._letters.holds_timer(identity, timer_id):
                self.note("timers among the dead letters")
                continue
            self.refute(
                f"the timer {timer_id} of {identity} is due {_when(due)} by its history, "
                f"{_when(row)} by its row",
                execution_id=identity,
                timer_id=timer_id,
                due_at_us=due,
                row_due_at_us=row,
            )


def _when(time_us: int) -> str:
    return f"at {time_us}" if time_us else "never"
