"""The two phases: executions one after the other, then all at once."""

import time
from collections.abc import Iterable

from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.bench.loads import submit, until_closed
from tidemill.bench.workload import ALONE, LOADED, NAMESPACE, Workload
from tidemill.client.client import Client


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
    return await submit(client, workload.commands(workload.executions))


async def wait_until_closed(client: Client, results: Iterable[pb.SubmitResult]) -> None:
    """Return once no execution under load is open any more."""
    await until_closed(client, LOADED, results)
