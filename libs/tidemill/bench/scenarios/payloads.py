"""What a step costs by how much it carries."""

from dataclasses import dataclass
from typing import Final

from tidemill.bench.figures import rates
from tidemill.bench.scenario import Cases, Scenario
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import stepped

_SIZES: Final = {"0.2 KB": 200, "4 KB": 4_000, "64 KB": 64_000}
_FULL_BYTES_MAX: Final = 4_000


@dataclass(frozen=True, kw_only=True)
class Payloads(Scenario):
    """Texts of 0.2, 4 and 64 KB that every step takes and hands on; a tenth of the executions for 64 KB."""

    name = "payloads"

    executions: int = 1_000
    steps: int = 5

    async def run(self, stage: Stage) -> Cases:
        """One size after the other."""
        found = {}
        for case, size_bytes in _SIZES.items():
            workflow = stepped(f"payload-{size_bytes}", self.steps, payload_bytes=size_bytes)
            await stage.publish(workflow)
            executions = self.executions if size_bytes <= _FULL_BYTES_MAX else max(self.executions // 10, 1)
            load = await stage.run_all(workflow, executions)
            steps = executions * self.steps
            carried = {"carried_mb_per_s": round(steps * size_bytes / load.seconds / 1e6, 2)}
            found[case] = {**rates(load, executions=executions, steps=steps), **carried}
        return found
