"""Services are killed at random moments under load: no acknowledged event is lost, no effect is doubled."""

import asyncio
import os
import random
import sys
from pathlib import Path
from typing import Final

import pytest

from examples.demo.counting import judge
from examples.demo.events import APPOINTMENT, read, with_repeats
from examples.demo.expectations import expect
from examples.demo.sending import Sender
from examples.demo.stage import OwnStage, publish_workflows, staged
from examples.demo.watching import until_over
from tidemill.stack.layout import SERVICES
from tidemill.testing.effects import Temper
from tidemill.testing.provider import Provider

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

EVENTS: Final = 400
KILLS: Final = 10
# A pause between kills, drawn for each: long enough for the services to get to work again.
PAUSE_SECONDS: Final = (0.2, 1.5)
DOWN_SECONDS_MAX: Final = 0.6
SEED_VARIABLE: Final = "TIDEMILL_CRASH_SEED"


def chosen_seed() -> int:
    """A new one each time, so that every run tries other moments; the environment can ask for an old one."""
    return int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().randrange(1_000_000))


async def kill_at_random(stage: OwnStage, source: random.Random) -> list[str]:
    """Kill and restart services, one after the other; returns a word on each kill."""
    kills = []
    for _ in range(KILLS):
        await asyncio.sleep(source.uniform(*PAUSE_SECONDS))
        name = source.choice(SERVICES)
        kills.append(f"{name} after {stage.provider.effects().made} effects")
        await stage.stack.kill(name)
        await asyncio.sleep(source.uniform(0, DOWN_SECONDS_MAX))
        await stage.stack.restart(name)
    return kills


@pytest.mark.timeout(300)
async def test_ten_random_kills_lose_no_acknowledged_event_and_double_no_effect(tmp_path: Path) -> None:
    seed = chosen_seed()
    sys.stdout.write(f"{SEED_VARIABLE}={seed}\n")
    events = read()[:EVENTS]
    expectation = expect(events)
    # Paced so that the last events come after the last kill.
    batches = with_repeats(events, batch_size=10, repeat_every=5)
    with Provider(Temper(seed=seed)) as provider:
        async with staged(provider, tmp_path) as stage:
            await publish_workflows(stage.client)
            sender = Sender(stage.client, batches)
            _, kills = await asyncio.gather(
                sender.run(pause_seconds=0.3), kill_at_random(stage, random.Random(seed))
            )
            executions = await until_over(stage, expectation)
    verdict = judge(expectation, provider.effects(), executions)
    assert sender.acknowledged == sender.total
    assert verdict.faults() == [], f"{SEED_VARIABLE}={seed}: killed {', '.join(kills)}"


@pytest.mark.timeout(120)
async def test_doubles_are_noticed_where_the_outside_ignores_keys(tmp_path: Path) -> None:
    """The control: with a provider that does not conform, calls without an answer are done again."""
    events = [event for event in read() if event["type"] == APPOINTMENT][:6]
    expectation = expect(events)
    with Provider(Temper(silent_rate=0.4, honours_keys=False)) as provider:
        async with staged(provider, tmp_path) as stage:
            await publish_workflows(stage.client)
            await Sender(stage.client, [events]).run()
            executions = await until_over(stage, expectation)
    verdict = judge(expectation, provider.effects(), executions)
    assert verdict.doubled
    assert not verdict.lost
    assert not verdict.holds
