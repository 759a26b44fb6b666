"""The benchmark from start to end: a stack of its own, both phases, the check."""

import time
from collections.abc import Callable
from typing import Final

from tidemill.bench.checking import check
from tidemill.bench.effects import effects_made
from tidemill.bench.phases import run_alone, submit_all, wait_until_closed
from tidemill.bench.processes import cpu_seconds, peak_rss_mb
from tidemill.bench.result import Load, Result
from tidemill.bench.workload import ALONE, LOADED, Workload
from tidemill.client.calls import Patience
from tidemill.client.client import Client
from tidemill.stack.clients import client_of
from tidemill.stack.layout import SERVICES
from tidemill.stack.ports import free_ports
from tidemill.stack.stack import Stack, private_stack

DURABILITY: Final = (
    "SQLite, WAL, synchronous=FULL: every acknowledged command and every step is fsynced (group commit), "
    "every effect claimed before and recorded after"
)
_PATIENCE: Final = Patience(call_seconds=120.0)


async def run_bench(workload: Workload, say: Callable[[str], None]) -> Result:
    """Bring a stack up, measure, check, and tear it down. `say` takes a line about each phase.

    Raises StackError and TidemillError.
    """
    (metrics_port,) = free_ports(1)
    settings = {"TIDEMILL_ACTIONS_METRICS_PORT": str(metrics_port)}
    async with (
        private_stack(settings=settings) as stack,
        client_of(stack.layout, patience=_PATIENCE) as client,
    ):
        await stack.until_healthy(*SERVICES)
        for name in (ALONE, LOADED):
            await client.definitions.publish(workload.document(name))
        say(f"{workload.alone} executions, one after the other")
        alone_ms = await run_alone(client, workload)
        effects_before = await effects_made(metrics_port)
        say(f"{workload.executions} executions at once")
        load, execution_ids = await _run_loaded(stack, client, workload)
        say("counting what was done")
        faults = await check(client, workload, execution_ids)
        effects = await effects_made(metrics_port) - effects_before
        wanted = workload.executions * workload.steps
        if effects != wanted:
            faults.append(f"{effects} effects were made, not {wanted}")
    return Result(workload=workload, alone_ms=alone_ms, load=load, durability=DURABILITY, faults=faults)


async def _run_loaded(stack: Stack, client: Client, workload: Workload) -> tuple[Load, list[str]]:
    """Run everything at once; what it cost, and the executions' ids."""
    pids = {str(name): pid for name, pid in stack.pids().items()}
    cpu_before = cpu_seconds(pids)
    begun = time.perf_counter()
    results = await submit_all(client, workload)
    await wait_until_closed(client, results)
    seconds = time.perf_counter() - begun
    used = {name: after - cpu_before[name] for name, after in cpu_seconds(pids).items()}
    load = Load(seconds=seconds, cpu_seconds=used, peak_rss_mb=peak_rss_mb(pids))
    return load, [result.execution_id for result in results]
