"""Ten thousand executions that wait for one type: each is resumed by its own event, and by no other."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson
import pytest

from tests.e2e.documents import named
from tests.waiting import eventually
from tidemill.api.engine.v1 import execution_pb2, lifecycle_service_pb2
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.events.v1.payload_pb2 import CloudEvent, Payload
from tidemill.bench.processes import cpu_seconds
from tidemill.client.calls import Patience
from tidemill.client.client import Client
from tidemill.stack.clients import client_of
from tidemill.stack.layout import Layout, Ports
from tidemill.stack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

WAITING: Final = 10_000
# Measured are so many events while all wait, and the last ones.
PART: Final = 1_000
BATCH: Final = 250
# Looking through all who wait would cost ten times as much for the first part as for the last.
RATIO_MAX: Final = 3.0
ORDER: Final = named(
    "order",
    """
    do:
    - paid:
        listen:
          to:
            one:
              with: {type: com.shop.paid}
              correlate:
                order: {from: .data.order, expect: '${ .order }'}
    """,
)


def starts() -> list[pb.SubmitCommand]:
    """One execution an order, each in a lane of its own."""
    return [
        pb.SubmitCommand(
            start=pb.StartRequest(
                workflow="order",
                subject=f"customer-{order}",
                request_id=f"order-{order}",
                input=Payload(data=orjson.dumps({"order": order})),
            )
        )
        for order in range(WAITING)
    ]


async def pay(client: Client, orders: Sequence[int]) -> None:
    """Send the events of these orders: their subject is the bank's, not the customer's."""
    for first in range(0, len(orders), BATCH):
        events = [
            CloudEvent(
                id=f"payment-{order}",
                source="/bank",
                type="com.shop.paid",
                subject="bank",
                data=orjson.dumps({"order": order, "cents": 7 * order}),
            )
            for order in orders[first : first + BATCH]
        ]
        outcomes = await client.events.publish("tests", events)
        assert not any(outcome.HasField("error") for outcome in outcomes)


class Ends:
    """The executions that have completed, as their lifecycle events tell."""

    def __init__(self, client: Client) -> None:
        self.completed: set[str] = set()
        self._client = client

    async def follow(self) -> None:
        """Take note of all ends, also over a lost connection."""
        request = lifecycle_service_pb2.SubscribeRequest(
            namespace="tests", types=["io.serverlessworkflow.workflow.completed.v1"]
        )
        request.start = lifecycle_service_pb2.LIFECYCLE_START_BEGINNING
        async for answer in self._client.lifecycle.follow(request):
            self.completed.update(event.id.partition("/")[0] for event in answer.events)

    async def until(self, count: int) -> None:
        """Return once so many have completed."""
        await eventually(lambda: len(self.completed) >= count, seconds=60)


async def start_all(client: Client) -> None:
    """Start all, and return when each has begun to wait."""
    results = await client.executions.submit("tests", starts())
    for result in {result.position.shard: result for result in results}.values():
        await client.executions.get(result.execution_id, at_least=result.position)


async def cost_of(client: Client, stack: Stack, orders: Sequence[int], ends: Ends) -> float:
    """CPU seconds of the Engine for these payments, until all who wait for them have completed."""
    pids = {"engine": stack.process("engine").pid}
    before, completed = cpu_seconds(pids)["engine"], len(ends.completed)
    await pay(client, orders)
    await ends.until(completed + len(orders))
    return cpu_seconds(pids)["engine"] - before


async def outputs(client: Client) -> dict[str, object]:
    """What each subject's execution gave, where it has completed."""
    request = pb.ExecutionServiceListRequest(namespace="tests", workflow="order", page_size=1_000)
    return {
        execution.subject: orjson.loads(execution.output.data)
        async for page in client.executions.pages(request)
        for execution in page
        if execution.phase == execution_pb2.EXECUTION_PHASE_COMPLETED
    }


@pytest.mark.timeout(180)
async def test_each_of_ten_thousand_is_resumed_by_its_own_event(tmp_path: Path) -> None:
    stack = Stack(Layout(data=tmp_path, ports=Ports.free()))
    orders = list(range(WAITING))
    random.Random(3).shuffle(orders)
    patience = Patience(call_seconds=60.0, away_seconds=60.0)
    async with client_of(stack.layout, patience=patience) as client:
        await stack.start()
        try:
            await client.definitions.publish(ORDER.encode())
            ends = Ends(client)
            following = asyncio.create_task(ends.follow())
            await start_all(client)
            first = await cost_of(client, stack, orders[:PART], ends)
            # The others come while the Engine is killed: what it has acknowledged, it does not forget.
            half = WAITING // 2
            await pay(client, orders[PART:half])
            await stack.kill("engine")
            await stack.restart("engine")
            await pay(client, orders[half:-PART])
            await ends.until(WAITING - PART)
            last = await cost_of(client, stack, orders[-PART:], ends)
            following.cancel()
            found = await outputs(client)
        finally:
            await stack.kill_all()
    assert found == {f"customer-{order}": [{"order": order, "cents": 7 * order}] for order in orders}
    assert len(ends.completed) == WAITING
    assert first <= RATIO_MAX * last, f"{first:.2f} s with all waiting, {last:.2f} s at the end"
