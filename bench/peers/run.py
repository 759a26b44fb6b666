"""Other engines on this machine with the work of our own benchmark; see README.md beside this file.

python bench/peers/run.py [--peer NAME] [--executions N] [--runs K] [--beside] [--json FILE]
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from setups import SETUPS, STEPS

from tidemill.bench.beds import embedded_bed
from tidemill.bench.bench import run_bench
from tidemill.bench.processes import cost_of
from tidemill.bench.result import percentile
from tidemill.bench.workflows import PAYLOAD_BYTES
from tidemill.bench.workload import Workload
from tidemill.testing.servers import ServerFailedError, ServerMissingError

WARM_UP = 50
ALONE = 100
EXECUTIONS_MAX = 20_000
OURS = "Tidemill, embedded"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One run, or the medians of several. As `bench/README.md` says what is written of a peer."""

    peer: str
    version: str
    steps_per_s: float
    cpu_s_per_1k_steps: float
    p50_ms: float
    p99_ms: float
    durability: str
    executions: int
    steps: int = STEPS
    payload_bytes: int = PAYLOAD_BYTES
    runs: int = 1
    note: str = ""


def measure(peer: str, executions: int) -> Figures:
    """Bring the peer up, measure it alone and under load, and tear it down."""
    with SETUPS[peer]() as setup:
        # The first ones find connections to open and code to compile.
        setup.client.alone_ms(WARM_UP)
        alone_ms = setup.client.alone_ms(ALONE)
        before = cost_of({}, setup.counted)
        seconds = setup.client.load_seconds(executions)
        used = sum(cost_of({}, setup.counted).values()) - sum(before.values())
    steps = executions * STEPS
    return Figures(
        peer=setup.peer,
        version=setup.version,
        steps_per_s=round(steps / seconds, 1),
        cpu_s_per_1k_steps=round(used * 1000 / steps, 4),
        p50_ms=round(percentile(alone_ms, 50), 2),
        p99_ms=round(percentile(alone_ms, 99), 2),
        durability=setup.durability,
        executions=executions,
    )


def measure_ours(executions: int) -> Figures:
    """The same work by our own benchmark, on files."""
    alone = WARM_UP + ALONE
    workload = Workload(executions=executions, steps=STEPS, payload_bytes=PAYLOAD_BYTES, alone=alone)
    result = asyncio.run(run_bench(embedded_bed(), workload, lambda _: None))
    if not result.checked:
        raise ServerFailedError("; ".join(result.faults))
    steps = executions * STEPS
    alone_ms = result.alone_ms[WARM_UP:]
    return Figures(
        peer=OURS,
        version="",
        steps_per_s=round(steps / result.load.seconds, 1),
        cpu_s_per_1k_steps=round(sum(result.load.cpu_seconds.values()) * 1000 / steps, 4),
        p50_ms=round(percentile(alone_ms, 50), 2),
        p99_ms=round(percentile(alone_ms, 99), 2),
        durability=result.durability,
        executions=executions,
    )


def median(runs: Sequence[Figures], note: str = "") -> Figures:
    """The median of each figure."""
    names = ("steps_per_s", "cpu_s_per_1k_steps", "p50_ms", "p99_ms")
    figures = {name: statistics.median(getattr(run, name) for run in runs) for name in names}
    return Figures(**{**asdict(runs[0]), **figures, "runs": len(runs), "note": note})


def compare(peer: str, arguments: argparse.Namespace) -> Figures:
    """The peer's medians; beside ours, in turns, where that is asked for."""
    ours: list[Figures] = []
    theirs: list[Figures] = []
    for _ in range(arguments.runs):
        if arguments.beside:
            ours.append(measure_ours(arguments.executions))
            show(ours[-1])
        theirs.append(measure(peer, arguments.executions))
        show(theirs[-1])
    if not ours:
        return median(theirs)
    note = ratios(median(ours), median(theirs))
    print(note, flush=True)
    return median(theirs, note)


def ratios(ours: Figures, theirs: Figures) -> str:
    """How many times as much ours is."""
    return (
        f"{OURS}, measured in turns with it: "
        f"{ours.steps_per_s / theirs.steps_per_s:.2f} times its steps/s, "
        f"{ours.cpu_s_per_1k_steps / theirs.cpu_s_per_1k_steps:.2f} times its CPU time for a step, "
        f"{ours.p50_ms / theirs.p50_ms:.2f} times its p50 alone."
    )


def show(figures: Figures) -> None:
    """One line a run."""
    print(
        f"{figures.peer:26} {figures.steps_per_s:8,.0f} steps/s, {figures.cpu_s_per_1k_steps:6.3f} CPU-s per "
        f"1,000 steps, alone p50 {figures.p50_ms:.1f} ms, p99 {figures.p99_ms:.1f} ms",
        flush=True,
    )


def write(path: Path, found: Sequence[Figures]) -> None:
    """Write the medians; rows that the file has of other peers stay."""
    measured = {figures.peer for figures in found}
    there = json.loads(path.read_text()) if path.exists() else []
    rows = [row for row in there if row["peer"] not in measured] + [asdict(figures) for figures in found]
    path.write_text(json.dumps(rows, indent=2) + "\n")


def warn_when_busy() -> None:
    """Say so when the figures will be worth little."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 2:
        busy = f"this machine is busy (load {load:.1f} on {cores} cores)"
        print(f"{busy}: README.md says what figures are worth then", flush=True)


def bounded(text: str) -> int:
    """A count of executions."""
    count = int(text)
    if not 1 <= count <= EXECUTIONS_MAX:
        raise argparse.ArgumentTypeError(f"between 1 and {EXECUTIONS_MAX}")
    return count


def main() -> int:
    """Measure what is asked for; the exit code is 1 when a peer could not be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", choices=[*SETUPS, "all"], default="all")
    parser.add_argument("--executions", type=bounded, default=2_000)
    parser.add_argument("--runs", type=int, choices=range(1, 21), metavar="K", default=3)
    parser.add_argument("--beside", action="store_true", help="our own benchmark in turns with each peer")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the medians are written")
    arguments = parser.parse_args()
    warn_when_busy()
    found: list[Figures] = []
    missing = 0
    for peer in SETUPS if arguments.peer == "all" else [arguments.peer]:
        try:
            found.append(compare(peer, arguments))
        except (ServerMissingError, ServerFailedError) as error:
            missing += 1
            print(f"{peer} was not measured: {error}", file=sys.stderr, flush=True)
    if arguments.json is not None:
        write(arguments.json, found)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
