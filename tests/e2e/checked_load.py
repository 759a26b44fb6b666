"""A load with every kind of task for the tests of the checker, and what the outside knows of it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import orjson
import pytest

from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.events.v1.payload_pb2 import CloudEvent, Payload
from tidemill.checking.expected import Expectations
from tidemill.client.client import Client
from tidemill.errors import TidemillError

RUNS: Final = 8
# Of each run three parts, one of both branches, one told, one after the error.
EFFECTS_A_RUN: Final = 6
# A run, its three parts, and the one that is told.
EXECUTIONS_A_RUN: Final = 5
EVERY_KIND: Final = Path(__file__).parent / "workflows" / "every-kind.yaml"
SLEEPER: Final = """
document: {dsl: 1.0.3, namespace: tests, name: sleeper, version: 1.0.0}
do:
- rest: {wait: {hours: 1}}
"""
LISTENER: Final = """
document: {dsl: 1.0.3, namespace: tests, name: listener, version: 1.0.0}
do:
- go: {listen: {to: {one: {with: {type: com.example.never}}}}}
"""
# Two that do not end.
OPEN: Final = ("sleeper", "listener")


async def load(client: Client, expected: Expectations, interrupt: Callable[[], Awaitable[None]]) -> None:
    """Start runs, interrupt the services midway, send the events that are waited for, await all ends.

    What was accepted is added to `expected`.
    """
    for document in [*EVERY_KIND.read_text().split("\n---\n"), SLEEPER, LISTENER]:
        await client.definitions.publish(document.encode())
    for workflow in OPEN:
        expected.starts[(await _start(client, workflow, "someone")).execution_id] = ""
    names = [f"run-{number}" for number in range(RUNS)]
    started = [await _start(client, "every-kind", name) for name in names]
    expected.starts.update({answer.execution_id: "completed" for answer in started})
    await asyncio.sleep(0.3)
    await interrupt()
    for name in names:
        events = _events(name)
        # Twice, as by a caller who has not heard the answer.
        for _ in range(2):
            await client.events.publish("tests", events)
        expected.events.update({("/test", event.id): 1 for event in events})
    for answer in started:
        await client.executions.wait_ended(answer)
    with pytest.raises(TidemillError):
        await client.executions.resume(
            pb.ResumeRequest(namespace="tests", execution_id=started[0].execution_id)
        )


async def _start(client: Client, workflow: str, subject: str) -> pb.StartResponse:
    value = Payload(data=orjson.dumps({"run": subject}))
    return await client.executions.start(
        pb.StartRequest(namespace="tests", workflow=workflow, subject=subject, input=value)
    )


def _events(name: str) -> list[CloudEvent]:
    """The two events that a run waits for: one of its own lane, one that is found by its value."""
    data = orjson.dumps({"run": name})
    return [
        CloudEvent(id=f"go-{name}", source="/test", type="com.example.go", subject=name, data=data),
        CloudEvent(id=f"paid-{name}", source="/test", type="com.example.paid", subject="bank", data=data),
    ]
