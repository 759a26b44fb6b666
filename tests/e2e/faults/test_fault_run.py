"""Everything that can fail does, under load on real processes: nothing is lost, doubled or out of order."""

import os
import random
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import missing_is_told
from tidemill.testing.faults.injecting import Fault
from tidemill.testing.faults.run import Outcome, Plan, fault_run
from tidemill.testing.faults.table import rows

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SEED_VARIABLE: Final = "TIDEMILL_FAULT_SEED"
EXECUTIONS: Final = 2_000
SECONDS: Final = 70.0
WANTED: Final = set(Fault) - {Fault.CUT_IDLE, Fault.ENDED_ITSELF}


def chosen_seed() -> int:
    """A new one each time, so that every run tries other moments; the environment can ask for an old one."""
    return int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().randrange(1_000_000))


async def run(plan: Plan, data: Path) -> Outcome:
    """The outcome of a run, printed."""
    say = sys.stdout.write
    say(f"{SEED_VARIABLE}={plan.seed}\n")
    with missing_is_told():
        outcome = await fault_run(plan, data, print)
    say("".join(f"{name:<45} {value:>12}\n" for name, value in rows(outcome)))
    say(outcome.check.text)
    return outcome


@pytest.mark.timeout(300)
async def test_no_fault_loses_doubles_or_reorders_anything(tmp_path: Path) -> None:
    plan = Plan(executions=EXECUTIONS, seed=chosen_seed(), seconds=SECONDS, rounds=1)
    outcome = await run(plan, tmp_path)
    assert outcome.verdict.faults == [], f"{SEED_VARIABLE}={plan.seed}"
    assert outcome.check.holds, outcome.check.text
    assert {fault for fault in WANTED if outcome.faults[fault]} == WANTED
    assert outcome.executions == outcome.wanted.executions.total() >= EXECUTIONS


@pytest.mark.timeout(240)
async def test_an_outside_that_ignores_keys_is_noticed(tmp_path: Path) -> None:
    """The control, without chance: what gives no answer is asked again, and does it again."""
    plan = Plan(executions=200, seed=1, seconds=20.0, rounds=0, honours_keys=False)
    outcome = await run(plan, tmp_path)
    assert outcome.verdict.doubled
    assert not outcome.verdict.lost
    # The checker sees it too, by the outside's own count.
    assert not outcome.check.holds
    assert "expected" in outcome.check.text
