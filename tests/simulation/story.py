"""Plays a story in a whole Tidemill on a virtual clock: what happens, and what must come of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tests.simulation.actions import Failure, Handler, Hang
from tests.simulation.world import SECOND_US, World
from tidemill.api.engine.v1.execution_pb2 import Execution, ExecutionPhase
from tidemill.clock import ManualClock
from tidemill.dsl import load, parse_duration
from tidemill.json import Json, loads

# What makes an expected call, an expected execution; whatever else stands in a story is refused.
_EFFECT: Final = frozenset({"at", "for", "call", "with", "gives", "fails", "hangs"})
_EXECUTION: Final = frozenset(
    {"workflow", "version", "for", "phase", "output", "error", "reason", "started", "times"}
)
_START: Final = frozenset({"at", "workflow", "for", "input"})
_EVENT: Final = frozenset({"at", "type", "source", "subject", "id", "data"})
_STORY: Final = frozenset({"about", "begins", "ends", "lookups", "starts", "events", "effects", "executions"})
# These are compared only where a story speaks of them.
_WHERE_TOLD: Final = frozenset({"version", "started"})
# What an event comes to is told by those who hear it.
_EMITTED: Final = "events.publish"


@dataclass(frozen=True, slots=True, order=True)
class Happened:
    """A call to the outside: when, for which subject, which action, with what."""

    time: str
    subject: str
    call: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of a story, or must come of it: the calls in order, and what became of the executions."""

    effects: list[Happened]
    executions: Counter[str]


