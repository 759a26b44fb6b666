"""Every call that history asked for against its outcome there, and against the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from tidemill.checking.facts import (
    ACTION,
    ActionClass,
    Execution,
    Folded,
    HistoryRow,
    LedgerHeader,
    LedgerRow,
    OutcomeFact,
)
from tidemill.checking.invariant import Evidence, Invariant
from tidemill.checking.letters import DeadLetters

DOUBTS_MAX: Final = 100_000
_PURE: Final = "pure"


class OutcomeState(IntEnum):
    """How an attempt ended; the numbers are those of the contract."""

    NONE = 0
    SUCCEEDED = 1
    FAILED = 2
    CANCELLED = 3
    UNKNOWN = 4


CallName = tuple[str, int]


@dataclass(slots=True)
class Asked:
    """A call that history asked for, and what it says came of it."""

    action: str
    sequence: int
    outcome: OutcomeFact | None = None
    outcome_sequence: int = 0
    outcome_us: int = 0
    confirmed: bool = False
    judged: bool = True


@dataclass(frozen=True, slots=True)
class Doubt:
    """A call with an outcome in history, and none in the ledger when that was read, before history was."""

    execution_id: str
    call: CallName
    asked: Asked


class OneOutcome(Invariant):
    """Inside history: one outcome for each call that has ended, none for a call that was not asked for."""

    name = "outcomes"
    claim = (
        "each attempt of a call that history asked for has one outcome there, or is still owed one; "
        "no other call "
        "has any"
    )
    source = "architecture 4: what is owed is found again; 9: the first outcome stands"

    def __init__(self) -> None:
        super().__init__()
        self._execution_id = ""
        self.calls: dict[CallName, Asked] = {}
        self._attempts: dict[str, list[Asked]] = {}

    def execution(self, fact: Execution) -> None:
        """The rows of this execution follow."""
        self._execution_id = fact.execution_id
        self.calls = {
            (key, attempt): Asked(action, fact.begins_after, judged=False)
            for key, attempt, action in fact.calls
        }
        self._attempts = {}
        for (key, _), asked in self.calls.items():
            self._attempts.setdefault(key, []).append(asked)

    def row(self, fact: HistoryRow) -> None:
        """The next row of the execution."""
        for key, attempt, action in fact.asked:
            if (key, attempt) in self.calls:
                self._refute(fact, key, attempt, "was asked for twice")
            asked = self.calls[key, attempt] = Asked(action, fact.sequence)
            self._attempts.setdefault(key, []).append(asked)
        for outcome in fact.outcomes:
            self._outcome(fact, outcome)
        for key in fact.confirmed:
            if not self._confirm(key):
                self._refute(fact, key, 0, "was confirmed as cancelled, and there is no such call")

    def _outcome(self, fact: HistoryRow, outcome: OutcomeFact) -> None:
        key, attempt = outcome[:2]
        asked = self.calls.get((key, attempt))
        if asked is None:
            self._refute(fact, key, attempt, "has an outcome and was never asked for")
            return
        if asked.outcome is not None:
            self._refute(
                fact,
                key,
                attempt,
                f"has two outcomes, of events {asked.outcome_sequence} and {fact.sequence}",
            )
        asked.outcome, asked.outcome_sequence, asked.outcome_us = outcome, fact.sequence, fact.time_us
        if not any(
            kind == ACTION and identity == key and number == attempt
            for kind, identity, number, _, _ in fact.causes
        ):
            self._refute(fact, key, attempt, "has an outcome that no cause of that row names")

    def _confirm(self, key: str) -> bool:
        found = self._attempts.get(key, [])
        for asked in found:
            asked.confirmed = asked.confirmed or asked.outcome is None
        return bool(found)

    def folded(self, fact: Folded) -> None:
        """The execution's history has ended."""
        self.checked += len(self.calls)
        if fact.problem:
            return
        owed = {(key, attempt) for key, attempt in fact.owed}
        for (key, attempt), asked in self.calls.items():
            ended = asked.outcome is not None or asked.confirmed
            if (key, attempt) in owed:
                self.leave_open("calls under way")
            elif not ended:
                self.refute(
                    f"the call {key} attempt {attempt} has no outcome, and {self._execution_id} does "
                    "not wait "
                    "for one",
                    execution_id=self._execution_id,
                    key=key,
                    attempt=attempt,
                    sequence=asked.sequence,
                )

    def _refute(self, fact: HistoryRow, key: str, attempt: int, what: str) -> None:
        self.refute(
            f"the call {key} attempt {attempt} of {self._execution_id} {what}",
            execution_id=self._execution_id,
            key=key,
            attempt=attempt,
            sequence=fact.sequence,
            commit_number=fact.commit_number,
        )


