"""A killed engine comes back to many executions."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from tidemill.bench.loads import until_closed
from tidemill.bench.sampling import Steps, steps_watched
from tidemill.bench.scenario import Cases, MeasureError, Scenario
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import stepped

_POLL_SECONDS: Final = 0.1
_WINDOW_SECONDS: Final = 1.0
# As fast as before, for a machine whose pace is never quite the same.
_FULL_SPEED: Final = 0.9


@dataclass(frozen=True, kw_only=True)
class Recovery(Scenario):
    """SIGKILL to an engine with running executions, and its restart: until it serves, until steps are made as
    fast as before, and until all are through."""

    name = "recovery"

    executions: int = 20_000
    steps: int = 5
    # The share of all steps after which the engine is killed.
    kill_after: float = 0.2

    async def run(self, stage: Stage) -> Cases:
        """Kill it under load, and start it again at once."""
        workflow = stepped("recovery", self.steps)
        await stage.publish(workflow)
        async with steps_watched(stage.bed.action_metrics) as steps:
            results = await stage.submit(workflow, [workflow.start() for _ in range(self.executions)])
            await self._under_way(steps)
            killed, made = time.perf_counter(), steps.made
            before = steps.rate(killed - 2 * _WINDOW_SECONDS, killed)
            await stage.bed.group.kill(stage.bed.engine)
            stage.say(f"the engine was killed after {made} steps")
            await stage.bed.group.start_one(stage.bed.engine)
            await stage.bed.group.until_healthy(stage.bed.engine)
            serving = time.perf_counter()
            await until_closed(stage.client, workflow.name, results)
            through = time.perf_counter()
            # One more look, so that the last second has its samples.
            await asyncio.sleep(_WINDOW_SECONDS)
        figures = {
            "serving_seconds": serving - killed,
            "through_seconds": through - killed,
            "before_steps_per_s": before,
            "after_steps_per_s": steps.rate(serving, through),
        }
        full = steps.reached(_FULL_SPEED * before, after=serving, window_seconds=_WINDOW_SECONDS)
        if full is not None and before:
            figures["full_speed_seconds"] = full - killed
        return {"killed engine": {name: round(value, 2) for name, value in figures.items()}}

    async def _under_way(self, steps: Steps) -> None:
        wanted = self.executions * self.steps * self.kill_after
        while steps.made < wanted:  # noqa: ASYNC110 - the services have no such event to offer
            await asyncio.sleep(_POLL_SECONDS)
        if steps.made >= self.executions * self.steps:
            raise MeasureError("all executions had ended before the engine could be killed: take more")
