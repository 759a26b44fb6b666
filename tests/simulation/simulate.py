"""Play seeds: `python -m tests.simulation.simulate --seeds 1000`, or one of them again with `--seed S -v`."""

import argparse
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from typing import Final

import structlog

from tests.simulation.cluster.mistakes import MISTAKES
from tests.simulation.cluster.runs import Outcome, play

COMMAND: Final = "python -m tests.simulation.simulate"
SEEDS_A_PIECE: Final = 20
_CRITICAL: Final = 50


def main(arguments: list[str] | None = None) -> int:
    """Play what is asked for; 1 when a seed has failed."""
    asked = _parser().parse_args(arguments)
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of texts have another order in every process, unless this says otherwise.
        command = [sys.executable, "-m", "tests.simulation.simulate", *(arguments or sys.argv[1:])]
        os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": "0"})
    if asked.seed is not None:
        return _one(asked.seed, asked.mistake, is_told=asked.v)
    first = int(time.time()) if asked.new else asked.first
    return _many(range(first, first + asked.seeds), asked.mistake, asked.processes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="SEED", help="the first one")
    parser.add_argument("--new", action="store_true", help="seeds that nobody has played: from the time on")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("-v", action="store_true", help="tell everything that happens in it")
    parser.add_argument("--mistake", choices=sorted(MISTAKES), help="put an error into the engine first")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return parser


def _one(seed: int, mistake: str | None, *, is_told: bool) -> int:
    outcome = _play([seed], mistake, is_told=is_told)[0]
    for line in outcome.trace:
        _say(line)
    sizes = f"{outcome.commits} commits, {outcome.steps} steps, digest {outcome.digest:08x}"
    _say(f"seed {seed}: {sizes}; {_listed(outcome.faults)}")
    if outcome.violation is None:
        return 0
    _say(outcome.violation)
    return 1


def _many(seeds: range, mistake: str | None, processes: int) -> int:
    began = time.monotonic()
    faults: Counter[str] = Counter()
    commits = played = 0
    for outcome in _outcomes(seeds, mistake, processes):
        played += 1
        commits += outcome.commits
        faults += outcome.faults
        if outcome.violation is not None:
            _say(f"seed {outcome.seed}: {outcome.violation}")
            extra = f" --mistake {mistake}" if mistake else ""
            _say(f"again: {COMMAND} --seed {outcome.seed} -v{extra}")
            return 1
    took = time.monotonic() - began
    _say(f"{played} seeds from {seeds.start}: {commits} commits, {played / took * 60:.0f} seeds a minute")
    _say(_listed(faults))
    return 0


def _outcomes(seeds: range, mistake: str | None, processes: int) -> Iterator[Outcome]:
    if processes == 1:
        for seed in seeds:
            yield from _play([seed], mistake)
        return
    pieces = [seeds[place : place + SEEDS_A_PIECE] for place in range(0, len(seeds), SEEDS_A_PIECE)]
    with ProcessPoolExecutor(processes) as pool:
        try:
            for outcomes in pool.map(_play, pieces, [mistake] * len(pieces)):
                yield from outcomes
        finally:
            pool.shutdown(cancel_futures=True)


def _play(seeds: Iterable[int], mistake: str | None, *, is_told: bool = False) -> list[Outcome]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_CRITICAL))
    gc.disable()
    with ExitStack() as stack:
        if mistake is not None:
            stack.enter_context(MISTAKES[mistake]())
        outcomes = [play(seed, is_told=is_told) for seed in seeds]
    gc.collect()
    return outcomes


def _listed(faults: Counter[str]) -> str:
    return ", ".join(f"{count} {fault}" for fault, count in sorted(faults.items()))


def _say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
