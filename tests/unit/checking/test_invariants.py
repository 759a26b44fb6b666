"""Facts in which all is well prove every invariant; each bent fact is caught, and by the right one."""

from collections.abc import Callable

import pytest

from tests.unit.checking.story import (
    BAD,
    BEGUN,
    FIRST,
    GOOD,
    HOUR,
    KEY,
    NOW,
    OTHER_KEY,
    SECOND,
    SECOND_ID,
    TIMER,
    Bend,
    Story,
    good,
    row,
    violated,
)
from tidemill.checking import facts
from tidemill.checking.invariant import Verdict

THIRD = "00000002-0193d5a0-0000-7000-8000-000000000009"


def test_what_is_well_is_proved() -> None:
    report = good().report()
    assert violated(good()) == []
    verdicts = {found.name: found.verdict for found in report.found}
    # One start waits in the log, and nobody said what to expect.
    assert verdicts.pop("order") is Verdict.OPEN
    assert verdicts.pop("expected") is Verdict.UNREAD
    assert set(verdicts.values()) == {Verdict.PROVED}
    assert (report.read["executions"], report.read["events"], report.read["calls"]) == (2, 14, 2)
    assert report.of("order").notes == {
        "events heard by lanes": 1,
        "commands rejected": 1,
        "commands that wait in the log": 1,
        "messages without trace: repeats, and those that changed no execution": 1,
    }


def change(kind: type, number: int = 0, /, **members: object) -> Bend:
    return lambda story: story.change(kind, number, **members)


def drop(kind: type, number: int = 0) -> Bend:
    return lambda story: story.drop(kind, number)


def both(*bends: Bend) -> Bend:
    def bend(story: Story) -> None:
        for one in bends:
            one(story)

    return bend


def add(fact: facts.EngineFact, *, before: type, number: int = 0) -> Bend:
    return lambda story: story.add(fact, before=before, number=number)


def append(fact: facts.EngineFact) -> Bend:
    return lambda story: story.engine.append(fact)


def ledger(number: int, **members: object) -> Bend:
    return change(facts.LedgerRow, number, **members)


def swap(kind: type, one: int, other: int) -> Bend:
    def bend(story: Story) -> None:
        at = [index for index, fact in enumerate(story.engine) if isinstance(fact, kind)]
        story.engine[at[one]], story.engine[at[other]] = story.engine[at[other]], story.engine[at[one]]

    return bend


