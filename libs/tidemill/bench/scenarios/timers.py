"""A herd of timers that are due in the same second."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from tidemill.bench.figures import latencies
from tidemill.bench.loads import until_applied, until_closed
from tidemill.bench.pacing import probing
from tidemill.bench.scenario import Cases, MeasureError, Scenario, Target
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import Workflow, stepped
from tidemill.json import Json

_CASE: Final = "herd"


@dataclass(frozen=True, kw_only=True)
class Timers(Scenario):
    """Executions that wait until one second: from that second until all have fired, and what executions of
    other lanes take meanwhile."""

    name = "timers"
    targets: ClassVar[Sequence[Target]] = (Target(case=_CASE, figure="probe_p99_ratio", at_most=2.0),)

    executions: int = 100_000
    probes_per_s: float = 10.0
    before_seconds: float = 15.0
    # How fast they start is found out with so many.
    trial_executions: int = 2_000
    spare_seconds: float = 5.0

    async def run(self, stage: Stage) -> Cases:
        """The herd gathers, probes run before and after its second, and all end."""
        herd, probe = _herd("timers"), stepped("timers-probe", 1)
        await stage.publish(herd, probe)
        due = await self._gather(stage, herd)
        if (left := due - time.time()) < 0:
            raise MeasureError(f"the herd was still gathering {-left:.1f} s after its time")
        await asyncio.sleep(max(left - self.before_seconds, 0))
        async with probing(stage, probe, per_s=self.probes_per_s) as before:
            await asyncio.sleep(max(due - time.time(), 0))
        return {_CASE: await self._fire(stage, herd, probe, (due, before))}

    async def _gather(self, stage: Stage, herd: Workflow) -> float:
        """Have all wait; the second at which they are due, as Unix time."""
        begun, trial = time.perf_counter(), min(self.trial_executions, self.executions)
        results = await stage.submit(herd, [herd.start(more={"due": 0}) for _ in range(trial)])
        await until_closed(stage.client, herd.name, results)
        # The more of them, the slower: their rows must find their places among others.
        seconds = 1.5 * (time.perf_counter() - begun) * self.executions / trial
        due = math.ceil(time.time() + seconds + self.before_seconds + self.spare_seconds)
        stage.say(f"{self.executions} executions are to wait within {seconds:.0f} s")
        results = await stage.submit(herd, [herd.start(more={"due": due}) for _ in range(self.executions)])
        await until_applied(stage.client, herd.name, results)
        return due

    async def _fire(
        self, stage: Stage, herd: Workflow, probe: Workflow, gathered: tuple[float, list[float]]
    ) -> dict[str, float]:
        due, before = gathered
        stage.say("now")
        async with probing(stage, probe, per_s=self.probes_per_s) as during:
            await until_closed(stage.client, herd.name)
            fired_seconds = time.time() - due
            # Few fire faster than a probe comes back.
            await asyncio.sleep(1 / self.probes_per_s)
        first, then = latencies(before), latencies(during)
        return {
            "fired_seconds": round(fired_seconds, 2),
            "timers_per_s": round(self.executions / fired_seconds, 1),
            "probe_before_p50_ms": first["p50_ms"],
            "probe_before_p99_ms": first["p99_ms"],
            "probe_during_p50_ms": then["p50_ms"],
            "probe_during_p99_ms": then["p99_ms"],
            "probe_p99_ratio": round(then["p99_ms"] / first["p99_ms"], 2),
        }


def _herd(name: str) -> Workflow:
    """Waits until `due`, in seconds since 1970; a time that is past is no wait."""
    wait: Json = {"call": "waitUntil:1.0.0@default", "with": {"at": "${ .due }"}}
    return Workflow(name=name, tasks=[{"until": wait}])
