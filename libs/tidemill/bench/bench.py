"""The plain benchmark from start to end: a stack of its own, one execution after the other, all at once."""

from contextlib import AbstractAsyncContextManager

from tidemill.bench.beds import Bed
from tidemill.bench.checking import check_stage
from tidemill.bench.result import Result
from tidemill.bench.stage import Say, Stage
from tidemill.bench.workload import ALONE, LOADED, Workload


async def run_bench(bed: AbstractAsyncContextManager[Bed], workload: Workload, say: Say) -> Result:
    """Bring a stack up, measure, check, and tear it down. `say` takes a line about each phase.

    Raises StackError, ServerMissingError and TidemillError.
    """
    async with bed as up:
        return await measure(up, workload, say)


async def measure(bed: Bed, workload: Workload, say: Say) -> Result:
    """Measure a stack that nothing else uses."""
    stage = Stage(bed, say)
    alone, loaded = workload.workflow(ALONE), workload.workflow(LOADED)
    await stage.publish(alone, loaded)
    say(f"{workload.alone} executions, one after the other")
    alone_ms = await stage.run_alone(alone, workload.alone)
    say(f"{workload.executions} executions at once")
    load = await stage.run_all(loaded, workload.executions)
    say("counting what was done")
    # Its client has seen every execution end: nothing is left that could still settle.
    faults = await check_stage(stage, tries=1)
    return Result(workload=workload, alone_ms=alone_ms, load=load, durability=bed.durability, faults=faults)