SEQUENCES: dict[str, Bend] = {
    "a row of history is missing": drop(facts.HistoryRow, 1),
    "the last row is missing": drop(facts.HistoryRow, 2),
    "the first row is missing": drop(facts.HistoryRow, 0),
    "a row is there twice": add(row(4, 6, 3, [("log", "", 7, 3, "x")]), before=facts.HistoryRow, number=2),
    "a row has fewer events than it claims": change(facts.HistoryRow, 0, events=2),
    "a row says nothing of the cause of an event": change(
        facts.HistoryRow, 0, causes=[("log", "", 0, 2, "ExecutionStarted")]
    ),
    "a row is of an earlier commit than the one before": change(facts.HistoryRow, 1, commit_number=1),
    "a row is of an earlier time than the one before": change(facts.HistoryRow, 1, time_us=BEGUN),
    "an execution has no history": both(drop(facts.HistoryRow, 3), drop(facts.HistoryRow, 3)),
    "a snapshot is of an event that is not there": change(facts.Folded, 0, snapshot_sequence=40),
    "a row was written after an event that is not there": change(facts.Execution, 0, sequence=12),
    "a commit is after the last one of the shard": change(facts.Shard, 0, commit_number=4),
    "a commit is later than the shard's clock": change(facts.Shard, 0, clock_us=BEGUN + 2 * SECOND),
    "commits go back in time": change(facts.Commit, 2, time_us=BEGUN),
    "one commit has two times": change(facts.Commit, 2, commit_number=2),
    "one commit has an execution twice": change(
        facts.Commit, 2, commit_number=2, execution_id=SECOND_ID, time_us=BEGUN + 2 * SECOND
    ),
}
ORDER: dict[str, Bend] = {
    "a command is lost": both(drop(facts.Commit, 1)),
    "a start is lost that has no execution": both(
        drop(facts.Commit, 1), change(facts.LogRecord, 1, known=False)
    ),
    "a command is applied twice": change(facts.Commit, 3, logged=[(0, "ExecutionSuspended")]),
    "a command is applied twice in one commit": change(
        facts.Commit, 0, logged=[(0, "ExecutionStarted"), (0, "ExecutionStarted")]
    ),
    "two executions have one command in one commit": both(
        change(facts.Commit, 1, commit_number=1, time_us=BEGUN + SECOND, logged=[(0, "ExecutionStarted")])
    ),
    "commands are applied in another order": both(
        change(facts.Commit, 0, logged=[(1, "ExecutionStarted")]),
        change(facts.Commit, 1, logged=[(0, "ExecutionStarted")]),
    ),
    "a command is applied that the shard has not come to": change(
        facts.Commit, 1, logged=[(4, "ExecutionStarted")]
    ),
    "a command changed another execution than its own": change(facts.LogRecord, 1, target=FIRST),
    "a command caused what it cannot": change(facts.Commit, 1, logged=[(1, "ExecutionResumed")]),
    "a command is rejected and applied": change(facts.Rejection, 0, offset=1),
    "a command is rejected before its turn": change(facts.Rejection, 0, offset=4),
    "a rejection is lost": drop(facts.Rejection, 0),
    "an event is not heard": change(facts.LogRecord, 2, known=False),
    "a command lies in the wrong shard": change(facts.LogRecord, 2, home=1),
    "a record of the log is missing": drop(facts.LogRecord, 2),
    "the log ends too early": drop(facts.LogRecord, 4),
    "the shard is ahead of the log": change(facts.Shard, 0, log_offset=9),
    "the log begins after the shard's offset": change(facts.Shard, 0, log_offset=0, log_first=2),
    "a message is passed over": both(change(facts.Peer, 1, sequence=2)),
}
STATE: dict[str, Bend] = {
    "the row has another phase": change(facts.Execution, 0, phase="cancelled"),
    "the row owes nothing, the fold does": change(facts.Folded, 0, owes=True),
    "the row has another end": change(facts.Execution, 0, closed_at_us=BEGUN + 21 * SECOND),
    "a history does not fold": change(facts.Folded, 0, problem="HistoryError: no frame"),
    "an execution has no row": change(facts.Execution, 0, stored=False),
    "a timer has no row": change(facts.Folded, 0, timers=[(TIMER, NOW)]),
    "a timer's row stands for none": change(facts.Folded, 0, timer_rows=[(TIMER, NOW)]),
    "a timer's row has another time": change(
        facts.Folded, 0, timers=[(TIMER, NOW)], timer_rows=[(TIMER, NOW + 1)]
    ),
}
OUTCOMES: dict[str, Bend] = {
    "an outcome comes twice": add(
        row(
            10, 10, 6, [("action", KEY, 1, 1, "ActionCompleted")],
            outcomes=[(KEY, 1, 1, GOOD, True, False)],
        ),
        before=facts.Folded,
    ),
    "an outcome is missing": change(facts.HistoryRow, 1, outcomes=()),
    "an outcome is of no call": change(facts.HistoryRow, 0, asked=()),
    "an outcome has another cause": change(
        facts.HistoryRow, 1, causes=[("action", KEY, 2, 3, "ActionCompleted")]
    ),
    "a call is asked for twice": change(facts.HistoryRow, 1, asked=[(KEY, 1, "http")]),
    "a cancellation is of no call": change(facts.HistoryRow, 2, confirmed=[OTHER_KEY]),
}  # fmt: skip
EFFECTS: dict[str, Bend] = {
    "the ledger has another state": ledger(0, state=2),
    "the ledger has another output": ledger(0, outcome_digest=BAD),
    "the ledger has no outcome": ledger(0, state=0, outcome_digest=""),
    "the ledger has no such call": drop(facts.LedgerRow, 0),
    "the ledger has an attempt that nobody asked for": lambda story: story.actions.insert(
        4, facts.LedgerRow(KEY, 2, 2, "aa", BAD, True, 0)
    ),
    "the ledger has a row twice": lambda story: story.actions.insert(
        4, facts.LedgerRow(KEY, 1, 1, "aa", GOOD, True, 0)
    ),
    "the ledger has calls of no execution": lambda story: story.actions.append(
        facts.LedgerRow(f"{THIRD}:/do/0/send#1", 1, 1, "aa", GOOD, True, 0)
    ),
    "a request succeeded twice": lambda story: story.actions.insert(
        4, facts.LedgerRow(KEY, 2, 1, "aa", GOOD, True, 0)
    ),
    "an outcome never came to history": both(
        change(facts.HistoryRow, 1, outcomes=(), confirmed=[KEY]),
    ),
}
TIMERS: dict[str, Bend] = {
    "a timer fires early": change(facts.HistoryRow, 1, timers=[("armed", TIMER, BEGUN + 6 * SECOND)]),
    "a timer fires that was not armed": change(facts.HistoryRow, 1, timers=()),
    "a timer fires twice": change(
        facts.HistoryRow, 2, timers=[("fired", TIMER, 0), ("gone", TIMER, 0), ("fired", TIMER, 0)]
    ),
    "a timer fires by another one's command": change(
        facts.HistoryRow, 2, causes=[("timer", "other", 0, 3, "TimerFired")]
    ),
}
MESSAGES: dict[str, Bend] = {
    "a message is applied twice": both(
        change(facts.Commit, 2, messages=[2]), change(facts.Commit, 4, messages=[2])
    ),
    "a message is applied before an earlier one": both(
        change(facts.Commit, 2, messages=[3]), change(facts.Commit, 4, messages=[2])
    ),
    "a message is applied that was never sent": change(facts.Commit, 2, messages=[9]),
    "a message waits though later ones were applied": both(
        change(facts.Commit, 2, messages=[3]),
        add(facts.Outgoing(0, 2, 0, "deliver", FIRST), before=facts.LogRecord),
    ),
    "a message waits that was never sent": add(
        facts.Outgoing(0, 9, 1, "deliver", FIRST), before=facts.LogRecord
    ),
    "a shard has applied more than was sent": change(facts.Peer, 0, sequence=7),
    "a child has ended and its parent does not know": add(
        facts.Waits(FIRST, [(SECOND_ID, "completed")], ()), before=facts.Shard
    ),
    "a child was never started": add(facts.Waits(FIRST, [(THIRD, "")], ()), before=facts.Shard),
    "no lane knows of a wait": add(facts.Waits(FIRST, (), ["/do/0#1/1:0"]), before=facts.Shard),
    "a message is overtaken": both(
        change(facts.Shard, 1, log_offset=4, log_next=4, outbox_sequence=9),
        change(facts.Shard, 0, outbox_sequence=9),
        change(facts.Peer, 1, sequence=8),
        *(
            append(facts.LogRecord(1, offset, "unsubscribe", "", 1, FIRST, 0, sequence, BEGUN, False))
            for offset, sequence in ((1, 5), (2, 8), (3, 7))
        ),
    ),
}
CASES = [
    pytest.param(name, bend, id=f"{name}: {what}")
    for name, bends in (
        ("sequences", SEQUENCES),
        ("order", ORDER),
        ("state", STATE),
        ("outcomes", OUTCOMES),
        ("effects", EFFECTS),
        ("timers", TIMERS),
        ("messages", MESSAGES),
    )
    for what, bend in bends.items()
]


