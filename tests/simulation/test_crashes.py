"""A crash at any point of a story, and a restart, change neither its executions nor its effects."""

from pathlib import Path

import pytest

from tests.simulation.faults import CrashPoints, OftenDying, fragile
from tests.simulation.scenarios import SCENARIOS, Ending, Scenario, play
from tests.simulation.world import SHARDS, World
from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.log.port import CommandLog
from tidemill.engine.log.sqlite import SqliteLog
from tidemill.engine.settings import Settings
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.port import Store
from tidemill.engine.store.sqlite.store import SqliteStore

SEED = 20_261_124
# Runs with a crash every few steps, by seed.
OFTEN = range(20)
# The same of one story, with calls and children, and every text in the blob store.
OFTEN_WITH_BLOBS = range(5)
STORY_WITH_BLOBS = "children"
WITH_BLOBS = Settings(shards=SHARDS, snapshot_events_min=1, payload_inline_bytes_max=10)
# Snapshots as often as can be, so that what comes after a crash begins from them.
SETTINGS = Settings(shards=SHARDS, snapshot_events_min=1)
# On files, which take longer: so many crashes of each story.
SAMPLES_ON_FILES = 12

pytestmark = pytest.mark.slow


async def play_with_crashes(
    scenario: Scenario, points: CrashPoints, data: Path | None = None, *, settings: Settings = SETTINGS
) -> tuple[Ending, World]:
    """Play a story, with crashes at these points, and a restart after each."""
    store, log = _files(data) if data else (MemoryStore(SHARDS), MemoryLog(SHARDS))
    world = World(seed=SEED, store=fragile(store, points), log=fragile(log, points), settings=settings)
    world.blobs = fragile(world.blobs, points)
    points.is_armed = lambda: world.is_settling
    world.before_step = points

    async def reopen(store: Store, log: CommandLog) -> tuple[Store, CommandLog]:
        assert data is not None
        await _close(store, log)
        store, log = _files(data)
        return fragile(store, points), fragile(log, points)

    if data:
        world.reopen = reopen
    await world.open()
    ending = await play(scenario, world)
    if data:
        await _close(world.store, world.log)
    return ending, world


def _files(data: Path) -> tuple[Store, CommandLog]:
    data.mkdir(exist_ok=True)
    return SqliteStore(data / "state.db", SHARDS), SqliteLog(data / "log.db", SHARDS)


async def _close(store: Store, log: CommandLog) -> None:
    await store.close()
    await log.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_crash_at_any_point_changes_nothing(scenario: Scenario) -> None:
    calm = CrashPoints()
    expected, _ = await play_with_crashes(scenario, calm)
    assert expected.effects
    for dies_at in range(1, calm.passed + 1):
        ending, world = await play_with_crashes(scenario, CrashPoints(dies_at))
        assert world.crashes == 1, dies_at
        assert ending == expected, f"after a crash at point {dies_at} of {calm.passed}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_many_crashes_change_nothing(scenario: Scenario) -> None:
    expected, _ = await play_with_crashes(scenario, CrashPoints())
    crashes = 0
    for seed in OFTEN:
        ending, world = await play_with_crashes(scenario, OftenDying(seed, 0.04))
        assert ending == expected, f"seed {seed}, {world.crashes} crashes"
        crashes += world.crashes
    assert crashes > len(OFTEN)


async def test_many_crashes_change_nothing_of_texts_in_the_blob_store() -> None:
    (scenario,) = (each for each in SCENARIOS if each.name == STORY_WITH_BLOBS)
    expected, _ = await play_with_crashes(scenario, CrashPoints())
    crashes = 0
    for seed in OFTEN_WITH_BLOBS:
        ending, world = await play_with_crashes(scenario, OftenDying(seed, 0.04), settings=WITH_BLOBS)
        assert ending == expected, f"seed {seed}, {world.crashes} crashes"
        assert await world.blobs.page("", 1)
        crashes += world.crashes
    assert crashes > len(OFTEN_WITH_BLOBS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_crash_changes_nothing_on_files(scenario: Scenario, tmp_path: Path) -> None:
    calm = CrashPoints()
    expected, _ = await play_with_crashes(scenario, calm, tmp_path / "calm")
    stride = max(calm.passed // SAMPLES_ON_FILES, 1)
    for dies_at in range(1, calm.passed + 1, stride):
        ending, world = await play_with_crashes(
            scenario, CrashPoints(dies_at), tmp_path / f"dies-at-{dies_at}"
        )
        assert world.crashes == 1, dies_at
        assert ending == expected, f"after a crash at point {dies_at} of {calm.passed}"
