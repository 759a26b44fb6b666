"""`python -m tests.cost.measure`: what a step costs, as a line of JSON."""

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import structlog

from tests.cost.allocations import counted_allocations
from tests.cost.calibration import Calibration
from tests.cost.load import STEPS_A_BATCH, Load

ROOT: Final = Path(__file__).parents[2]
RUNS: Final = 5
BATCHES_A_RUN: Final = 5
# Before and after each batch: together they take about half as long as the batch.
ROUNDS: Final = 600
LOG_LEVEL_ERROR: Final = 40


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step costs: CPU time in rounds of the calibration, and blocks of memory allocated."""

    cpu_per_step: float
    allocations_per_step: float


def measure_apart(*, rounds_more: int = 0, blocks_more: int = 0) -> Cost:
    """Measure in a process of its own, where nothing is measured that other tests have left behind.

    With `..._more` each step does so much in addition.
    """
    command = [sys.executable, "-m", "tests.cost.measure", str(rounds_more), str(blocks_more)]
    # Sets of strings have one order and take one size.
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    ran = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return Cost(**json.loads(ran.stdout))


async def measure(rounds_more: int, blocks_more: int) -> Cost:
    """Run the load for its CPU time, then once more for its allocations."""
    calibration = Calibration()

    async def more() -> None:
        await calibration.run(rounds_more)
        _ = [object() for _ in range(blocks_more)]

    load = Load(more if rounds_more or blocks_more else None)
    await load.open()
    await calibration.run(ROUNDS)
    await load.run()
    # Whatever else the machine does only adds: the best run is the nearest to what the work itself takes.
    cpu_per_step = min([await _cpu_per_step(load, calibration) for _ in range(RUNS)])
    with counted_allocations() as allocations:
        await load.run()
    return Cost(round(cpu_per_step, 2), round(allocations.count / STEPS_A_BATCH, 2))


async def _cpu_per_step(load: Load, calibration: Calibration) -> float:
    """One run, in rounds of the calibration.

    The two take turns every few milliseconds, so that a machine that is slow for a moment is so for both.
    """
    # Collections of garbage come when they come; what gives rise to them is counted as allocations.
    gc.collect()
    gc.disable()
    load_ns = calibration_ns = 0
    for _ in range(BATCHES_A_RUN):
        began_ns = time.process_time_ns()
        await calibration.run(ROUNDS)
        calibrated_ns = time.process_time_ns()
        await load.run()
        loaded_ns = time.process_time_ns()
        await calibration.run(ROUNDS)
        calibration_ns += calibrated_ns - began_ns + time.process_time_ns() - loaded_ns
        load_ns += loaded_ns - calibrated_ns
    gc.enable()
    return (load_ns / STEPS_A_BATCH) / (calibration_ns / (2 * ROUNDS))


def main() -> None:
    """Measure, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds_more", type=int, nargs="?", default=0)
    parser.add_argument("blocks_more", type=int, nargs="?", default=0)
    arguments = parser.parse_args()
    # Standard output is for the figures.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(LOG_LEVEL_ERROR))
    cost = asyncio.run(measure(arguments.rounds_more, arguments.blocks_more))
    sys.stdout.write(json.dumps(asdict(cost)) + "\n")


if __name__ == "__main__":
    main()
