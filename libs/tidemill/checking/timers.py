"""Timers fire once, and never early."""

from tidemill.checking.facts import ARMED, FIRED, TIMER, Execution, HistoryRow
from tidemill.checking.invariant import Invariant


class TimersNeverEarly(Invariant):
    """Timer by timer, as history has armed them."""

    name = "timers"
    claim = (
        "a timer fires once after it was armed, by its own command, and not before its time by the "
        "shard's clock"
    )
    source = "architecture 4, Time: never early; 7: firing is idempotent by timer id"

    def __init__(self) -> None:
        super().__init__()
        self._execution_id = ""
        self._due: dict[str, int] = {}

    def execution(self, fact: Execution) -> None:
        """The rows of this execution follow."""
        self._execution_id = fact.execution_id
        self._due = {timer_id: due_at_us for _, timer_id, due_at_us in fact.timers}

    def row(self, fact: HistoryRow) -> None:
        """The next row of the execution."""
        if fact.timers:
            for what, timer_id, due_at_us in fact.timers:
                if what == ARMED:
                    self._due[timer_id] = due_at_us
                elif what == FIRED:
                    self._fired(fact, timer_id)
                else:
                    self._due.pop(timer_id, None)

    def _fired(self, fact: HistoryRow, timer_id: str) -> None:
        self.checked += 1
        due_at_us = self._due.pop(timer_id, None)
        evidence: dict[str, str | int] = {
            "execution_id": self._execution_id,
            "timer_id": timer_id,
            "sequence": fact.sequence,
            "commit_number": fact.commit_number,
            "time_us": fact.time_us,
        }
        if due_at_us is None:
            self.refute(f"the timer {timer_id} of {self._execution_id} fired and was not armed", **evidence)
        elif fact.time_us < due_at_us:
            self.refute(
                f"the timer {timer_id} of {self._execution_id} fired {due_at_us - fact.time_us} us early",
                **evidence,
                due_at_us=due_at_us,
            )
        if not any(kind == TIMER and identity == timer_id for kind, identity, *_ in fact.causes):
            self.refute(
                f"the timer {timer_id} of {self._execution_id} fired, and no cause of that row names it",
                **evidence,
            )
