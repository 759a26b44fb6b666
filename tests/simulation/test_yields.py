"""Where a command ends and the next turn begins changes nothing: the same facts, in the same order.

Two executions of one random workflow meet the same happenings. One has turns of a few tasks, the other one
turns that nearly never end. Branches side by side are left out, for turns do change who goes first there, and
so is jitter, which each turn draws anew.
"""

from random import Random
from typing import Any, Final

import pytest

from tests.simulation import workflows
from tests.simulation.test_fold import HAPPENINGS, happen
from tests.unit.core.driver import Driver
from tests.unit.core.listener import Listener
from tidemill.engine.core.events import Event, TaskYielded, TimerFired
from tidemill.engine.core.settings import CoreSettings

SHORT: Final = CoreSettings(entries_per_command_max=2, yields_in_a_row_max=1_000)
LONG: Final = CoreSettings(entries_per_command_max=2_000, yields_in_a_row_max=1)
SEEDS: Final = 250
STEPS_MAX: Final = 25


def facts(driver: Driver) -> list[Event]:
    return [
        event
        for event in driver.events
        if not isinstance(event, TaskYielded)
        and not (isinstance(event, TimerFired) and ":yield/" in event.timer_id)
    ]


def run(seed: int, limits: CoreSettings, tasks: list[Any], members: dict[str, Any]) -> Listener:
    random = Random(seed)
    driver = Listener(*tasks, settings=limits, **members)
    driver.start({"n": 1}).go_on()
    fired: list[str] = []
    for _ in range(STEPS_MAX):
        # A timer for a yield is nobody's to choose: it has fired before anything else happens.
        happen(driver, random.choice(HAPPENINGS), random.randint(0, 7), fired)
        driver.go_on()
        fired = [timer for timer in fired if ":yield/" not in timer]
    return driver


def is_comparable(tasks: list[Any], members: dict[str, Any]) -> bool:
    return not any(word in repr((tasks, members)) for word in ("'fork'", "'jitter'"))


def runs_in_a_circle(driver: Driver) -> bool:
    return any("yields_in_a_row_max" in repr(event) for event in driver.events)


@pytest.mark.parametrize("block", range(4))
def test_the_length_of_turns_changes_no_fact(block: int) -> None:
    compared = yields = 0
    for seed in range(block * SEEDS, (block + 1) * SEEDS):
        tasks, members = workflows.workflow(Random(seed))
        if not is_comparable(tasks, members):
            continue
        long = run(seed, LONG, tasks, members)
        if runs_in_a_circle(long):
            continue
        short = run(seed, SHORT, tasks, members)
        assert facts(short) == facts(long), f"seed {seed}"
        compared += 1
        yields += len(short.names(TaskYielded))
    assert compared > SEEDS / 4
    assert yields > 10
