"""A clock that goes back after a timer fell due, and before its batch: found by seed 20114."""

from tests.simulation.world import SECOND_US, START_US, World
from tidemill.engine.records import TimerSource, decode_batch

DOCUMENT = """
document: {dsl: 1.0.3, namespace: shop, name: rest, version: 1.0.0}
do:
  - rest: {wait: {seconds: 10}}
"""


async def test_a_timer_is_not_early_when_the_clock_has_gone_back_since_it_fell_due() -> None:
    world = await World().open()
    await world.publish(DOCUMENT)
    execution_id = await world.start("shop", "rest")
    loops = {loop.name: loop.step for loop in world.engine.loops()}
    await world.clock.advance_us(10 * SECOND_US)
    assert await loops["timers"]()
    world.clock._now_us -= 5 * SECOND_US
    assert await loops["batches"]()
    rows = await world.store.history(execution_id, 1, 100)
    (fired,) = [
        batch
        for batch in (decode_batch(row.data) for row in rows)
        if any(isinstance(cause.source, TimerSource) for cause in batch.causes)
    ]
    assert fired.now_us == START_US + 10 * SECOND_US
