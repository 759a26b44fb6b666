"""Whole stories of the language: documents, what clients and producers do, and what must come of it."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.simulation.actions import Failure, Handler, Hang
from tests.simulation.world import SECOND_US, World
from tidemill.json import Json, loads

NAMESPACE: Final = "shop"
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US
_DOCUMENTS: Final = Path(__file__).parent / "documents"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story. `plays` is the script; the documents stand in the file of the same name."""

    name: str
    plays: Callable[[World], Awaitable[None]]

    def documents(self) -> list[str]:
        """Its documents, in the order in which they are published."""
        return (_DOCUMENTS / f"{self.name}.yaml").read_text().split("\n---\n")


@dataclass(frozen=True, slots=True)
class Ending:
    """What has become of a story: executions and effects, however they came about."""

    executions: Counter[str]
    effects: Counter[str]


async def play(scenario: Scenario, world: World) -> Ending:
    """Play a story to its end."""
    for document in scenario.documents():
        await world.publish(document)
    await scenario.plays(world)
    return await ending_of(world)


async def ending_of(world: World) -> Ending:
    """What stands in the store and in the outside world."""
    executions: Counter[str] = Counter()
    for execution in await world.executions(with_triggers=True):
        output: Json = loads(execution.output.data) if execution.HasField("output") else None
        about = (execution.workflow, execution.version, execution.subject, execution.kind, execution.phase)
        executions[repr((*about, output, execution.error.type, execution.reason))] += 1
    effects = Counter(repr((effect.action, effect.arguments)) for effect in world.outside.effects)
    return Ending(executions, effects)


async def _children(world: World) -> None:
    world.outside.handlers["refuse:1.0.0"] = lambda _: Failure(detail="no")
    await world.start(NAMESPACE, "parent", {"who": "ada"}, subject="ada")


async def _events(world: World) -> None:
    await world.start(NAMESPACE, "waiter", subject="ada")
    await world.start(NAMESPACE, "waiter", subject="bob")
    await world.event(NAMESPACE, "com.shop.replied", {"text": "early"}, subject="ada", id="e1")
    await world.event(NAMESPACE, "com.shop.replied", {"text": "early"}, subject="ada", id="e1")
    await world.event(NAMESPACE, "com.shop.paid", {"order": 7}, subject="ada", id="e2")
    await world.advance(2 * MINUTE_US)
    await world.event(NAMESPACE, "com.shop.paid", {"order": 8}, subject="bob", id="e3")
    await world.event(NAMESPACE, "com.shop.replied", {"text": "late"}, subject="bob", id="e4")
    await world.advance(DAY_US)


async def _correlation(world: World) -> None:
    for number in range(6):
        await world.start(NAMESPACE, "order", {"number": number}, subject=f"customer-{number % 3}")
    for number in reversed(range(6)):
        await world.event(NAMESPACE, "com.shop.shipped", {"order": number}, id=f"s{number}")
    await world.advance(MINUTE_US)


async def _schedules(world: World) -> None:
    await world.advance(DAY_US + HOUR_US)
    await world.event(NAMESPACE, "com.shop.a", {"x": 1}, subject="ada", id="a1")
    await world.event(NAMESPACE, "com.shop.a", {"x": 2}, subject="bob", id="a2")
    await world.event(NAMESPACE, "com.shop.b", {"x": 3}, subject="ada", id="b1")
    await world.advance(MINUTE_US)


async def _policies(world: World) -> None:
    for number, subject in enumerate(("ada", "ada", "bob")):
        await world.event(NAMESPACE, "com.shop.joined", {"n": 1}, subject=subject, id=f"j{number}")
    await world.advance(MINUTE_US)
    await world.event(NAMESPACE, "com.shop.left", {"n": 1}, subject="ada", id="l1")
    await world.advance(3 * HOUR_US)


async def _every_kind(world: World) -> None:
    world.outside.handlers["flaky:1.0.0"] = _fails_twice()
    world.outside.handlers["hang:1.0.0"] = lambda _: Hang
    await world.start(NAMESPACE, "everything", {"items": [1, 2, 3]}, subject="ada")
    await world.advance(MINUTE_US)
    await world.event(NAMESPACE, "com.shop.go", {"on": True}, subject="ada", id="go1")
    await world.advance(HOUR_US)


def _fails_twice() -> Handler:
    failures = [Failure(status=503), Failure(status=503)]
    return lambda given: failures.pop() if failures else given


SCENARIOS: Final = (
    Scenario("children", _children),
    Scenario("events", _events),
    Scenario("correlation", _correlation),
    Scenario("schedules", _schedules),
    Scenario("policies", _policies),
    Scenario("every-kind", _every_kind),
)
