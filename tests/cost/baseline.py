"""`python -m tests.cost.baseline` measures what a step costs, and writes down that it may cost so much."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from statistics import median
from typing import Final

from tests.cost.measure import ROOT, Cost, measure_apart

BASELINE: Final = ROOT / "bench/baseline.json"
# A later Python runs the same code in other time and with other allocations: each has figures of its own.
PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
CPU_GROWTH_MAX: Final = 0.5
ALLOCATIONS_GROWTH_MAX: Final = 0.15
MEASUREMENTS: Final = 3


def read_baseline() -> Cost | None:
    """What is committed for this version of Python; None when nothing is."""
    found = _read().get(PYTHON)
    return Cost(**found) if found is not None else None


def write_baseline(cost: Cost) -> None:
    """Replace the figures of this version of Python; those of others stay."""
    figures = _read() | {PYTHON: asdict(cost)}
    BASELINE.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")


def _read() -> dict[str, dict[str, float]]:
    figures: dict[str, dict[str, float]] = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    return figures


def growth(cost: Cost, baseline: Cost) -> Iterator[str]:
    """A sentence for each figure that has grown by more than it may."""
    yield from _growth("CPU time", cost.cpu_per_step, baseline.cpu_per_step, CPU_GROWTH_MAX)
    yield from _growth(
        "allocations", cost.allocations_per_step, baseline.allocations_per_step, ALLOCATIONS_GROWTH_MAX
    )


def _growth(what: str, found: float, committed: float, growth_max: float) -> Iterator[str]:
    limit = committed * (1 + growth_max)
    if found > limit:
        yield (
            f"{what} per step: {found:g}, which is {found / committed - 1:.0%} more than the {committed:g} "
            f"of {BASELINE.relative_to(ROOT)}; at most {growth_max:.0%} more is allowed, which is {limit:.4g}"
        )


def main() -> None:
    """Measure a few times, and write down what lies in the middle."""
    costs = [measure_apart() for _ in range(MEASUREMENTS)]
    write_baseline(
        Cost(
            median(cost.cpu_per_step for cost in costs),
            median(cost.allocations_per_step for cost in costs),
        )
    )
    sys.stdout.write(f"{BASELINE.relative_to(ROOT)}: Python {PYTHON}: {read_baseline()}\n")


if __name__ == "__main__":
    main()
