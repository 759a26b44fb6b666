"""Seeds: what each makes of cluster, weather and story, and what came of playing it."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from random import Random

from tests.simulation.cluster.ending import Ending
from tests.simulation.cluster.stories import draw_story, steady_number, steady_story
from tests.simulation.cluster.violations import Violation
from tests.simulation.cluster.weather import Weather, draw
from tests.simulation.cluster.world import World, draw_shape


@dataclass(slots=True)
class Outcome:
    """What came of a seed."""

    seed: int
    violation: Violation | None = None
    steps: int = 0
    commits: int = 0
    digest: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)


def play(seed: int, *, is_told: bool = False) -> Outcome:
    """Play a seed."""
    random = Random(seed)
    story = draw_story(seed)
    shape, weather = draw_shape(random, is_steady=story.is_steady), draw(random)
    world = World(seed, shape, weather, story, is_told=is_told)
    outcome = Outcome(seed)
    try:
        ending = world.play()
        if world.story.is_steady:
            _compare(ending, calm_ending(steady_number(seed)))
    except Violation as violation:
        outcome.violation = violation
        world.tell(f"VIOLATION  {violation}")
    outcome.steps = world.loop.steps
    outcome.commits = sum(row.commit_number for row in world.store._shards.values())
    outcome.digest = world.digest
    outcome.faults = Counter(weather.counts)
    outcome.trace = world.trace
    return outcome


@cache
def calm_ending(number: int) -> Ending:
    """How a steady story ends when nothing goes wrong."""
    weather = Weather(Random(number), waiting=0.0, is_calm=True)
    shape = draw_shape(Random(0), is_steady=True)
    shape.engines = 1
    return World(number, shape, weather, steady_story(number)).play()


def _compare(ending: Ending, calm: Ending) -> None:
    for name, here, there in (
        ("executions", ending.executions, calm.executions),
        ("effects", ending.effects, calm.effects),
    ):
        if here != there:
            only, missing = sorted((here - there).elements()), sorted((there - here).elements())
            raise Violation("it ends as in calm weather", f"{name}: {only} instead of {missing}")
