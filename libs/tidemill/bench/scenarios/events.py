"""How fast events reach those who wait for them."""

import time
from dataclasses import dataclass
from typing import Final

from tidemill.bench.listening import Listeners
from tidemill.bench.loads import until_closed
from tidemill.bench.scenario import Cases, Figures, Scenario
from tidemill.bench.stage import Stage

_WAYS: Final = {"lane of the subject": False, "lane of the type": True}


@dataclass(frozen=True, kw_only=True)
class Events(Scenario):
    """Events published in a second, each of which resumes and ends one waiting execution: found by its
    subject, and by a value among all that wait for the type."""

    name = "events"

    executions: int = 5_000

    async def run(self, stage: Stage) -> Cases:
        """One way of being found after the other."""
        return {case: await self._run(stage, by_value=by_value) for case, by_value in _WAYS.items()}

    async def _run(self, stage: Stage, *, by_value: bool) -> Figures:
        listeners = Listeners("events-type" if by_value else "events-subject", by_value=by_value)
        await listeners.wait(stage, self.executions)
        before, begun = sum(stage.cost().values()), time.perf_counter()
        await listeners.resume(stage)
        published_seconds = time.perf_counter() - begun
        await until_closed(stage.client, listeners.workflow.name)
        seconds = time.perf_counter() - begun
        used = sum(stage.cost().values()) - before
        return {
            "events_per_s": round(self.executions / seconds, 1),
            "published_events_per_s": round(self.executions / published_seconds, 1),
            "cpu_ms_per_event": round(used * 1000 / self.executions, 3),
        }
