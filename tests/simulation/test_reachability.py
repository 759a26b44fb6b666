"""What a check says can never run never runs, whatever happens to whatever workflow."""

from random import Random
from typing import Any

from tests.simulation.test_fold import HAPPENINGS, LIMITS, happen
from tests.simulation.workflows import once_in, workflow
from tests.unit.core.driver import document
from tests.unit.core.listener import Listener
from tidemill.dsl import check
from tidemill.engine.core.events import TaskStarted

SEEDS = 400
STEPS_MAX = 30


def jumping(random: Random, tasks: list[dict[str, Any]], *, jumps: bool = True) -> None:
    """Add what the random workflows have seldom: tasks that lead elsewhere, at every level."""
    targets = [name for task in tasks for name in task] if jumps else []
    for definition in (definition for task in tasks for definition in task.values()):
        if once_in(random, 3):
            definition["then"] = random.choice(["exit", "end", *targets])
        for inner in (definition, definition.get("catch", {})):
            for member in ("do", "try"):
                jumping(random, inner[member] if isinstance(inner.get(member), list) else [])
        jumping(random, definition.get("fork", {}).get("branches", []), jumps=False)


def run(random: Random) -> tuple[set[str], set[str]]:
    """Run a random workflow; gives the tasks that can never run, and those that ran."""
    tasks, members = workflow(random)
    jumping(random, tasks)
    never = {
        problem.pointer
        for problem in check(document(*tasks, **members))
        if problem.message.endswith("can never run: nothing leads to it")
    }
    driver = Listener(*tasks, settings=LIMITS, **members)
    driver.checks = False
    driver.start({"n": 1})
    fired: list[str] = []
    for _ in range(random.randint(1, STEPS_MAX)):
        happen(driver, random.choice(HAPPENINGS), random.randint(0, 7), fired)
    return never, {event.reference for event in driver.events if isinstance(event, TaskStarted)}


def test_a_task_that_can_never_run_never_does() -> None:
    warned = ran = 0
    for seed in range(SEEDS):
        never, started = run(Random(seed))
        assert not {
            reference
            for reference in started
            for pointer in never
            if (reference + "/").startswith(pointer + "/")
        }, f"seed {seed}"
        warned += len(never)
        ran += len(started)
    assert warned > SEEDS / 2
    assert ran > SEEDS
