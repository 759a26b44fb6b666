"""Load at a fixed rate, whatever becomes of what was sent: an open loop, as the outside is one.

A latency counts from when a start was due, not from when it could be sent: who is late has waited
(coordinated omission).
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Final

from tidemill.api.engine.v1.execution_service_pb2 import StartRequest
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import NAMESPACE, Workflow

_TICK_SECONDS: Final = 0.02


async def offer(
    send: Callable[[int], Coroutine[object, object, None]], *, per_s: float, seconds: float
) -> int:
    """Call `send` with how many are due, some times a second, without waiting for it; how many in all.

    Returns once all that was sent is answered.
    """
    begun, sent = time.perf_counter(), 0
    answers: list[asyncio.Task[None]] = []
    while (passed := time.perf_counter() - begun) < seconds:
        due = int(passed * per_s) - sent
        if due > 0:
            sent += due
            answers.append(asyncio.create_task(send(due)))
        await asyncio.sleep(_TICK_SECONDS)
    await asyncio.gather(*answers)
    return sent


@asynccontextmanager
async def probing(
    stage: Stage,
    workflow: Workflow,
    *,
    per_s: float,
    start: Callable[[], StartRequest] | None = None,
) -> AsyncIterator[list[float]]:
    """Meanwhile start executions one by one at a fixed rate; the milliseconds that each took until it was
    seen closed. At the end all have ended."""
    found: list[float] = []
    probes = asyncio.create_task(_probe(stage, workflow, per_s, found, start or workflow.start))
    try:
        yield found
    finally:
        probes.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await probes


async def _probe(
    stage: Stage, workflow: Workflow, per_s: float, found: list[float], start: Callable[[], StartRequest]
) -> None:
    begun, running, number = time.perf_counter(), set[asyncio.Task[None]](), 0
    try:
        while True:
            due = begun + number / per_s
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            running.add(asyncio.create_task(_probe_once(stage, workflow, due, found, start())))
            number += 1
    finally:
        # What was begun counts, also what takes longer than the rest.
        await asyncio.gather(*running)


async def _probe_once(
    stage: Stage, workflow: Workflow, due: float, found: list[float], start: StartRequest
) -> None:
    started = await stage.client.executions.start(start)
    stage.journal.accepted(workflow, [started])
    await stage.client.executions.wait_ended(started, namespace=NAMESPACE)
    found.append((time.perf_counter() - due) * 1000)