class EffectsOnce(Invariant):
    """History against the ledger."""

    name = "effects"
    claim = (
        "the ledger has one outcome for each attempt that history has one of, the same one; it has "
        "no call that "
        "history did not ask for, and no request that succeeded twice under its key"
    )
    source = "architecture 4: no effect forgotten, none doubled; 9: claim, record, the first outcome stands"

    def __init__(self, letters: DeadLetters) -> None:
        super().__init__()
        self._letters = letters
        self._classes: dict[str, str] = {}
        self._header = LedgerHeader(0, 0, 0)
        self._doubts: list[Doubt] = []

    def header(self, fact: LedgerHeader) -> None:
        """When the ledger was read."""
        self._header = fact

    def action(self, fact: ActionClass) -> None:
        """What the ledger keeps for an action."""
        self._classes[fact.action] = fact.effect_class

    def execution(
        self,
        execution_id: str,
        calls: Mapping[CallName, Asked],
        rows: Sequence[LedgerRow],
        owed: Iterable[CallName],
    ) -> None:
        """The calls of an execution, and the ledger's rows under its keys."""
        by_call: dict[CallName, LedgerRow] = {}
        for row in rows:
            self.checked += 1
            call = (row.key, row.attempt)
            if call in by_call:
                self._refute(execution_id, call, "stands in the ledger twice")
            by_call[call] = row
        owes = set(owed)
        for call, row in by_call.items():
            self._row(execution_id, row, calls.get(call), is_owed=call in owes)
        for call, asked in calls.items():
            if asked.outcome is not None and asked.judged:
                self._recorded(execution_id, call, asked, by_call)
        self._succeeded_once(execution_id, rows)

    def _row(self, execution_id: str, row: LedgerRow, asked: Asked | None, *, is_owed: bool) -> None:
        call = (row.key, row.attempt)
        if asked is None:
            self._refute(execution_id, call, "stands in the ledger, and history never asked for it")
        elif asked.outcome is not None:
            self._compare(execution_id, row, asked, asked.outcome)
        elif is_owed:
            letter = self._letters.holds_result(*call)
            self.leave_open("outcomes among the dead letters" if letter else "calls under way")
        elif row.state and not (asked.confirmed and row.state == OutcomeState.CANCELLED):
            self._refute(
                execution_id,
                call,
                f"{_state(row.state)} by the ledger, and history has no outcome of it",
                outcome_digest=row.outcome_digest,
                confirmed=asked.confirmed,
            )

    def _compare(self, execution_id: str, row: LedgerRow, asked: Asked, outcome: OutcomeFact) -> None:
        _, _, state, digest, _, given_up = outcome
        if given_up:
            self.note("calls that the engine gave up")
        elif row.state and (row.state, row.outcome_digest) != (state, digest):
            self._refute(
                execution_id,
                (row.key, row.attempt),
                f"{_state(state)} by history and {_state(row.state)} by the ledger, or with another result",
                sequence=asked.outcome_sequence,
                history_digest=digest,
                ledger_digest=row.outcome_digest,
            )

    def _recorded(
        self, execution_id: str, call: CallName, asked: Asked, rows: Mapping[CallName, LedgerRow]
    ) -> None:
        """An outcome of history has its record, or is one that has none."""
        assert asked.outcome is not None
        _, _, state, digest, _, given_up = asked.outcome
        own = rows.get(call)
        if given_up or (own is not None and own.state):
            return
        if any(
            key == call[0] and (row.state, row.outcome_digest) == (state, digest)
            for (key, _), row in rows.items()
        ):
            self.note("attempts answered from the record of another")
        elif self._classes.get(asked.action) == _PURE:
            self.note("calls of pure actions, which the ledger does not keep")
        elif asked.action not in self._classes:
            self.note("calls of actions that the service does not know, so that nothing is known of records")
        elif asked.outcome_us < self._header.now_us - self._header.settled_retention_us:
            self.note("calls whose records may have gone by now")
        elif len(self._doubts) < DOUBTS_MAX:
            self._doubts.append(Doubt(execution_id, call, asked))
        else:
            self.leave_open("calls that ended while the check ran, too many to look up again")

    def _succeeded_once(self, execution_id: str, rows: Sequence[LedgerRow]) -> None:
        succeeded: dict[tuple[str, str], int] = {}
        for row in rows:
            if row.state != OutcomeState.SUCCEEDED:
                continue
            earlier = succeeded.setdefault((row.key, row.request_digest), row.attempt)
            if earlier != row.attempt:
                self._refute(
                    execution_id,
                    (row.key, row.attempt),
                    f"succeeded, and so did attempt {earlier} of the same request",
                )

    def stranger(self, row: LedgerRow, *, forgets: bool) -> None:
        """A row under a key of no execution that there is."""
        self.checked += 1
        if forgets:
            self.note("records of executions that are gone")
            return
        self._refute(
            row.key.partition(":")[0],
            (row.key, row.attempt),
            "stands in the ledger, and there is no such execution",
        )

    def doubts(self) -> list[str]:
        """The keys to look up in the ledger once more: their outcomes may have come meanwhile."""
        return sorted({doubt.call[0] for doubt in self._doubts})

    def settle(self, rows: Iterable[LedgerRow]) -> None:
        """What the ledger has of these keys, read after history: now an outcome has its record or none."""
        by_call = {(row.key, row.attempt): row for row in rows}
        doubts, self._doubts = self._doubts, []
        for doubt in doubts:
            asked, outcome = doubt.asked, doubt.asked.outcome
            assert outcome is not None
            same = [row for (key, _), row in by_call.items() if key == doubt.call[0]]
            _, _, state, digest, _, _ = outcome
            if any((row.state, row.outcome_digest) == (state, digest) for row in same):
                self.note("calls that ended while the check ran")
                continue
            self._refute(
                doubt.execution_id,
                doubt.call,
                f"{_state(state)} by history, and the ledger has no such outcome",
                sequence=asked.outcome_sequence,
                action=asked.action,
                ledger_attempts=[f"{row.attempt}: {_state(row.state)}" for row in same],
            )

    def _refute(self, execution_id: str, call: CallName, what: str, **evidence: Evidence) -> None:
        key, attempt = call
        self.refute(
            f"the call {key} attempt {attempt} {what}",
            execution_id=execution_id,
            key=key,
            attempt=attempt,
            **evidence,
        )


def _state(state: int) -> str:
    return "has no outcome" if not state else f"ended as {OutcomeState(state).name.lower()}"
