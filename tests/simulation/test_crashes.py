"""A crash at any point of a story, and a restart, change neither its executions nor its effects."""

import pytest

from tests.simulation.faults import CrashPoints, fragile
from tests.simulation.scenarios import SCENARIOS, Ending, Scenario, play
from tests.simulation.world import SHARDS, World
from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.store.memory import MemoryStore

SEED = 20_261_124


async def _play(scenario: Scenario, points: CrashPoints) -> tuple[Ending, World]:
    store, log = MemoryStore(SHARDS), MemoryLog(SHARDS)
    world = World(seed=SEED, store=fragile(store, points), log=fragile(log, points))
    points.is_armed = lambda: world.is_settling
    world.before_step = points
    await world.open()
    return await play(scenario, world), world


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_crash_at_any_point_changes_nothing(scenario: Scenario) -> None:
    calm = CrashPoints()
    expected, _ = await _play(scenario, calm)
    assert expected.effects
    for dies_at in range(1, calm.passed + 1):
        ending, world = await _play(scenario, CrashPoints(dies_at))
        assert world.crashes == 1, dies_at
        assert ending == expected, f"after a crash at point {dies_at} of {calm.passed}"
