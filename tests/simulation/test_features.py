"""What the language means, told in Gherkin for authors, and played in a whole Tidemill on a virtual clock."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_bdd import scenarios

from tests.simulation.faults import OftenDying
from tests.simulation.steps.play import Play
from tidemill.engine.settings import Settings

# An author cannot tell one installation from another.
WAYS: Final[dict[str, dict[str, Any]]] = {
    "four shards": {"shards": 4},
    "one shard": {"shards": 1, "subscribers_per_event_max": 1},
    "small steps": {"shards": 4, "messages_a_batch_max": 0, "batch_items_max": 1, "cache_executions_max": 0},
}
# The same once more, in an Engine that dies at every 25th step on average.
DYING: Final = "dying often"
_SEED: Final = 20_261_124
_CHANCE: Final = 0.04
_STEPS: Final = ("workflows", "outside", "events", "times", "executions")

pytest_plugins = [f"tests.simulation.steps.{module}" for module in _STEPS]

pytestmark = pytest.mark.slow

scenarios(str(Path(__file__).parent / "features"))


@pytest.fixture(params=[*WAYS, DYING], autouse=True)
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    """A world of its own for each scenario."""
    with asyncio.Runner() as runner:
        play = Play(runner, replace(Settings(), **WAYS.get(request.param, {"shards": 2})))
        if request.param == DYING:
            points = OftenDying(_SEED, _CHANCE)
            points.is_armed = lambda: play.world.is_settling
            play.world.before_step = points
        yield play
