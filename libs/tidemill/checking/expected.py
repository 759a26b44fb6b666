"""What somebody outside knows: what was accepted and must be there, what was done and only once."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from tidemill.checking.effects import Asked, CallName, OutcomeState
from tidemill.checking.facts import Execution, HistoryRow, LogRecord
from tidemill.checking.invariant import Invariant

EventName = tuple[str, str]


class ExpectationError(Exception):
    """A line that says nothing known. The message is one line for people."""


@dataclass(slots=True)
class Expectations:
    """Starts by execution id, with the phase that each must end in ("" for any); events by source and id,
    with how many executions take each; effects by idempotency key, with how often each was made; and the
    actions all of whose effects are among these."""

    starts: dict[str, str] = field(default_factory=dict)
    events: dict[EventName, int] = field(default_factory=dict)
    effects: Counter[str] = field(default_factory=Counter)
    actions: set[str] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        return not (self.starts or self.events or self.effects or self.actions)


def read_expectations(lines: Iterable[bytes | str]) -> Expectations:
    """The expectations of JSON lines; raises ExpectationError, which names the line."""
    expected = Expectations()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            _read(orjson.loads(line), expected)
        except (orjson.JSONDecodeError, TypeError, KeyError, ValueError, AttributeError) as error:
            raise ExpectationError(f"line {number} says nothing known: {error}") from None
    return expected


def _read(said: dict[str, object], expected: Expectations) -> None:
    match said:
        case {"start": str(execution_id)}:
            expected.starts[execution_id] = str(said.get("phase", ""))
        case {"event": {"source": str(source), "id": str(identity)}}:
            expected.events[source, identity] = _count(said.get("taken", 1))
        case {"effect": str(key)}:
            expected.effects[key] += _count(said.get("times", 1))
        case {"actions": list(actions)}:
            expected.actions.update(map(str, actions))
        case _:
            raise ValueError("it names no start, event, effect or actions")


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


class NothingLost(Invariant):
    """What clients were told is accepted, and what the outside has seen."""

    name = "expected"
    claim = (
        "each accepted start has made its execution, each accepted event was taken as often as it "
        "had to be, each "
        "effect that was seen outside was asked for and made once, and none is missing there"
    )
    source = "architecture 4: a caller is answered once the log has the command; 9: the idempotency key"

    def __init__(self, expected: Expectations) -> None:
        super().__init__()
        self._expected = expected
        self._starts = dict(expected.starts)
        self._taken: Counter[EventName] = Counter()
        self._effects = set(expected.effects)
        self._succeeded_unseen: list[tuple[str, CallName]] = []
        self._waiting: set[str] = set()
        self._rejected: set[str] = set()
        self.is_read = not expected.is_empty

    def execution(self, fact: Execution) -> None:
        """An execution that is there."""
        self.present(fact.execution_id, fact.phase, is_closed=fact.closed_at_us > 0)

    def present(self, execution_id: str, phase: str, *, is_closed: bool) -> None:
        """An execution is there."""
        wanted = self._starts.pop(execution_id, None)
        if wanted is None:
            return
        self.checked += 1
        if not wanted or wanted == phase:
            return
        if not is_closed:
            self.leave_open("executions that have not ended")
            return
        self.refute(
            f"{execution_id} should be {wanted} and is {phase}",
            execution_id=execution_id,
            expected_phase=wanted,
            phase=phase,
        )

    def row(self, fact: HistoryRow) -> None:
        """Events that an execution took."""
        for source, identity in fact.taken:
            if (source, identity) in self._expected.events:
                self._taken[source, identity] += 1

    def calls(self, execution_id: str, calls: Iterable[tuple[CallName, Asked]]) -> None:
        """The calls that an execution asked for."""
        for call, asked in calls:
            seen = call[0] in self._expected.effects
            self._effects.discard(call[0])
            if seen or asked.action not in self._expected.actions:
                continue
            if asked.outcome is not None and asked.outcome[2] == OutcomeState.SUCCEEDED:
                self._succeeded_unseen.append((execution_id, call))

    def log(self, fact: LogRecord, *, waits: bool, rejected: bool) -> None:
        """A record of the log."""
        if waits and fact.kind == "start":
            self._waiting.add(fact.target)
        if rejected and fact.kind == "start":
            self._rejected.add(fact.target)

    def end(self, *, unfinished: bool) -> None:
        """All has been told; `unfinished` when something is under way that may still take events."""
        self._end_starts()
        self._end_events(unfinished=unfinished or self.open > 0)
        self._end_effects()

    def _end_starts(self) -> None:
        for execution_id in self._starts:
            self.checked += 1
            if execution_id in self._waiting:
                self.leave_open("accepted starts that wait in the log")
            elif execution_id in self._rejected:
                self.note("accepted starts that were rejected when they were applied")
            else:
                self.refute(
                    f"the start of {execution_id} was accepted and is lost", execution_id=execution_id
                )

    def _end_events(self, *, unfinished: bool) -> None:
        for (source, identity), wanted in self._expected.events.items():
            self.checked += 1
            taken = self._taken[source, identity]
            if taken == wanted:
                continue
            if taken < wanted and unfinished:
                self.leave_open("events not taken yet, while something is under way")
                continue
            self.refute(
                f"the event {identity} of {source} was taken {taken} times, not {wanted}: it is "
                f"{'lost' if taken < wanted else 'doubled'}",
                event_source=source,
                event_id=identity,
                taken=taken,
                wanted=wanted,
            )

    def _end_effects(self) -> None:
        for key, times in self._expected.effects.items():
            self.checked += 1
            if times != 1:
                self.refute(f"the effect of {key} was made {times} times", key=key, times=times)
        for key in sorted(self._effects):
            self.refute(f"the effect of {key} was made, and history never asked for it", key=key)
        for execution_id, (key, attempt) in self._succeeded_unseen:
            self.refute(
                f"the call {key} attempt {attempt} succeeded, and its effect is missing outside",
                execution_id=execution_id,
                key=key,
                attempt=attempt,
            )
