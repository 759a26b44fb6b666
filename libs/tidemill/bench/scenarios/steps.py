"""What a step costs by how many an execution has."""

from dataclasses import dataclass

from tidemill.bench.figures import rates
from tidemill.bench.scenario import Cases, Scenario
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import stepped


@dataclass(frozen=True, kw_only=True)
class Steps(Scenario):
    """As many steps in all, in executions of 1, 5 and 20 steps."""

    name = "steps"

    steps_in_all: int = 10_000

    async def run(self, stage: Stage) -> Cases:
        """One number of steps after the other."""
        found = {}
        for steps in (1, 5, 20):
            workflow = stepped(f"steps-{steps}", steps)
            await stage.publish(workflow)
            executions = max(self.steps_in_all // steps, 1)
            load = await stage.run_all(workflow, executions)
            found[f"{steps} step{'s' if steps > 1 else ''}"] = rates(
                load, executions=executions, steps=executions * steps
            )
        return found
