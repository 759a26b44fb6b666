"""What a step costs by how much is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar, Final

from tidemill.bench.figures import rates
from tidemill.bench.loads import until_closed
from tidemill.bench.scenario import Cases, Figures, Scenario, Target
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import Workflow, stepped, trivial

_PART: Final = 20_000
_COST: Final = "cpu_s_per_1k_steps"


@dataclass(frozen=True, kw_only=True)
class Stored(Scenario):
    """The same load in a store with few executions, and in one with many that have ended: some loads in each,
    for to fill it takes long, and the median of each figure."""

    name = "stored"
    targets: ClassVar[Sequence[Target]] = (Target(case="many to few", figure=f"{_COST}_ratio", at_most=1.2),)

    few: int = 1_000
    many: int = 1_000_000
    executions: int = 2_000
    steps: int = 5
    loads: int = 5

    async def run(self, stage: Stage) -> Cases:
        """Fill, measure, fill more, measure again."""
        workflow, filler = stepped("stored", self.steps), trivial("stored-filler")
        await stage.publish(workflow, filler)
        # A first load, that both measured ones find warm caches and compiled plans.
        await stage.run_all(workflow, min(self.executions, self.few))
        few = await self._measure(stage, workflow)
        await self._fill(stage, filler)
        many = await self._measure(stage, workflow)
        ratios = {
            f"{_COST}_ratio": round(many[_COST] / few[_COST], 3) if few[_COST] else 0.0,
            "steps_per_s_ratio": round(many["steps_per_s"] / few["steps_per_s"], 3),
        }
        return {f"{self.few:,} stored": few, f"{self.many:,} stored": many, "many to few": ratios}

    async def _measure(self, stage: Stage, workflow: Workflow) -> Figures:
        steps = self.executions * self.steps
        loads = [await stage.run_all(workflow, self.executions) for _ in range(self.loads)]
        figures = [rates(load, executions=self.executions, steps=steps) for load in loads]
        return {name: median(each[name] for each in figures) for name in figures[0]}

    async def _fill(self, stage: Stage, filler: Workflow) -> None:
        """Have so many more executions end; really started, for nothing is loaded past the engine."""
        done = len(stage.journal.expected.starts)
        while done < self.many:
            part = min(_PART, self.many - done)
            results = await stage.submit(filler, [filler.start() for _ in range(part)])
            await until_closed(stage.client, filler.name, results)
            done += part
            stage.say(f"{done:,} of {self.many:,} are stored")
