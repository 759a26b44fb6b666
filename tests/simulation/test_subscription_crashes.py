"""A crash anywhere in a subscription to a channel, and a restart, change neither output nor effects."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.asyncapi_documents import document_v3
from tests.simulation.faults import CrashPoints, OftenDying
from tests.simulation.scenarios import MINUTE_US, NAMESPACE, Scenario
from tests.simulation.test_crashes import SETTINGS, play_with_crashes
from tests.simulation.world import World
from tidemill.engine.settings import Settings
from tidemill.json import Json

DOCUMENT: Final = """
document: {dsl: '1.0.3', namespace: shop, name: hear, version: 1.0.0}
do:
- hear:
    call: asyncapi
    with:
      document: {endpoint: 'file:notes.json'}
      operation: getNotifications
      subscription:
        consume: {until: '${ length == 5 }'}
        foreach:
          do:
          - tell: {call: 'send:1.0.0', with: {n: '${ $item.payload }', at: '${ $index }'}}
          output: {as: '${ .n * 2 + .at }'}
"""
# What stands in the topic.
NOTES: Final[list[Json]] = [10, 11, 12, 13, 14, 15]
# So many crashes, spread over the story; and runs with a crash every few steps, by seed.
SAMPLES: Final = 12
OFTEN: Final = range(2)


@dataclass(frozen=True, slots=True)
class Hearing(Scenario):
    """The story of one document."""

    def documents(self) -> list[str]:
        return [DOCUMENT]


def receive(given: dict[str, Json]) -> Json:
    """Two notes from the position on, as the Action service brings them."""
    position = given.get("position")
    if not isinstance(position, dict):
        return {"position": {"0": 0}, "messages": []}
    begin = position["0"]
    assert isinstance(begin, int)
    messages: list[Json] = [{"payload": note, "headers": {}} for note in NOTES[begin : begin + 2]]
    return {"position": {"0": begin + len(messages)}, "messages": messages}


async def plays(world: World) -> None:
    world.outside.handlers["kafka.receive"] = receive
    await world.start(NAMESPACE, "hear", subject="ada")
    await world.advance(MINUTE_US)


STORY: Final = Hearing("hearing", plays)


def settings_with(folder: Path) -> Settings:
    (folder / "notes.json").write_text(json.dumps(document_v3()))
    return replace(SETTINGS, fetch_folder=str(folder))


async def test_crashes_change_nothing(tmp_path: Path) -> None:
    settings, calm = settings_with(tmp_path), CrashPoints()
    expected, _ = await play_with_crashes(STORY, calm, settings=settings)
    assert "[20, 23, 26, 29, 32]" in str(expected.executions)
    for dies_at in range(1, calm.passed + 1, max(1, calm.passed // SAMPLES)):
        ending, world = await play_with_crashes(STORY, CrashPoints(dies_at), settings=settings)
        assert world.crashes == 1, dies_at
        assert ending == expected, f"after a crash at point {dies_at} of {calm.passed}"
    for seed in OFTEN:
        ending, _ = await play_with_crashes(STORY, OftenDying(seed, 0.04), settings=settings)
        assert ending == expected, f"seed {seed}"
