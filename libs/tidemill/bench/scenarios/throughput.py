"""Many executions at once."""

from dataclasses import dataclass

from tidemill.bench.figures import rates
from tidemill.bench.scenario import Cases, Scenario
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import stepped


@dataclass(frozen=True, kw_only=True)
class Throughput(Scenario):
    """Executions of steps that do nothing, all at once, each in its own lane."""

    name = "throughput"

    executions: int = 2_000
    steps: int = 5

    async def run(self, stage: Stage) -> Cases:
        """From the first start sent to the last execution seen closed."""
        workflow = stepped("throughput", self.steps)
        await stage.publish(workflow)
        load = await stage.run_all(workflow, self.executions)
        memory = {f"peak_rss_mb.{name}": held for name, held in load.peak_rss_mb.items()}
        steps = self.executions * self.steps
        return {f"{self.steps} steps": {**rates(load, executions=self.executions, steps=steps), **memory}}
