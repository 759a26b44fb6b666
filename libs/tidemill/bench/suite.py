"""Scenarios from start to end: a stack of its own for each run, the figures, the check, and the medians."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, fields
from typing import Final

from tidemill.bench.beds import Bed
from tidemill.bench.checking import check_stage
from tidemill.bench.scenario import Cases, MeasureError, Scenario, Target
from tidemill.bench.stage import Say, Stage
from tidemill.bench.summary import Summaries, summarise
from tidemill.bench.workflows import stepped
from tidemill.errors import TidemillError
from tidemill.stack.group import StackError

OpenBed = Callable[[Mapping[str, str]], AbstractAsyncContextManager[Bed]]
_FAULTS_KEPT_MAX: Final = 10
_WARM_UP_EXECUTIONS: Final = 100
_WARM_UP_STEPS: Final = 5


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a scenario."""

    cases: Cases
    durability: str
    faults: Sequence[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """All runs of a scenario."""

    scenario: Scenario
    durability: str
    runs: int
    cases: Summaries
    faults: Sequence[str]

    def missed(self) -> list[Target]:
        """The targets whose figure is not within, or not there."""
        return [target for target in self.scenario.targets if not self._is_met(target)]

    def _is_met(self, target: Target) -> bool:
        summary = self.cases.get(target.case, {}).get(target.figure)
        return summary is not None and target.is_met(summary.median)


async def run_suite(
    scenarios: Iterable[Scenario], open_bed: OpenBed, say: Say, *, runs: int = 1
) -> list[Outcome]:
    """Run each scenario so many times, each time on a new stack.

    Raises ServerMissingError. A scenario that breaks off has that for a fault, and the next one has its turn.
    """
    return [await _run_scenario(scenario, open_bed, say, runs) for scenario in scenarios]


async def run_once(scenario: Scenario, stage: Stage) -> Run:
    """Run a scenario on a stack, and check everything that the stage's journal has.

    Raises MeasureError, StackError and TidemillError.
    """
    cases = await scenario.run(stage)
    stage.say(f"{scenario.name}: checking")
    return Run(cases, stage.bed.durability, await check_stage(stage))


def parameters_of(scenario: Scenario) -> dict[str, int | float]:
    """The scenario's parameters by name."""
    return {field.name: getattr(scenario, field.name) for field in fields(scenario)}


async def _run_apart(scenario: Scenario, open_bed: OpenBed, say: Say) -> Run:
    """Run a scenario on a stack of its own."""
    try:
        async with open_bed(scenario.settings()) as bed:
            stage = Stage(bed, say)
            await _warm_up(stage)
            return await run_once(scenario, stage)
    except (MeasureError, StackError, TidemillError) as error:
        return Run({}, "", [str(error)])


async def _warm_up(stage: Stage) -> None:
    """Let every process do its first work, which nothing is to be measured by."""
    workflow = stepped("warm-up", _WARM_UP_STEPS)
    await stage.publish(workflow)
    await stage.run_all(workflow, _WARM_UP_EXECUTIONS)


async def _run_scenario(scenario: Scenario, open_bed: OpenBed, say: Say, runs: int) -> Outcome:
    done: list[Run] = []
    for number in range(1, runs + 1):
        say(f"{scenario.name}: run {number} of {runs}")
        done.append(await _run_apart(scenario, open_bed, say))
    # A run in which anything was lost or doubled has no figures.
    good = [run.cases for run in done if not run.faults]
    faults = [fault for run in done for fault in run.faults]
    return Outcome(scenario, done[0].durability, runs, summarise(good), faults[:_FAULTS_KEPT_MAX])
