"""The workflows that scenarios run, and their starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tidemill.api.engine.v1.execution_service_pb2 import StartRequest
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.json import Json, dumps

NAMESPACE: Final = "bench"
VERSION: Final = "1.0.0"
ACTION: Final = "tidemill.noop:1.0.0"
# A text of so many bytes is what each step takes and gives, unless a scenario says otherwise.
PAYLOAD_BYTES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow, how many calls an execution of it makes, and the input that it is given."""

    name: str
    tasks: Sequence[Json]
    calls: int = 0
    input: Mapping[str, Json] = field(default_factory=dict)

    def document(self) -> bytes:
        """The document to publish."""
        header: Json = {"dsl": "1.0.3", "namespace": NAMESPACE, "name": self.name, "version": VERSION}
        return dumps({"document": header, "do": list(self.tasks)})

    def start(self, *, subject: str = "", more: Mapping[str, Json] | None = None) -> StartRequest:
        """Start one execution, its own lane without a subject; `more` stands beside the workflow's input."""
        payload = Payload(data=dumps({**self.input, **(more or {})}))
        return StartRequest(
            namespace=NAMESPACE, workflow=self.name, version=VERSION, subject=subject, input=payload
        )


def stepped(name: str, steps: int, *, payload_bytes: int = PAYLOAD_BYTES) -> Workflow:
    """So many calls of an action that does nothing: each gets the payload and hands it on."""
    return calling(
        name, steps, arguments={"payload": "${ .payload }"}, given={"payload": "x" * payload_bytes}
    )


def calling(
    name: str, steps: int, *, arguments: Mapping[str, Json], given: Mapping[str, Json], action: str = ACTION
) -> Workflow:
    """So many calls with these arguments, each of which hands on what it was given."""
    tasks: list[Json] = [
        {f"step{number}": {"call": action, "with": dict(arguments), "output": {"as": "${ $input }"}}}
        for number in range(1, steps + 1)
    ]
    return Workflow(name=name, tasks=tasks, calls=steps, input=given)


def trivial(name: str) -> Workflow:
    """One task without a call."""
    return Workflow(name=name, tasks=[{"note": {"set": {"done": True}}}])
