"""How fast starts are accepted."""

import time
from dataclasses import dataclass

from tidemill.bench.loads import until_closed
from tidemill.bench.scenario import Cases, Scenario
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import trivial


@dataclass(frozen=True, kw_only=True)
class Starts(Scenario):
    """Starts acknowledged in a second, by a client that sends them in batches; the workflow is trivial."""

    name = "starts"

    executions: int = 20_000

    async def run(self, stage: Stage) -> Cases:
        """Until the last is acknowledged, and until the last has ended."""
        workflow = trivial("starts")
        await stage.publish(workflow)
        starts = [workflow.start() for _ in range(self.executions)]
        before, begun = sum(stage.cost().values()), time.perf_counter()
        results = await stage.submit(workflow, starts)
        acknowledged_seconds = time.perf_counter() - begun
        await until_closed(stage.client, workflow.name, results)
        through_seconds = time.perf_counter() - begun
        used = sum(stage.cost().values()) - before
        return {
            "trivial workflow": {
                "starts_per_s": round(self.executions / acknowledged_seconds, 1),
                "executions_per_s": round(self.executions / through_seconds, 1),
                "cpu_s_per_1k_executions": round(used * 1000 / self.executions, 4),
            }
        }
