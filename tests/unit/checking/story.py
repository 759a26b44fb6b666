"""Facts of a small system in which all is well, to be bent by tests: two executions in one shard of two."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidemill.checking import facts
from tidemill.checking.audit import Audit
from tidemill.checking.digests import outcome_digest
from tidemill.checking.expected import Expectations
from tidemill.checking.lines import read_facts, write_facts
from tidemill.checking.report import Report

SECOND = 1_000_000
HOUR = 3_600 * SECOND
NOW = 1_000 * HOUR
BEGUN = NOW - HOUR
# Both of lane hash 2, and so of shard 0.
FIRST = "00000002-0193d5a0-0000-7000-8000-000000000001"
SECOND_ID = "00000002-0193d5a0-0000-7000-8000-000000000002"
KEY = f"{FIRST}:/do/0/send#1"
OTHER_KEY = f"{SECOND_ID}:/do/0/send#1"
TIMER = "/do/1/rest#1/1:wait"
GOOD = outcome_digest(1, b'{"sent":true}', None)
BAD = outcome_digest(2, None, ("communication", 500, "", "no answer"))


@dataclass
class Story:
    """The facts of both services, in order."""

    engine: list[facts.EngineFact] = field(default_factory=list)
    actions: list[facts.ActionFact] = field(default_factory=list)
    expected: Expectations | None = None
    # What a second look at the ledger finds.
    later: list[facts.LedgerRow] = field(default_factory=list)

    def report(self) -> Report:
        """What a check makes of it."""
        audit = Audit(self.expected)
        # As they come in practice, with lists for tuples.
        audit.run(read_facts(write_facts(self.engine)), read_facts(write_facts(self.actions)))
        audit.settle(row for row in self.later if row.key in audit.doubts())
        return audit.report()

    def change(self, kind: type, number: int = 0, /, **members: object) -> None:
        """Give other members to the fact of this kind with this number."""
        told, index = self._find(kind, number)
        told[index] = told[index]._replace(**members)

    def drop(self, kind: type, number: int = 0) -> None:
        """Leave out the fact of this kind with this number."""
        told, index = self._find(kind, number)
        del told[index]

    def _find(self, kind: type, number: int) -> tuple[list[Any], int]:
        told: list[Any]
        for told in (self.engine, self.actions):
            found = [index for index, fact in enumerate(told) if isinstance(fact, kind)]
            if found:
                return told, found[number]
        raise LookupError(kind)

    def add(self, fact: facts.EngineFact, *, before: type | None = None, number: int = 0) -> None:
        """Tell one more fact, at the end or before the fact of this kind with this number."""
        if before is None:
            self.engine.append(fact)
            return
        found = [index for index, held in enumerate(self.engine) if isinstance(held, before)]
        self.engine.insert(found[number], fact)


Bend = Callable[[Story], None]


def violated(story: Story) -> list[str]:
    """The invariants that do not hold."""
    return [found.name for found in story.report().found if found.violated]


def execution(execution_id: str, *, phase: str = "completed", sequence: int) -> facts.Execution:
    """The row of an execution."""
    closed_at_us = 0 if phase in ("running", "waiting", "suspended") else BEGUN + 20 * SECOND
    return facts.Execution(
        execution_id, "shop", "order", 0, phase, False, BEGUN, closed_at_us, "", True, sequence, 0, (), ()
    )


def row(
    sequence: int, last: int, commit: int, causes: Sequence[facts.CauseFact], **said: object
) -> facts.HistoryRow:
    """A row of history, committed so many seconds after the start as its commit's number."""
    empty: dict[str, object] = {"asked": (), "outcomes": (), "confirmed": (), "timers": (), "taken": ()}
    members = {**empty, **said}
    return facts.HistoryRow(
        sequence,
        last,
        commit,
        BEGUN + commit * SECOND,
        last - sequence + 1,
        causes,
        **members,  # type: ignore[arg-type]
    )


