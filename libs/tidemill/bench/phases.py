"""The two phases: executions one after the other, then all at once."""

import asyncio
import itertools
import time
from collections.abc import Iterable, Sequence
from typing import Final

from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.position_pb2 import Position
from tidemill.bench.workload import ALONE, LOADED, NAMESPACE, Workload
from tidemill.client.client import Client
from tidemill.errors import from_item_error

_BATCH_COMMANDS: Final = 250
_BATCHES_IN_FLIGHT: Final = 4
_SUBMIT_SECONDS_MAX: Final = 120.0
# Rare enough to cost the engine nothing, often enough to be within one percent of a run of some seconds.
_POLL_SECONDS: Final = 0.05
_OPEN_PHASES: Final = (
    execution_pb2.EXECUTION_PHASE_PENDING,
    execution_pb2.EXECUTION_PHASE_RUNNING,
    execution_pb2.EXECUTION_PHASE_WAITING,
    execution_pb2.EXECUTION_PHASE_SUSPENDED,
)


async def run_alone(client: Client, workload: Workload) -> list[float]:
    """Run executions one by one; each one's milliseconds from Start until it is seen closed."""
    latencies_ms: list[float] = []
    for _ in range(workload.alone):
        begun = time.perf_counter()
        started = await client.executions.start(workload.start(ALONE))
        await client.executions.wait_ended(started, namespace=NAMESPACE)
        latencies_ms.append((time.perf_counter() - begun) * 1000)
    return latencies_ms


async def submit_all(client: Client, workload: Workload) -> list[pb.SubmitResult]:
    """Submit every execution, some batches in flight at a time. Raises TidemillError when one is refused."""
    commands = workload.commands(workload.executions)
    slots = asyncio.Semaphore(_BATCHES_IN_FLIGHT)

    async def submit(batch: Sequence[pb.SubmitCommand]) -> list[pb.SubmitResult]:
        async with slots:
            return await client.executions.submit(NAMESPACE, batch, seconds=_SUBMIT_SECONDS_MAX)

    starts = range(0, len(commands), _BATCH_COMMANDS)
    answers = await asyncio.gather(*(submit(commands[at : at + _BATCH_COMMANDS]) for at in starts))
    results = list(itertools.chain.from_iterable(answers))
    for result in results:
        if result.HasField("error"):
            raise from_item_error(result.error)
    return results


async def wait_until_closed(client: Client, results: Iterable[pb.SubmitResult]) -> None:
    """Return once no execution under load is open any more."""
    # A start that is accepted but not yet applied is in no list: first every shard must have come so far.
    for position in _last_positions(results):
        await _any_open(client, position)
    while await _any_open(client, None):  # noqa: ASYNC110 - the engine has no such event to offer
        await asyncio.sleep(_POLL_SECONDS)


def _last_positions(results: Iterable[pb.SubmitResult]) -> list[Position]:
    last: dict[int, Position] = {}
    for result in results:
        seen = last.get(result.position.shard)
        if seen is None or seen.offset < result.position.offset:
            last[result.position.shard] = result.position
    return list(last.values())


async def _any_open(client: Client, at_least: Position | None) -> bool:
    request = pb.ExecutionServiceListRequest(
        namespace=NAMESPACE, workflow=LOADED, phases=_OPEN_PHASES, page_size=1, at_least=at_least
    )
    async for page in client.executions.pages(request):
        return bool(page)
    return False
