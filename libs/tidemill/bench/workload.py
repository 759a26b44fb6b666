"""What the benchmark runs: a workflow of so many calls that do nothing, and the commands that start it."""

from dataclasses import dataclass
from typing import Final

from tidemill.api.engine.v1.execution_service_pb2 import StartRequest, SubmitCommand
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.json import Json, dumps

NAMESPACE: Final = "bench"
ALONE: Final = "alone"
LOADED: Final = "loaded"
ACTION: Final = "tidemill.noop:1.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How much to run. `payload_bytes` is the size of the text that every step carries."""

    executions: int = 2_000
    steps: int = 5
    payload_bytes: int = 200
    alone: int = 100

    def document(self, name: str) -> bytes:
        """The workflow `name`: each step hands the payload to the action, and on to the next step."""
        tasks: list[Json] = [
            {
                f"step{number}": {
                    "call": ACTION,
                    "with": {"payload": "${ .payload }"},
                    "output": {"as": "${ $input }"},
                }
            }
            for number in range(1, self.steps + 1)
        ]
        header: Json = {"dsl": "1.0.3", "namespace": NAMESPACE, "name": name, "version": "1.0.0"}
        return dumps({"document": header, "do": tasks})

    def start(self, name: str) -> StartRequest:
        """Start one execution of the workflow `name`."""
        payload = Payload(data=dumps({"payload": "x" * self.payload_bytes}))
        return StartRequest(namespace=NAMESPACE, workflow=name, version="1.0.0", input=payload)

    def commands(self, count: int) -> list[SubmitCommand]:
        """So many starts under load."""
        return [SubmitCommand(start=self.start(LOADED)) for _ in range(count)]
