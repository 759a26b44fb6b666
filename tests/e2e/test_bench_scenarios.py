"""Each scenario of the benchmark at a size of seconds: its figures are there, nothing is lost or doubled."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from tidemill.bench.beds import embedded_bed
from tidemill.bench.scenario import Scenario
from tidemill.bench.scenarios import SCENARIOS
from tidemill.bench.scenarios.events import Events
from tidemill.bench.scenarios.expressions import Expressions
from tidemill.bench.scenarios.idle import Idle
from tidemill.bench.scenarios.lane import Lane
from tidemill.bench.scenarios.latency import Latency
from tidemill.bench.scenarios.memory import InFlight
from tidemill.bench.scenarios.overload import Overload
from tidemill.bench.scenarios.payloads import Payloads
from tidemill.bench.scenarios.recovery import Recovery
from tidemill.bench.scenarios.starts import Starts
from tidemill.bench.scenarios.steps import Steps
from tidemill.bench.scenarios.stored import Stored
from tidemill.bench.scenarios.throughput import Throughput
from tidemill.bench.scenarios.timers import Timers
from tidemill.bench.stage import Stage
from tidemill.bench.suite import run_once

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# With a case and a figure that must be above nothing.
SMALL: Final[list[tuple[Scenario, str, str]]] = [
    (Throughput(executions=20, steps=2), "2 steps", "steps_per_s"),
    (
        Latency(steps=1, alone=5, executions=20, seconds=0.5),
        "half of the full load",
        "p99_ms",
    ),
    (Steps(steps_in_all=20), "20 steps", "cpu_s_per_1k_steps.engine"),
    (Payloads(executions=20, steps=1), "64 KB", "carried_mb_per_s"),
    (Expressions(executions=10, steps=1), "heavy", "steps_per_s"),
    (Starts(executions=50), "trivial workflow", "starts_per_s"),
    (Events(executions=20), "lane of the type", "events_per_s"),
    (
        Lane(lane_executions=50, executions=10, steps=1, probe_seconds=0.3),
        "beside 50 executions in one lane",
        "p50_ms",
    ),
    (
        Timers(executions=50, trial_executions=10, before_seconds=1, spare_seconds=1),
        "herd",
        "probe_p99_ratio",
    ),
    (InFlight(executions=50, gather_seconds=2, stay_seconds=0.3), "a call outstanding", "peak_rss_mb"),
    (Recovery(executions=600, steps=5, kill_after=0.02), "killed engine", "through_seconds"),
    (
        Overload(seconds=1.5, executions=200, steps=5, after_seconds=0.5, log_backlog_max=10),
        "overload",
        "shed_executions",
    ),
    (Idle(seconds=0.5, settle_seconds=0.1), "nothing to do", "core_percent.engine"),
    (Stored(few=20, many=50, executions=10, steps=1), "many to few", "cpu_s_per_1k_steps_ratio"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    """One stack for all, with the settings of each: what one does to it, the next ones meet."""
    settings = {name: value for scenario, _, _ in SMALL for name, value in scenario.settings().items()}
    async with embedded_bed(settings) as bed:
        yield Stage(bed, print)


def test_every_scenario_is_tried() -> None:
    assert [scenario.name for scenario, _, _ in SMALL] == list(SCENARIOS)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("scenario", "case", "figure"), SMALL, ids=[small[0].name for small in SMALL])
async def test_a_scenario_measures_and_its_check_finds_nothing(
    scenario: Scenario, case: str, figure: str, stage: Stage
) -> None:
    run = await run_once(scenario, stage)
    assert list(run.faults) == []
    assert all(target.case in run.cases for target in scenario.targets)
    # Half a second of doing nothing may be too little to be counted.
    assert run.cases[case][figure] > 0 or scenario.name == "idle"
