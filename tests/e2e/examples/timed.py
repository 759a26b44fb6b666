"""The examples in which time passes, on a virtual clock: a whole Tidemill with a scripted outside."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from tests.simulation.actions import Failure
from tests.simulation.world import SECOND_US, START_US, World

Play: TypeAlias = Callable[[World, str], Awaitable[None]]
_HOUR_US: Final = 3_600 * SECOND_US


async def waits_thirty_seconds(world: World, document: str) -> None:
    await world.publish(document)
    name = "wait-duration-inline" if "wait-duration-inline" in document else "wait-duration-8601"
    execution_id = await world.start("test", name, {"a": 1})
    await world.advance(30 * SECOND_US - 1)
    assert await world.phase(execution_id) == "waiting"
    await world.advance(1)
    assert await world.phase(execution_id) == "completed"
    assert (await world.get(execution_id)).output.data == b'{"a":1}'


async def backs_up_at_midnight(world: World, document: str) -> None:
    """The world begins at nine in the morning."""
    await world.publish(document)
    await world.advance(15 * _HOUR_US - 1)
    assert world.outside.effects == []
    await world.advance(1)
    [effect] = world.outside.effects
    assert effect.arguments == {"method": "post", "endpoint": "https://example.com/api/v1/backup/start"}
    await world.advance(2 * 24 * _HOUR_US)
    days = [(effect.time_us - START_US - 15 * _HOUR_US) / (24 * _HOUR_US) for effect in world.outside.effects]
    assert days == [0, 1, 2]


async def retries_ever_more_slowly(world: World, document: str) -> None:
    """Five times after the first, then it gives up."""
    world.outside.handlers["http"] = lambda _: Failure(status=503)
    await world.publish(document)
    execution_id = await world.start("default", "try-catch-retry", {"petId": 7})
    await world.advance(_HOUR_US)
    seconds = [(effect.time_us - START_US) // SECOND_US for effect in world.outside.effects]
    assert seconds == [0, 3, 3 + 6, 9 + 12, 21 + 24, 45 + 48]
    assert await world.phase(execution_id) == "faulted"
    assert (await world.get(execution_id)).error.status == 503


RUNS: Final[Mapping[str, Play]] = {
    "wait-duration-inline": waits_thirty_seconds,
    "wait-duration-iso8601": waits_thirty_seconds,
    "schedule-cron": backs_up_at_midnight,
}
# What stands among the cases of a stack, and has its times told here.
ALSO: Final[Mapping[str, Play]] = {
    "try-catch-retry-inline": retries_ever_more_slowly,
    "try-catch-retry-reusable": retries_ever_more_slowly,
}
