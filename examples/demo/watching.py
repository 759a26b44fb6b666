"""Waits until everything that was set going has ended."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from examples.demo.expectations import Expectation
from examples.demo.stage import NAMESPACE, Stage
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.client.client import Client
from tidemill.client.executions import CLOSED_PHASES

_POLL_SECONDS: Final = 0.5
_PAGE_SIZE: Final = 1_000
# The longest wait in the workflows, the longest delay of a retry and a restart are well below this.
QUIET_SECONDS: Final = 30.0


async def all_executions(client: Client) -> list[Execution]:
    """Every execution of the namespace."""
    request = pb.ExecutionServiceListRequest(namespace=NAMESPACE, page_size=_PAGE_SIZE)
    return [execution async for page in client.executions.pages(request) for execution in page]


async def until_over(
    stage: Stage, expectation: Expectation, say: Callable[[int, int], None] | None = None
) -> list[Execution]:
    """Return all executions once those that are expected are there and closed.

    Gives up, and returns them as they are, when nothing has happened for QUIET_SECONDS. `say` is told how
    many have closed and how many effects there are.
    """
    wanted = expectation.executions.total()
    seen = (-1, -1)
    since = time.monotonic()
    while True:
        executions = await all_executions(stage.client)
        closed = sum(execution.phase in CLOSED_PHASES for execution in executions)
        now = (closed, stage.provider.effects().made)
        if say is not None:
            say(*now)
        if closed == len(executions) >= wanted:
            return executions
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > QUIET_SECONDS:
            return executions
        await asyncio.sleep(_POLL_SECONDS)
