"""The engine's memory by what is in flight."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tidemill.bench.holding import HOLD, MODULE
from tidemill.bench.listening import Listeners
from tidemill.bench.loads import until_applied, until_closed
from tidemill.bench.processes import rss_mb
from tidemill.bench.sampling import Memory, memory_watched
from tidemill.bench.scenario import Cases, Figures, MeasureError, Scenario
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import PAYLOAD_BYTES, calling


@dataclass(frozen=True, kw_only=True)
class InFlight(Scenario):
    """The most that the engine holds while executions wait, and while each has a call outstanding."""

    name = "memory"

    executions: int = 20_000
    # They must be under way within so many seconds, and stay there so many more.
    gather_seconds: float = 45.0
    stay_seconds: float = 3.0

    def settings(self) -> Mapping[str, str]:
        """The Action service has an action that takes its time."""
        return {"TIDEMILL_ACTIONS_MODULES": MODULE}

    async def run(self, stage: Stage) -> Cases:
        """Those that wait, then those that call; each with an engine that has just started."""
        idle_mb = await self._restarted_mb(stage)
        waiting = await self._waiting(stage)
        await self._restarted_mb(stage)
        return {
            "no execution": {"rss_mb": round(idle_mb, 1)},
            "waiting for an event": waiting,
            "a call outstanding": await self._calling(stage),
        }

    async def _restarted_mb(self, stage: Stage) -> float:
        """Start the engine anew, and return what it holds: nothing of what was before."""
        await stage.bed.group.restart(stage.bed.engine)
        return rss_mb(stage.bed.pids[stage.bed.engine])

    async def _waiting(self, stage: Stage) -> Figures:
        listeners = Listeners("memory-waiting")
        async with memory_watched(stage.bed) as held:
            await listeners.wait(stage, self.executions)
            await asyncio.sleep(self.stay_seconds)
        await listeners.resume(stage)
        await until_closed(stage.client, listeners.workflow.name)
        return self._figures(held[stage.bed.engine])

    async def _calling(self, stage: Stage) -> Figures:
        given = {"payload": "x" * PAYLOAD_BYTES}
        arguments = {"until": "${ .until }", "payload": "${ .payload }"}
        workflow = calling("memory-calling", 1, arguments=arguments, given=given, action=HOLD)
        await stage.publish(workflow)
        until = time.time() + self.gather_seconds + self.stay_seconds
        async with memory_watched(stage.bed) as held:
            starts = [workflow.start(more={"until": until}) for _ in range(self.executions)]
            results = await stage.submit(workflow, starts)
            await until_applied(stage.client, workflow.name, results)
            if time.time() + self.stay_seconds > until:
                raise MeasureError(f"the calls were not all under way within {self.gather_seconds:g} s")
            await asyncio.sleep(self.stay_seconds)
        await until_closed(stage.client, workflow.name)
        return self._figures(held[stage.bed.engine])

    def _figures(self, memory: Memory) -> Figures:
        more_mb = memory.max_mb - memory.start_mb
        return {
            "peak_rss_mb": round(memory.max_mb, 1),
            "more_kb_per_execution": round(more_mb * 1024 / self.executions, 2),
        }
