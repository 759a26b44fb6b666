"""What several engines cost beside one: `python bench/coordination.py [--pairs N] [--executions N] [--json]`.

The bench's workflow on Kafka and Postgres with 24 shards, on one engine and on three, in pairs close in time.
Compared are steps per CPU-second of everything together: engines, actions, triggers, Kafka and Postgres.
"""

import argparse
import asyncio
import json
import statistics
import sys
from dataclasses import dataclass

from tidemill.bench.beds import kafka_bed
from tidemill.bench.bench import run_bench
from tidemill.bench.workload import Workload
from tidemill.stack.cluster_layout import Size

SHARDS = 24
RATIO_MIN = 0.8


@dataclass(frozen=True)
class Figures:
    """One run."""

    engines: int
    steps_per_s: float
    steps_per_cpu_s: float
    engine_cpu_s_per_1k: float
    checked: bool


async def measure(engines: int, executions: int) -> Figures:
    """Run the bench once on a fresh cluster."""
    bed = kafka_bed(Size(engines=engines, actions=1, triggers=1), shards=SHARDS)
    workload = Workload(executions=executions, alone=10)
    result = await run_bench(bed, workload, lambda _: None)
    steps = workload.executions * workload.steps
    used = result.load.cpu_seconds
    of_engines = sum(seconds for name, seconds in used.items() if name.startswith("engine"))
    return Figures(
        engines=engines,
        steps_per_s=steps / result.load.seconds,
        steps_per_cpu_s=steps / sum(used.values()),
        engine_cpu_s_per_1k=of_engines * 1000 / steps,
        checked=result.checked,
    )


def main() -> int:
    """Measure the pairs and print them; the exit code is 0 when three engines cost little more than one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--executions", type=int, default=6_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    ratios = []
    for pair in range(arguments.pairs):
        # Who comes first takes turns.
        order = (1, 3) if pair % 2 == 0 else (3, 1)
        found = {engines: asyncio.run(measure(engines, arguments.executions)) for engines in order}
        ratios.append(found[3].steps_per_cpu_s / found[1].steps_per_cpu_s)
        for engines in (1, 3):
            show(found[engines], as_json=arguments.json)
        print(f"pair {pair + 1}: {ratios[-1]:.1%}")
    median = statistics.median(ratios)
    print(f"median of {arguments.pairs} pairs: {median:.1%} (at least {RATIO_MIN:.0%})")
    return 0 if median >= RATIO_MIN else 1


def show(figures: Figures, *, as_json: bool) -> None:
    """One line a run."""
    if as_json:
        print(json.dumps(figures.__dict__))
    else:
        print(
            f"engines {figures.engines}: {figures.steps_per_s:8,.0f} steps/s, "
            f"{figures.steps_per_cpu_s:8,.0f} steps per CPU-second, "
            f"engines {figures.engine_cpu_s_per_1k:.3f} CPU-seconds per 1,000 steps, "
            f"checked {figures.checked}"
        )


if __name__ == "__main__":
    sys.exit(main())