@pytest.mark.parametrize(("name", "bend"), CASES)
def test_what_is_bent_is_caught_by_the_right_invariant(name: str, bend: Callable[[Story], None]) -> None:
    story = good()
    bend(story)
    report = story.report()
    found = report.of(name)
    assert found.verdict is Verdict.REFUTED
    assert found.violations[0].evidence
    assert report.first is not None
    assert not report.holds


def test_of_many_violations_the_first_are_kept_and_all_are_counted() -> None:
    story = good()
    rows = [facts.LedgerRow(f"{THIRD}:/do/0/send#{n}", 1, 1, "aa", GOOD, True, 0) for n in range(50)]
    story.actions += rows
    found = story.report().of("effects")
    assert (found.violated, len(found.violations)) == (50, 20)
    assert "no such execution" in found.violations[0].sentence


OPEN: dict[str, tuple[str, Bend]] = {
    "a call is under way, claimed and without outcome": (
        "effects",
        both(
            change(facts.HistoryRow, 4, outcomes=()),
            change(facts.Folded, 1, owed=[(OTHER_KEY, 1)], owes=True),
            change(facts.Execution, 1, owes=True),
            ledger(1, state=0, outcome_digest="", settled=False),
        ),
    ),
    "a call is under way, and its outcome is on its way to history": (
        "effects",
        both(
            change(facts.HistoryRow, 4, outcomes=()),
            change(facts.Folded, 1, owed=[(OTHER_KEY, 1)], owes=True),
            change(facts.Execution, 1, owes=True),
        ),
    ),
    "a child has ended and its message waits in the outbox": (
        "messages",
        both(
            add(facts.Waits(FIRST, [(SECOND_ID, "completed")], ()), before=facts.Shard),
            add(facts.Outgoing(0, 3, 0, "end_child", FIRST), before=facts.LogRecord),
        ),
    ),
    "a wait has begun and its message waits in the log": (
        "messages",
        both(
            add(facts.Waits(FIRST, (), ["/do/0#1/1:0"]), before=facts.Shard),
            change(facts.LogRecord, 4, about=FIRST, kind="subscribe", target=""),
        ),
    ),
}