class Story:
    """Workflows, and what happens to them. Times are durations after the beginning, or times in UTC."""

    def __init__(self, documents: Sequence[bytes], story: dict[str, Any]) -> None:
        _refuse_others(story, _STORY)
        self._documents = documents
        self._namespace = _namespace_of(documents)
        self._lookups: dict[str, list[dict[str, Any]]] = story.get("lookups", {})
        self._begins_us = _instant_us(story["begins"])
        self._ends_us = self._time_us(story["ends"])
        self.starts: list[dict[str, Any]] = _all_known(story.get("starts", []), _START)
        self.events: list[dict[str, Any]] = _all_known(story.get("events", []), _EVENT)
        self._effects = _all_known(story.get("effects", []), _EFFECT)
        self._executions = _all_known(story["executions"], _EXECUTION)

    async def play(self, world: World) -> Ending:
        """Let it all happen in a world that is not open yet, and tell what came of it."""
        world.clock = ManualClock(self._begins_us)
        world.outside.handlers.update(self._handlers())
        await world.open()
        for document in self._documents:
            await world.publish(document)
        for happening in sorted([*self.starts, *self.events], key=self._happens_us):
            await world.advance(self._happens_us(happening) - world.clock.now_us())
            await self._happen(world, happening)
        await world.advance(self._ends_us - world.clock.now_us())
        return await self._ending(world)

    def expected(self) -> Ending:
        """What the story says must come of it."""
        effects = [self._expected_effect(effect) for effect in self._effects]
        executions: Counter[str] = Counter()
        for execution in self._executions:
            executions[_text(self._expected_execution(execution))] += execution.get("times", 1)
        return Ending(_in_order(effects), executions)

    async def _happen(self, world: World, happening: dict[str, Any]) -> None:
        if "type" not in happening:
            given, subject = happening.get("input"), happening.get("for", "")
            await world.start(self._namespace, happening["workflow"], given, subject=subject)
            return
        named = ("subject", "id", "source")
        attributes = {name: str(happening[name]) for name in named if name in happening}
        outcome = await world.event(self._namespace, happening["type"], happening.get("data"), **attributes)
        assert outcome.error is None, outcome.error

    def _handlers(self) -> dict[str, Handler]:
        names = {effect["call"] for effect in self._effects}
        played = _Answers(self._effects)
        return {
            **{name: played.handler(name) for name in names},
            **{name: _lookup(rows) for name, rows in self._lookups.items()},
        }

    async def _ending(self, world: World) -> Ending:
        executions = await world.executions()
        subjects = {each.execution_id: each.subject for each in executions}
        effects = [
            Happened(
                _time_text(effect.time_us),
                subjects[effect.key.partition(":")[0]],
                effect.action,
                _text(effect.arguments),
            )
            for effect in world.outside.effects
            if effect.action not in self._lookups and effect.action != _EMITTED
        ]
        return Ending(_in_order(effects), Counter(_text(self._described(each)) for each in executions))

    def _described(self, execution: Execution) -> dict[str, Any]:
        described = {
            "workflow": execution.workflow,
            "version": execution.version,
            "for": execution.subject,
            "phase": _phase(execution),
            "output": loads(execution.output.data) if execution.HasField("output") else None,
            "error": self._error(execution),
            "reason": execution.reason,
            "started": _time_text(execution.started_at.ToNanoseconds() // 1_000),
        }
        silent = _WHERE_TOLD - set[str]().union(*self._executions)
        return {name: value for name, value in described.items() if value and name not in silent}

    def _error(self, execution: Execution) -> dict[str, Json]:
        """The members of the error that the story speaks of; its type and status in any case."""
        told = {"type", "status"}.union(*(each.get("error", {}) for each in self._executions))
        error = execution.error if execution.HasField("error") else None
        return {} if error is None else {name: getattr(error, name) for name in told}

    def _expected_execution(self, execution: dict[str, Any]) -> dict[str, Any]:
        parts = {name: value for name, value in execution.items() if value and name != "times"}
        if "started" in parts:
            parts["started"] = _time_text(self._time_us(parts["started"]))
        return parts

    def _expected_effect(self, effect: dict[str, Any]) -> Happened:
        time = _time_text(self._happens_us(effect))
        return Happened(time, effect.get("for", ""), effect["call"], _text(effect.get("with", {})))

    def _happens_us(self, happening: Mapping[str, Any]) -> int:
        return self._time_us(happening.get("at", "PT0S"))

    def _time_us(self, given: str) -> int:
        if given.startswith("P"):
            return self._begins_us + parse_duration(given)
        return _instant_us(given)


class _Answers:
    """The outside answers each call as the effect says that expects it; each effect answers once."""

    def __init__(self, effects: list[dict[str, Any]]) -> None:
        self._left = list(effects)

    def handler(self, name: str) -> Handler:
        def answer(arguments: dict[str, Json]) -> "Json | Failure | type[Hang]":
            for effect in self._left:
                if effect["call"] == name and effect.get("with", {}) == arguments:
                    self._left.remove(effect)
                    return _answer(effect)
            return {}

        return answer


def _answer(effect: dict[str, Any]) -> "Json | Failure | type[Hang]":
    if "fails" in effect:
        return Failure(status=effect["fails"])
    given: Json = effect.get("gives", {})
    return Hang if effect.get("hangs") else given


def _lookup(rows: list[dict[str, Any]]) -> Handler:
    """What only looks is no effect; it is answered by the first row with its arguments, or without any."""

    def answer(arguments: dict[str, Json]) -> Json:
        given: Json = next(row["gives"] for row in rows if row.get("with", arguments) == arguments)
        return given

    return answer


def _namespace_of(documents: Sequence[bytes]) -> str:
    """The one namespace that a story plays in."""
    loaded: list[Any] = [load(document) for document in documents]
    (namespace,) = {document["document"]["namespace"] for document in loaded}
    return str(namespace)


def _in_order(effects: list[Happened]) -> list[Happened]:
    """By time; of one time, those of each subject in their order."""
    return sorted(effects, key=lambda effect: (effect.time, effect.subject))


def _phase(execution: Execution) -> str:
    return ExecutionPhase.Name(execution.phase).removeprefix("EXECUTION_PHASE_").lower()


def _instant_us(given: str) -> int:
    return round(datetime.fromisoformat(given).timestamp() * SECOND_US)


def _time_text(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / SECOND_US, UTC).isoformat(timespec="milliseconds")


def _text(value: Json) -> str:
    return str(_sorted(value))


def _sorted(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _all_known(rows: list[dict[str, Any]], known: frozenset[str]) -> list[dict[str, Any]]:
    for row in rows:
        _refuse_others(row, known)
    return rows


def _refuse_others(given: dict[str, Any], known: frozenset[str]) -> None:
    assert given.keys() <= known, f"a story does not know {given.keys() - known}"
