"""What a step costs by how much is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar, Final

from tidemill.bench.checking import check_stage
from tidemill.bench.figures import rates
from tidemill.bench.loads import until_closed
from tidemill.bench.scenario import Cases, Figures, MeasureError, Scenario, Target
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import Workflow, stepped, trivial

_PART: Final = 20_000
_COST: Final = "cpu_s_per_1k_steps"


@dataclass(frozen=True, kw_only=True)
class Stored(Scenario):
    """The same loads in a stack that stores few executions, and in one that stores many which have ended, in
    turns; the median of each figure."""

    name = "stored"
    targets: ClassVar[Sequence[Target]] = (Target(case="many to few", figure=f"{_COST}_ratio", at_most=1.2),)

    few: int = 1_000
    many: int = 1_000_000
    executions: int = 2_000
    steps: int = 5
    loads: int = 5

    async def run(self, stage: Stage) -> Cases:
        """Fill, then measure beside a stack that is new; for a machine is not as fast after ten minutes."""
        workflow, filler = stepped("stored", self.steps), trivial("stored-filler")
        await stage.publish(workflow, filler)
        await self._fill(stage, filler, self.many)
        async with stage.beside() as fresh:
            await fresh.publish(workflow, filler)
            await self._fill(fresh, filler, self.few)
            few, many = await self._in_turns(workflow, fresh, stage)
            if faults := await check_stage(fresh):
                raise MeasureError("; ".join(faults))
        ratios = {
            f"{_COST}_ratio": round(many[_COST] / few[_COST], 3) if few[_COST] else 0.0,
            "steps_per_s_ratio": round(many["steps_per_s"] / few["steps_per_s"], 3),
        }
        return {f"{self.few:,} stored": few, f"{self.many:,} stored": many, "many to few": ratios}

    async def _in_turns(self, workflow: Workflow, *stages: Stage) -> list[Figures]:
        """The medians of each stage's loads."""
        found: list[list[Figures]] = [[] for _ in stages]
        # The first ones only warm caches, and compile plans.
        for turn in range(self.loads + 1):
            for stage, figures in zip(stages, found, strict=True):
                load = await stage.run_all(workflow, self.executions)
                if turn:
                    steps = self.executions * self.steps
                    figures.append(rates(load, executions=self.executions, steps=steps))
        return [{name: median(each[name] for each in figures) for name in figures[0]} for figures in found]

    async def _fill(self, stage: Stage, filler: Workflow, count: int) -> None:
        """Have so many executions end; really started, for nothing is loaded past the engine."""
        done = len(stage.journal.expected.starts)
        while done < count:
            part = min(_PART, count - done)
            results = await stage.submit(filler, [filler.start() for _ in range(part)])
            await until_closed(stage.client, filler.name, results)
            done += part
            stage.say(f"{done:,} of {count:,} are stored")
