"""How much the plain benchmark runs: a workflow of so many calls that do nothing, alone and under load."""

from dataclasses import dataclass
from typing import Final

from tidemill.bench.workflows import PAYLOAD_BYTES, Workflow, stepped

ALONE: Final = "alone"
LOADED: Final = "loaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How much to run. `payload_bytes` is the size of the text that every step carries."""

    executions: int = 2_000
    steps: int = 5
    payload_bytes: int = PAYLOAD_BYTES
    alone: int = 100

    def workflow(self, name: str) -> Workflow:
        """The workflow `name`: each step hands the payload to the action, and on to the next step."""
        return stepped(name, self.steps, payload_bytes=self.payload_bytes)
