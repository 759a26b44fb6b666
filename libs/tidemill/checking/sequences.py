"""Histories without gaps, commits in one order."""

from tidemill.checking.facts import Commit, Execution, Folded, HistoryRow, Shard
from tidemill.checking.invariant import Invariant


class Sequences(Invariant):
    """Event by event, and commit by commit."""

    name = "sequences"
    claim = (
        "the events of each execution are numbered from 1 without gap or repeat, each row says what "
        "caused all of "
        "its events, and numbers and times of a shard's commits only rise"
    )
    source = "architecture 4, 6: one history row a commit and execution; 4, Time"

    def __init__(self) -> None:
        super().__init__()
        self._execution_id = ""
        self._first = 1
        self._next = 0
        self._commit = 0
        self._time_us = 0
        self._written = 0
        self._shard = Shard(0, 0, 0, 0, 0, 0, 0, 0)
        self._in_commit: set[str] = set()

    def execution(self, fact: Execution) -> None:
        """The rows of this execution follow."""
        self._execution_id = fact.execution_id
        self._first = self._next = fact.begins_after + 1
        self._commit = self._time_us = 0
        self._written = fact.sequence

    def row(self, fact: HistoryRow) -> None:
        """The next row of the execution."""
        self.checked += 1
        if fact.sequence != self._next:
            self._refute_number(fact)
        if fact.last_sequence < fact.sequence or fact.last_sequence - fact.sequence + 1 != fact.events:
            self.refute(
                f"the row of {self._execution_id} that claims the events {fact.sequence} to "
                f"{fact.last_sequence} holds {fact.events}",
                **self._evidence(fact),
            )
        caused = sum(events for _, _, _, events, _ in fact.causes)
        if caused != fact.events:
            self.refute(
                f"the causes in a row of {self._execution_id} explain {caused} events of {fact.events}",
                **self._evidence(fact),
            )
        if fact.commit_number <= self._commit or fact.time_us < self._time_us:
            self.refute(
                f"event {fact.sequence} of {self._execution_id} is of commit {fact.commit_number}, "
                "those before "
                f"it are of commit {self._commit}, or later than it",
                **self._evidence(fact),
            )
        self._next = fact.last_sequence + 1
        self._commit, self._time_us = fact.commit_number, fact.time_us

    def _refute_number(self, fact: HistoryRow) -> None:
        missing = fact.sequence > self._next
        self.refute(
            f"the history of {self._execution_id} goes on with event {fact.sequence} where "
            f"{self._next} should "
            f"come: events are {'missing' if missing else 'there twice'}",
            **self._evidence(fact),
            expected_sequence=self._next,
        )

    def _evidence(self, fact: HistoryRow) -> dict[str, str | int]:
        return {
            "execution_id": self._execution_id,
            "sequence": fact.sequence,
            "last_sequence": fact.last_sequence,
            "commit_number": fact.commit_number,
            "time_us": fact.time_us,
        }

    def folded(self, fact: Folded) -> None:
        """The execution's history has ended."""
        if self._next == self._first and fact.snapshot_sequence == 0:
            self.refute(f"{self._execution_id} has a row and no history", execution_id=self._execution_id)
        if self._written >= self._next:
            self.refute(
                f"the row of {self._execution_id} was written after event {self._written}, and its history "
                f"ends with {self._next - 1}",
                execution_id=self._execution_id,
                row_sequence=self._written,
                last_sequence=self._next - 1,
            )
        if fact.snapshot_sequence >= self._next:
            self.refute(
                f"{self._execution_id} has a snapshot of event {fact.snapshot_sequence}, and its "
                "history ends "
                f"with {self._next - 1}",
                execution_id=self._execution_id,
                snapshot_sequence=fact.snapshot_sequence,
                last_sequence=self._next - 1,
            )

    def shard(self, fact: Shard) -> None:
        """The commits of this shard follow."""
        self._shard = fact
        self._commit = self._time_us = 0

    def commit(self, fact: Commit) -> None:
        """The next row in the order of commits."""
        if fact.commit_number != self._commit:
            self._in_commit.clear()
            backwards = fact.commit_number < self._commit or fact.time_us < self._time_us
        else:
            backwards = fact.time_us != self._time_us
        if backwards:
            self._refute_commit(fact, f"commit {self._commit} before it has time {self._time_us}")
        elif fact.execution_id in self._in_commit:
            self._refute_commit(fact, "the commit has another row of the same execution")
        elif fact.commit_number > self._shard.commit_number or fact.time_us > self._shard.clock_us:
            self._refute_commit(
                fact, f"the shard has come to commit {self._shard.commit_number} at {self._shard.clock_us}"
            )
        self._in_commit.add(fact.execution_id)
        self._commit, self._time_us = fact.commit_number, fact.time_us

    def _refute_commit(self, fact: Commit, reason: str) -> None:
        self.refute(
            f"in shard {fact.shard}, event {fact.sequence} of {fact.execution_id} is of commit "
            f"{fact.commit_number} at {fact.time_us}, but {reason}",
            shard=fact.shard,
            execution_id=fact.execution_id,
            sequence=fact.sequence,
            commit_number=fact.commit_number,
        )
