"""One lane with very much to do, and the others."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tidemill.api.engine.v1.execution_service_pb2 import StartRequest
from tidemill.bench.figures import latencies
from tidemill.bench.loads import any_open, until_closed
from tidemill.bench.pacing import probing
from tidemill.bench.scenario import Cases, Figures, Scenario
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import NAMESPACE, Workflow, stepped
from tidemill.lanes import shard_of_subject

_LANE: Final = "one"
# Few: beside a crowd they all wait for the same.
_NEAR_PER_S: Final = 4.0


@dataclass(frozen=True, kw_only=True)
class Lane(Scenario):
    """Executions of lanes of other shards, and of the lane's own shard, beside one lane with many executions;
    and beside as many in lanes of their own, which says what is the lane's doing and what the load's."""

    name = "lane"

    lane_executions: int = 10_000
    executions: int = 500
    steps: int = 5
    probes_per_s: float = 10.0
    probe_seconds: float = 5.0

    async def run(self, stage: Stage) -> Cases:
        """Beside nothing, beside the one lane, and beside the many."""
        crowd = stepped("lane-crowd", self.steps)
        other, probe = stepped("lane-other", self.steps), stepped("lane-probe", self.steps)
        await stage.publish(crowd, other, probe)
        count = f"{self.lane_executions:,} executions"
        return {
            "beside nothing": await self._others(stage, other, probe),
            f"beside {count} in one lane": await self._beside(
                stage, crowd, lambda: crowd.start(subject=_LANE), (other, probe)
            ),
            f"beside {count} in their own": await self._beside(stage, crowd, crowd.start, (other, probe)),
        }

    async def _beside(
        self,
        stage: Stage,
        crowd: Workflow,
        start: Callable[[], StartRequest],
        others: tuple[Workflow, Workflow],
    ) -> Figures:
        results = await stage.submit(crowd, [start() for _ in range(self.lane_executions)])
        found = await self._others(stage, *others)
        lasted = await any_open(stage.client, crowd.name)
        await until_closed(stage.client, crowd.name, results)
        # Where it did not last, part of the figures is of an idle engine.
        return {**found, "crowd_outlasted": float(lasted)}

    async def _others(self, stage: Stage, other: Workflow, probe: Workflow) -> Figures:
        near, far = (
            _subjects(stage.bed.shards, of_the_lane=True),
            _subjects(stage.bed.shards, of_the_lane=False),
        )
        async with (
            probing(
                stage, probe, per_s=self.probes_per_s, start=lambda: probe.start(subject=next(far))
            ) as found,
            probing(stage, probe, per_s=_NEAR_PER_S, start=lambda: probe.start(subject=next(near))) as beside,
        ):
            await asyncio.sleep(self.probe_seconds)
        load = await stage.run_all(other, self.executions)
        return {
            **latencies(found),
            "same_shard_p50_ms": latencies(beside)["p50_ms"],
            "steps_per_s": round(self.executions * self.steps / load.seconds, 1),
        }


def _subjects(shards: int, *, of_the_lane: bool) -> Iterator[str]:
    """Subjects of the lane's shard, or of the others."""
    own = shard_of_subject(NAMESPACE, _LANE, shards)
    names = (f"other {number}" for number in itertools.count())
    return (name for name in names if (shard_of_subject(NAMESPACE, name, shards) == own) == of_the_lane)