def folded(sequence: int, *, phase: str = "completed", **said: object) -> facts.Folded:
    """The fold of a history."""
    closed_at_us = 0 if phase in ("running", "waiting", "suspended") else BEGUN + 20 * SECOND
    fold = facts.Folded("", sequence, phase, False, closed_at_us, (), (), (), 0)
    return fold._replace(**said)  # type: ignore[arg-type]


def commit(number: int, execution_id: str, sequence: int, *logged: tuple[int, str]) -> facts.Commit:
    """What a commit added to one execution, as the shard has it."""
    return facts.Commit(0, number, BEGUN + number * SECOND, execution_id, sequence, logged, ())


def record(offset: int, kind: str, target: str, **said: object) -> facts.LogRecord:
    """A command of the log."""
    held = facts.LogRecord(0, offset, kind, target, 0, target, 0, 0, BEGUN, True)
    return held._replace(**said)  # type: ignore[arg-type]


def good() -> Story:
    """All is well: one execution calls and rests, another calls; an event is heard, a start refused."""
    story = Story()
    tell = story.engine.append
    tell(facts.EngineHeader(facts.FORMAT, 2, NOW, 24 * HOUR, 72 * HOUR, "", 0, False))
    tell(execution(FIRST, sequence=9))
    tell(row(1, 3, 1, [("log", "", 0, 3, "ExecutionStarted")], asked=[(KEY, 1, "http")]))
    tell(
        row(
            4, 6, 3, [("action", KEY, 1, 3, "ActionCompleted")],
            outcomes=[(KEY, 1, 1, GOOD, False, False)], timers=[("armed", TIMER, BEGUN + 4 * SECOND)],
        )
    )  # fmt: skip
    tell(
        row(
            7, 9, 5, [("timer", TIMER, 0, 3, "TimerFired")],
            timers=[("fired", TIMER, 0), ("gone", TIMER, 0)],
        )
    )  # fmt: skip
    tell(folded(9))
    tell(execution(SECOND_ID, sequence=5))
    tell(row(1, 2, 2, [("log", "", 1, 2, "ExecutionStarted")], asked=[(OTHER_KEY, 1, "http")]))
    tell(
        row(
            3, 5, 4, [("action", OTHER_KEY, 1, 3, "ActionCompleted")],
            outcomes=[(OTHER_KEY, 1, 2, BAD, False, False)],
        )
    )  # fmt: skip
    tell(folded(5))
    _tell_shards(story)
    story.actions = [
        facts.LedgerHeader(facts.FORMAT, NOW, 24 * HOUR),
        facts.ActionClass("http", "once"),
        facts.ActionClass("echo", "pure"),
        facts.LedgerRow(KEY, 1, 1, "aa", GOOD, True, 0),
        facts.LedgerRow(OTHER_KEY, 1, 2, "bb", BAD, True, 0),
    ]
    return story


def _tell_shards(story: Story) -> None:
    tell = story.engine.append
    tell(facts.Shard(0, 1, 4, NOW, 6, 3, 0, 5))
    tell(facts.Peer(0, 1, 2))
    tell(facts.Rejection(0, 3))
    tell(commit(1, FIRST, 1, (0, "ExecutionStarted")))
    tell(commit(2, SECOND_ID, 1, (1, "ExecutionStarted")))
    tell(commit(3, FIRST, 4))
    tell(commit(4, SECOND_ID, 3))
    tell(commit(5, FIRST, 7))
    tell(record(0, "start", FIRST))
    tell(record(1, "start", SECOND_ID))
    tell(record(2, "hear", "", about=""))
    tell(record(3, "cancel", FIRST, known=False))
    tell(record(4, "start", "00000002-0193d5a0-0000-7000-8000-000000000003", known=False))
    tell(facts.Shard(1, 1, 1, NOW, 1, 2, 0, 1))
    tell(facts.LogRecord(1, 0, "unsubscribe", "", 1, FIRST, 0, 3, BEGUN, False))
    # It comes behind the shard that its message is from.
    story.engine.insert(-1, facts.Peer(1, 0, 3))
