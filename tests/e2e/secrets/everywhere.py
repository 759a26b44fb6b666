"""All that a stack shows of an execution: metrics, lifecycle events, and every read of its services that a
console makes."""

import asyncio
from collections.abc import Sequence
from urllib.request import urlopen

from tests.e2e.running import Report, RunningStack
from tidemill.api.engine.v1 import execution_service_pb2 as executions
from tidemill.api.engine.v1 import lifecycle_service_pb2 as lifecycle
from tidemill.namespaces import ANY_NAMESPACE


def shown(stack: RunningStack, report: Report, metrics_ports: Sequence[int]) -> dict[str, bytes]:
    """What `assert_nowhere` does not look into by itself, by where it stands."""
    return {**stack.wait(_answers(stack, report)), **_metrics(metrics_ports)}


def _metrics(ports: Sequence[int]) -> dict[str, bytes]:
    found = {}
    for port in ports:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            found[f"metrics {port}"] = answer.read()
    return found


async def _answers(stack: RunningStack, report: Report) -> dict[str, bytes]:
    client, execution_id = stack.client, report.execution_id
    execution = await client.executions.get(execution_id)
    history = await client.executions.history(execution_id)
    watched = client.executions.watch(
        executions.WatchRequest(namespace=ANY_NAMESPACE, execution_id=execution_id)
    )
    request = executions.ExecutionServiceListRequest(namespace=ANY_NAMESPACE)
    pages = client.executions.pages(request)
    definition = await client.definitions.get(execution.namespace, execution.workflow, execution.version)
    return {
        "execution": execution.SerializeToString(),
        "events of its history": b"".join(event.SerializeToString() for event in history),
        "watch": b"".join([answer.SerializeToString() async for answer in watched]),
        "list": b"".join([each.SerializeToString() async for page in pages for each in page]),
        "definition": definition.SerializeToString(),
        "triggers": str(await client.triggers.list(ANY_NAMESPACE)).encode(),
        "dead letters": str(await client.dead_letters.list()).encode(),
        "actions": str(await client.actions.list(execution.namespace)).encode(),
        "lifecycle": await _lifecycle(stack),
    }


async def _lifecycle(stack: RunningStack) -> bytes:
    """All lifecycle events so far: a heartbeat says that there are no more."""
    request = lifecycle.SubscribeRequest(namespace=ANY_NAMESPACE, start=lifecycle.LIFECYCLE_START_BEGINNING)
    events = b""
    async with asyncio.timeout(20):
        stream = stack.client.lifecycle.follow(request)
        async for message in stream:
            if events and not message.events:
                break
            events += message.SerializeToString()
        await stream.aclose()
    return events
