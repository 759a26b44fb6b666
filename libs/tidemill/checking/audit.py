"""Puts the facts of both services beside each other and hands each to the invariants that it concerns."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from tidemill.checking.effects import EffectsOnce, OneOutcome
from tidemill.checking.expected import Expectations, NothingLost
from tidemill.checking.facts import (
    ActionClass,
    Commit,
    DeadLetter,
    EngineHeader,
    Execution,
    Fact,
    Folded,
    Forgotten,
    HistoryRow,
    LedgerHeader,
    LedgerRow,
    LogRecord,
    Outgoing,
    Peer,
    Rejection,
    Shard,
    Trimmed,
    Waits,
)
from tidemill.checking.invariant import Invariant, Violation
from tidemill.checking.ledger import LedgerByExecution
from tidemill.checking.letters import DeadLetters
from tidemill.checking.lines import FactsError
from tidemill.checking.messages import MessagesOnce
from tidemill.checking.order import OrderAndOnce
from tidemill.checking.report import Report, found_by
from tidemill.checking.sequences import Sequences
from tidemill.checking.state import StateIsFold
from tidemill.checking.timers import TimersNeverEarly

_NO_EXECUTION: Final = Execution("", "", "", 0, "", False, 0, 0, "", False, 0, 0, (), ())


class Audit:
    """One check. Memory is bounded by the largest execution and by what the log of one shard still holds."""

    def __init__(self, expected: Expectations | None = None) -> None:
        self._expected = expected or Expectations()
        self._letters = DeadLetters()
        self._sequences = Sequences()
        self._order = OrderAndOnce(self._letters)
        self._state = StateIsFold(self._letters)
        self._outcomes = OneOutcome()
        self._effects = EffectsOnce(self._letters)
        self._timers = TimersNeverEarly()
        self._messages = MessagesOnce(self._letters)
        self._lost = NothingLost(self._expected)
        self._invariants: tuple[Invariant, ...] = (
            self._sequences,
            self._order,
            self._state,
            self._outcomes,
            self._effects,
            self._timers,
            self._messages,
            self._lost,
        )
        self._ledger: LedgerByExecution | None = None
        self._header: EngineHeader | None = None
        self._execution = _NO_EXECUTION
        self._shard: Shard | None = None
        self._rejected: set[int] = set()
        self._read: Counter[str] = Counter()
        self._first: Violation | None = None
        for invariant in self._invariants:
            invariant.hears = self._hear

    def run(self, engine: Iterable[Fact], actions: Iterable[Fact] | None) -> None:
        """Go through the facts; `actions` None when there is no ledger to read. Raises FactsError."""
        self._effects.is_read = actions is not None
        if actions is not None:
            self._ledger = LedgerByExecution(self._rows(iter(actions)))
        for fact in engine:
            self._take(fact)
        self._end_of_shards()
        self._strangers(None)
        self._messages.end()
        self._lost.end(unfinished=any(invariant.open for invariant in self._invariants))

    def doubts(self) -> list[str]:
        """Keys to look up in the ledger once more, now that history has been read."""
        return self._effects.doubts()

    def settle(self, rows: Iterable[Fact]) -> None:
        """What that look-up gave."""
        self._effects.settle(row for row in rows if isinstance(row, LedgerRow))

    def report(self, *, seconds: float = 0.0) -> Report:
        """What was found."""
        found = [found_by(invariant) for invariant in self._invariants]
        unread = [] if self._ledger is not None else ["the ledger"]
        return Report(self._read, found, self._first, seconds, unread)

    def _hear(self, violation: Violation) -> None:
        self._first = self._first or violation

    def _take(self, fact: Fact) -> None:
        match fact:
            case HistoryRow():
                self._row(fact)
            case Execution():
                self._begin(fact)
            case Folded():
                self._folded(fact)
            case Commit():
                self._sequences.commit(fact)
                self._order.commit(fact)
                self._messages.commit(fact)
            case LogRecord():
                self._log(fact)
            case _:
                self._take_rare(fact)

    def _take_rare(self, fact: Fact) -> None:
        match fact:
            case Shard():
                self._begin_shard(fact)
            case Peer():
                self._messages.peer(fact)
            case Forgotten():
                self._forgotten(fact)
            case Trimmed():
                self._order.trimmed(fact)
            case Waits():
                self._messages.waits(fact)
            case Outgoing():
                self._messages.outgoing(fact)
            case Rejection():
                self._rejected.add(fact.offset)
                self._order.rejection(fact)
            case DeadLetter():
                self._read["dead letters"] += 1
                self._letters.add(fact)
            case EngineHeader():
                self._header = fact
                self._order.header(fact)
            case _:
                raise FactsError(f"the Engine tells no {type(fact).__name__}")

    def _begin(self, fact: Execution) -> None:
        self._read["executions"] += 1
        self._execution = fact
        for invariant in (self._sequences, self._outcomes, self._timers, self._lost):
            invariant.execution(fact)

    def _row(self, fact: HistoryRow) -> None:
        self._read["events"] += fact.events
        self._sequences.row(fact)
        self._timers.row(fact)
        if fact.asked or fact.outcomes or fact.confirmed:
            self._outcomes.row(fact)
        if fact.taken:
            self._lost.row(fact)

    def _folded(self, fact: Folded) -> None:
        execution, calls = self._execution, self._outcomes.calls
        self._read["calls"] += len(calls)
        self._sequences.folded(fact)
        self._state.folded(execution, fact)
        self._outcomes.folded(fact)
        self._lost.calls(execution.execution_id, calls.items())
        if self._ledger is None:
            return
        self._strangers(execution.execution_id)
        # Without a fold nobody knows what is still owed.
        if not fact.problem:
            rows = self._ledger.take(execution.execution_id, [key for key, _ in calls])
            owed = [(key, attempt) for key, attempt in fact.owed]
            self._effects.execution(execution.execution_id, calls, rows, owed)

    def _forgotten(self, fact: Forgotten) -> None:
        """Nothing can be said of it, but that it is there."""
        self._read["executions without history"] += 1
        self._lost.present(fact.execution_id, fact.phase, is_closed=True)
        if self._ledger is not None:
            self._strangers(fact.execution_id)
            self._ledger.take(fact.execution_id, ())

    def _strangers(self, before: str | None) -> None:
        """Rows of executions that do not exist; a check of one namespace knows nothing of those of others."""
        header, ledger = self._header, self._ledger
        if ledger is None or header is None:
            return
        for row in ledger.before(before):
            if not header.namespace:
                self._effects.stranger(row, forgets=header.forgets)

    def _begin_shard(self, fact: Shard) -> None:
        self._end_of_shards()
        self._read["shards"] += 1
        self._shard = fact
        self._rejected.clear()
        for invariant in (self._sequences, self._order, self._messages):
            invariant.shard(fact)

    def _end_of_shards(self) -> None:
        if self._shard is not None:
            self._order.end_of_shard()

    def _log(self, fact: LogRecord) -> None:
        assert self._shard is not None
        self._read["commands"] += 1
        self._order.log(fact, peer=self._messages.peer_of(fact.source_shard))
        self._messages.log(fact)
        if self._lost.is_read:
            waits = fact.offset not in self._shard.applied
            self._lost.log(fact, waits=waits, rejected=fact.offset in self._rejected)

    def _rows(self, facts: Iterator[Fact]) -> Iterator[LedgerRow]:
        """The ledger's rows; what comes before them goes where it is needed."""
        for fact in facts:
            match fact:
                case LedgerRow():
                    self._read["records"] += 1
                    yield fact
                case LedgerHeader():
                    self._effects.header(fact)
                case ActionClass():
                    self._effects.action(fact)
                case _:
                    raise FactsError(f"the Action service tells no {type(fact).__name__}")