@pytest.mark.parametrize("what", OPEN)
def test_what_has_not_ended_is_open_and_not_violated(what: str) -> None:
    name, bend = OPEN[what]
    story = good()
    bend(story)
    assert violated(story) == []
    assert story.report().of(name).verdict is Verdict.OPEN


def letter(kind: str, about: str, identity: str = "", number: int = 0) -> Bend:
    return add(facts.DeadLetter(0, about, kind, identity, number), before=facts.Execution)


RIGHT: dict[str, Bend] = {
    "a command among the dead letters left nothing else": both(
        drop(facts.Rejection), letter("command", FIRST, number=3)
    ),
    "a timer among the dead letters has no row": both(
        change(facts.Folded, 0, timers=[(TIMER, NOW)]), letter("timer", FIRST, TIMER)
    ),
    "a command taken up again comes out of turn": both(
        change(facts.Commit, 1, logged=[(1, facts.ENGINE_ERROR)]),
        change(facts.Commit, 3, logged=[(1, "ExecutionStarted"), (1, "ExecutionResumed")]),
    ),
    "a rejection of long ago is kept no longer": both(
        drop(facts.Rejection), change(facts.LogRecord, 3, accepted_at_us=NOW - 25 * HOUR)
    ),
    "what a command of long ago was for may be forgotten": both(
        drop(facts.Rejection), change(facts.EngineHeader, 0, complete_from_us=BEGUN + 1)
    ),
    "lanes remember no event of long ago": change(
        facts.LogRecord, 2, known=False, accepted_at_us=NOW - 80 * HOUR
    ),
    "a start that was repeated": both(
        drop(facts.Rejection), change(facts.LogRecord, 3, kind="start", known=True)
    ),
    "a start that was repeated, and whose first record has left the log": both(
        change(facts.Shard, 0, log_first=1),
        drop(facts.LogRecord, 0),
        drop(facts.Rejection),
        change(facts.LogRecord, 2, kind="start", known=True),
    ),
    "a message comes again after a restart": both(
        change(facts.Shard, 1, log_offset=2, log_next=2),
        append(facts.LogRecord(1, 1, "unsubscribe", "", 1, FIRST, 0, 3, BEGUN, False)),
    ),
    "the ledger keeps nothing of pure actions": both(
        change(facts.HistoryRow, 0, asked=[(KEY, 1, "echo")]), drop(facts.LedgerRow, 0)
    ),
    "nothing is known of an action's records": both(
        change(facts.HistoryRow, 0, asked=[(KEY, 1, "mine:1.0.0")]), drop(facts.LedgerRow, 0)
    ),
    "the engine gave a call up": both(
        change(facts.HistoryRow, 1, outcomes=[(KEY, 1, 2, BAD, False, True)]), drop(facts.LedgerRow, 0)
    ),
    "a second attempt is answered from the record of the first": both(
        change(facts.HistoryRow, 1, asked=[(KEY, 2, "http")]),
        change(facts.HistoryRow, 2, outcomes=[(KEY, 2, 1, GOOD, False, False)]),
        change(
            facts.HistoryRow,
            2,
            causes=[("timer", TIMER, 0, 2, "TimerFired"), ("action", KEY, 2, 1, "ActionCompleted")],
        ),
    ),
    "a call was cancelled before it was made": both(
        change(facts.HistoryRow, 1, outcomes=(), confirmed=[KEY]), drop(facts.LedgerRow, 0)
    ),
    "a call was cancelled": both(
        change(facts.HistoryRow, 1, outcomes=(), confirmed=[KEY]),
        ledger(0, state=3, outcome_digest="cc"),
    ),
    "a record is old enough to be gone": both(
        *(change(facts.HistoryRow, number, time_us=NOW - (30 - number) * HOUR) for number in range(3)),
        change(facts.HistoryRow, 1, timers=[("armed", TIMER, NOW - 29 * HOUR)]),
        drop(facts.LedgerRow, 0),
    ),
    "history is gone by retention, and the ledger's row is left": both(
        change(facts.EngineHeader, 0, complete_from_us=NOW, forgets=True),
        lambda story: story.actions.append(
            facts.LedgerRow(f"{THIRD}:/do/0/send#1", 1, 1, "aa", GOOD, False, 0)
        ),
    ),
}


