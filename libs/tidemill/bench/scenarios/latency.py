"""How long one execution takes, alone and beside a load."""

import asyncio
from dataclasses import dataclass

from tidemill.api.engine.v1.execution_service_pb2 import SubmitResult
from tidemill.bench.figures import latencies
from tidemill.bench.loads import until_closed
from tidemill.bench.pacing import offer, probing
from tidemill.bench.scenario import Cases, Figures, Scenario
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import Workflow, stepped


@dataclass(frozen=True, kw_only=True)
class Latency(Scenario):
    """One execution from its start to its end seen: alone, and at half of the full load in an open loop."""

    name = "latency"

    steps: int = 5
    alone: int = 200
    # What full load is, is measured first.
    executions: int = 2_000
    seconds: float = 15.0
    probes_per_s: float = 20.0

    async def run(self, stage: Stage) -> Cases:
        """Alone, then the full load, then half of it."""
        workflow = stepped("latency", self.steps)
        load, probe = stepped("latency-load", self.steps), stepped("latency-probe", self.steps)
        await stage.publish(workflow, load, probe)
        alone = await stage.run_alone(workflow, self.alone)
        full = await stage.run_all(load, self.executions)
        half_per_s = self.executions / full.seconds / 2
        stage.say(f"half of the full load: {half_per_s:.0f} executions/s")
        return {
            "alone": latencies(alone),
            "half of the full load": await self._beside(stage, load, probe, half_per_s),
        }

    async def _beside(self, stage: Stage, load: Workflow, probe: Workflow, per_s: float) -> Figures:
        results: list[SubmitResult] = []

        async def send(count: int) -> None:
            results.extend(await stage.submit(load, [load.start() for _ in range(count)]))

        probes_per_s = min(self.probes_per_s, per_s)
        async with probing(stage, probe, per_s=probes_per_s) as found:
            rest_per_s = per_s - probes_per_s
            offering = asyncio.create_task(offer(send, per_s=rest_per_s, seconds=self.seconds))
            await asyncio.sleep(self.seconds)
        sent = await offering
        await until_closed(stage.client, load.name, results)
        return {**latencies(found), "offered_executions_per_s": round(sent / self.seconds + probes_per_s, 1)}
