"""The benchmark from start to end: a stack of its own, both phases, the check."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from tidemill.bench.beds import Bed
from tidemill.bench.checking import check
from tidemill.bench.effects import effects_made
from tidemill.bench.phases import run_alone, submit_all, wait_until_closed
from tidemill.bench.processes import cost_of, memory_of
from tidemill.bench.result import Load, Result
from tidemill.bench.workload import ALONE, LOADED, Workload


async def run_bench(
    bed: AbstractAsyncContextManager[Bed], workload: Workload, say: Callable[[str], None]
) -> Result:
    """Bring a stack up, measure, check, and tear it down. `say` takes a line about each phase.

    Raises StackError, ServerMissingError and TidemillError.
    """
    async with bed as up:
        return await measure(up, workload, say)


async def measure(bed: Bed, workload: Workload, say: Callable[[str], None]) -> Result:
    """Measure a stack that nothing else uses."""
    for name in (ALONE, LOADED):
        await bed.client.definitions.publish(workload.document(name))
    say(f"{workload.alone} executions, one after the other")
    alone_ms = await run_alone(bed.client, workload)
    effects_before = await effects_made(bed.action_metrics)
    say(f"{workload.executions} executions at once")
    load, execution_ids = await _run_loaded(bed, workload)
    say("counting what was done")
    faults = await check(bed.environment, workload, execution_ids)
    effects = await effects_made(bed.action_metrics) - effects_before
    wanted = workload.executions * workload.steps
    if effects != wanted:
        faults.append(f"{effects} effects were made, not {wanted}")
    return Result(workload=workload, alone_ms=alone_ms, load=load, durability=bed.durability, faults=faults)


async def _run_loaded(bed: Bed, workload: Workload) -> tuple[Load, list[str]]:
    """Run everything at once; what it cost, and the executions' ids."""
    before = cost_of(bed.pids, bed.families)
    begun = time.perf_counter()
    results = await submit_all(bed.client, workload)
    await wait_until_closed(bed.client, results)
    seconds = time.perf_counter() - begun
    used = {name: after - before[name] for name, after in cost_of(bed.pids, bed.families).items()}
    load = Load(seconds=seconds, cpu_seconds=used, peak_rss_mb=memory_of(bed.pids, bed.families))
    return load, [result.execution_id for result in results]