@pytest.mark.parametrize("what", RIGHT)
def test_what_is_unusual_and_right_is_no_violation(what: str) -> None:
    story = good()
    RIGHT[what](story)
    report = story.report()
    assert [found.violations for found in report.found if found.violated] == []


def test_an_outcome_of_the_last_moment_is_looked_up_again() -> None:
    story = good()
    story.drop(facts.LedgerRow, 0)
    assert violated(story) == ["effects"]
    story.later = [facts.LedgerRow(KEY, 1, 1, "aa", GOOD, False, 0)]
    assert violated(story) == []
    story.later = [facts.LedgerRow(KEY, 1, 2, "aa", BAD, False, 0)]
    assert violated(story) == ["effects"]


def test_a_check_without_a_ledger_says_that_it_has_not_read_it() -> None:
    from tidemill.checking.audit import Audit

    audit = Audit()
    audit.run(good().engine, None)
    report = audit.report()
    assert report.of("effects").verdict is Verdict.UNREAD
    assert (report.holds, list(report.unread)) == (True, ["the ledger"])


def test_of_one_namespace_the_ledger_may_have_rows_of_others() -> None:
    story = good()
    story.change(facts.EngineHeader, 0, namespace="shop")
    story.actions.append(facts.LedgerRow(f"{THIRD}:/do/0/send#1", 1, 1, "aa", GOOD, True, 0))
    assert violated(story) == []


def test_keys_too_long_to_name_their_execution_are_found_all_the_same() -> None:
    story = good()
    hashed = "0f" * 32
    story.change(facts.HistoryRow, 0, asked=[(hashed, 1, "http")])
    story.change(facts.HistoryRow, 1, outcomes=[(hashed, 1, 1, GOOD, False, False)])
    story.change(facts.HistoryRow, 1, causes=[("action", hashed, 1, 3, "ActionCompleted")])
    story.drop(facts.LedgerRow, 0)
    story.actions.insert(3, facts.LedgerRow(hashed, 1, 1, "aa", GOOD, True, 0))
    assert violated(story) == []
    story.actions.insert(3, facts.LedgerRow("1f" * 32, 1, 1, "aa", GOOD, True, 0))
    assert violated(story) == ["effects"]


def test_an_execution_begun_from_a_snapshot_is_judged_from_there_on() -> None:
    story = good()
    story.drop(facts.HistoryRow, 0)
    story.change(facts.EngineHeader, 0, complete_from_us=NOW)
    story.change(facts.Execution, 0, begins_after=3, calls=[(KEY, 1, "http")])
    story.change(facts.Folded, 0, snapshot_sequence=3)
    # What its call's record was nobody asks: it may be as old as the history that is gone.
    story.drop(facts.LedgerRow, 0)
    assert violated(story) == []


def test_an_execution_without_history_is_counted() -> None:
    story = good()
    begun = next(at for at, fact in enumerate(story.engine) if isinstance(fact, facts.Execution))
    ended = next(at for at, fact in enumerate(story.engine) if isinstance(fact, facts.Folded))
    story.engine[begun : ended + 1] = [facts.Forgotten(FIRST, "completed")]
    report = story.report()
    assert [found.violations for found in report.found if found.violated] == []
    assert report.read["executions without history"] == 1
