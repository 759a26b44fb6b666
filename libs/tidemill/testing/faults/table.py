"""The figures of a fault run, as a table for people."""

from collections.abc import Iterator

from tidemill.telemetry import names
from tidemill.testing.effects import Outcome as RequestOutcome
from tidemill.testing.faults.injecting import Fault
from tidemill.testing.faults.run import Outcome


def rows(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """A name and a value a row."""
    yield from _faults(outcome)
    yield from _load(outcome)
    yield from _trouble(outcome)
    yield "lost", str(len(outcome.verdict.lost))
    yield "doubled", str(len(outcome.verdict.doubled))
    yield "out of order", str(len(outcome.verdict.out_of_order))
    yield "the checker", "holds" if outcome.check.holds else "does not hold"


def _faults(outcome: Outcome) -> Iterator[tuple[str, str]]:
    yield from ((fault.value, str(outcome.faults[fault])) for fault in Fault)


def _load(outcome: Outcome) -> Iterator[tuple[str, str]]:
    tally, effects = outcome.tally, outcome.effects
    yield "executions", f"{outcome.executions:,}"
    yield "events of histories", f"{outcome.counters[names.ENGINE_EVENTS.name]:,}"
    yield "events and commands acknowledged", f"{len(tally.acknowledged):,}"
    yield "sent again after that, and taken", f"{tally.repeats:,}"
    yield "refused or unanswered, and sent again", f"{tally.refusals:,}"
    yield "effects", f"{effects.made:,}"
    yield "refused by the outside (503)", f"{effects.outcomes[RequestOutcome.REFUSED]:,}"
    yield "done by the outside without an answer", f"{effects.outcomes[RequestOutcome.SILENT]:,}"
    yield "seed", str(outcome.plan.seed)
    yield "duration of load and faults", f"{outcome.load_seconds:.1f} s"
    yield "duration of the drain", f"{outcome.drain_seconds:.1f} s"


def _trouble(outcome: Outcome) -> Iterator[tuple[str, str]]:
    counters = outcome.counters
    yield "longest stall", f"{outcome.longest_stall_seconds:.1f} s"
    yield "requests that the outside knew by key", f"{outcome.effects.outcomes[RequestOutcome.REPEATED]:,}"
    for counter, what in (
        (names.ACTIONS_RECORD_ANSWERS, "calls answered from the ledger"),
        (names.ACTIONS_JOINED, "calls that met themselves under way"),
        (names.ACTIONS_LATE_OUTCOMES, "outcomes that came late"),
        (names.ACTIONS_UNDELIVERED, "calls that were not made, and came again"),
        (names.ENGINE_EVENTS_REPEATED, "events that lanes knew"),
        (names.TRIGGERS_REPEATS, "starts that Triggers found done"),
        (names.ENGINE_SHARDS_TAKEN, "shards taken"),
        (names.ENGINE_SHARDS_FENCED, "shards fenced"),
        (names.ENGINE_DEAD_LETTERS, "dead letters"),
    ):
        yield what, f"{counters[counter.name]:,}"
