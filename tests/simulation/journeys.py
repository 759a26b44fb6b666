"""Plays the story of a journey in `examples/`: what happens, and each effect that must come of it."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.simulation.actions import Failure, Handler
from tests.simulation.world import SECOND_US, World
from tidemill.clock import ManualClock
from tidemill.dsl import load, parse_duration
from tidemill.json import Json, loads

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
NAMESPACE: Final = "journeys"
STORY: Final = "story.yaml"
# What makes an expected call, an expected execution; whatever else stands in a story is refused.
_EFFECT: Final = frozenset({"at", "for", "call", "with", "gives", "fails"})
_EXECUTION: Final = frozenset({"workflow", "for", "phase", "output", "error", "reason", "times"})
_EVENT: Final = frozenset({"at", "type", "subject", "id", "data"})
_STORY: Final = frozenset({"about", "begins", "ends", "lookups", "events", "effects", "executions"})


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
    """A `story.yaml`. Times are durations after its beginning (`PT1H`), or times in UTC."""

    def __init__(self, journey: str) -> None:
        self.documents = [path for path in sorted((EXAMPLES / journey).glob("*.yaml")) if path.name != STORY]
        self._story: dict[str, Any] = dict(load((EXAMPLES / journey / STORY).read_bytes()))
        _refuse_others(self._story, _STORY)
        self._begins_us = _instant_us(self._story["begins"])
        self.events: list[dict[str, Any]] = self._story["events"]
        self._effects: list[dict[str, Any]] = self._story["effects"]
        for effect in self._effects:
            _refuse_others(effect, _EFFECT)

    async def play(self, world: World) -> Ending:
        """Let it all happen in a world that is not open yet, and tell what came of it."""
        world.clock = ManualClock(self._begins_us)
        world.outside.handlers.update(self._handlers())
        await world.open()
        for path in self.documents:
            await world.publish(path.read_bytes())
        for event in sorted(self.events, key=lambda event: self._time_us(event["at"])):
            _refuse_others(event, _EVENT)
            await world.advance(self._time_us(event["at"]) - world.clock.now_us())
            await self._send(world, event)
        await world.advance(self._time_us(self._story["ends"]) - world.clock.now_us())
        return await self._ending(world)

    def expected(self) -> Ending:
        """What the story says must come of it."""
        effects = [self._expected_effect(effect) for effect in self._effects]
        executions: Counter[str] = Counter()
        for execution in self._story["executions"]:
            _refuse_others(execution, _EXECUTION)
            executions[_execution_text(execution)] += execution.get("times", 1)
        return Ending(_in_order(effects), executions)

    @staticmethod
    async def _send(world: World, event: dict[str, Any]) -> None:
        attributes = {name: str(event[name]) for name in ("subject", "id") if name in event}
        await world.event(NAMESPACE, event["type"], event.get("data"), **attributes)

    def _handlers(self) -> dict[str, Handler]:
        lookups = self._story.get("lookups", {})
        names = {effect["call"] for effect in self._effects}
        played = _Answers(self._effects)
        return {
            **{name: played.handler(name) for name in names},
            **{name: _lookup(rows) for name, rows in lookups.items()},
        }

    async def _ending(self, world: World) -> Ending:
        subjects = {each.execution_id: each.subject for each in await world.executions()}
        lookups = self._story.get("lookups", {})
        effects = [
            Happened(
                _time_text(effect.time_us),
                subjects[effect.key.partition(":")[0]],
                effect.action,
                _text(effect.arguments),
            )
            for effect in world.outside.effects
            if effect.action not in lookups
        ]
        return Ending(_in_order(effects), await _executions_of(world))

    def _expected_effect(self, effect: dict[str, Any]) -> Happened:
        time = _time_text(self._time_us(effect["at"]))
        return Happened(time, effect.get("for", ""), effect["call"], _text(effect["with"]))

    def _time_us(self, given: str) -> int:
        if given.startswith("P"):
            return self._begins_us + parse_duration(given)
        return _instant_us(given)


class _Answers:
    """The outside answers each call as the effect says that expects it; each effect answers once."""

    def __init__(self, effects: list[dict[str, Any]]) -> None:
        self._left = list(effects)

    def handler(self, name: str) -> Handler:
        def answer(arguments: dict[str, Json]) -> "Json | Failure":
            for effect in self._left:
                if effect["call"] == name and effect["with"] == arguments:
                    self._left.remove(effect)
                    return Failure(status=effect["fails"]) if "fails" in effect else effect.get("gives", {})
            return {}

        return answer


def _lookup(rows: list[dict[str, Any]]) -> Handler:
    """What only looks is no effect; it is answered by the first row with its arguments, or without any."""

    def answer(arguments: dict[str, Json]) -> Json:
        given: Json = next(row["gives"] for row in rows if row.get("with", arguments) == arguments)
        return given

    return answer


async def _executions_of(world: World) -> Counter[str]:
    found: Counter[str] = Counter()
    for execution in await world.executions():
        described = {
            "workflow": execution.workflow,
            "for": execution.subject,
            "phase": await world.phase(execution.execution_id),
            "output": loads(execution.output.data) if execution.HasField("output") else None,
            "error": execution.error.type,
            "reason": execution.reason,
        }
        found[_execution_text(described)] += 1
    return found


def _execution_text(execution: dict[str, Any]) -> str:
    parts = {name: value for name, value in execution.items() if value and name != "times"}
    return _text(parts)


def _in_order(effects: list[Happened]) -> list[Happened]:
    """By time; of one time, those of each subject in their order."""
    return sorted(effects, key=lambda effect: (effect.time, effect.subject))


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


def _refuse_others(given: dict[str, Any], known: frozenset[str]) -> None:
    assert given.keys() <= known, f"a story does not know {given.keys() - known}"


def journeys() -> list[str]:
    """The folders that hold one."""
    return [path.parent.name for path in sorted(EXAMPLES.glob(f"*/{STORY}"))]
