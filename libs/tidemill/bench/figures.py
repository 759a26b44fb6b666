"""Figures out of what was measured; each name ends with its unit, and with a process behind a dot."""

from collections.abc import Sequence

from tidemill.bench.result import Load, percentile
from tidemill.bench.scenario import MeasureError


def rates(load: Load, *, executions: int, steps: int) -> dict[str, float]:
    """How fast a load went, and what it cost."""
    return {
        "steps_per_s": round(steps / load.seconds, 1),
        "executions_per_s": round(executions / load.seconds, 1),
        **costs(load, steps),
    }


def costs(load: Load, steps: int) -> dict[str, float]:
    """CPU seconds for 1,000 steps, in all and by process."""
    name, used = "cpu_s_per_1k_steps", load.cpu_seconds_per_1k(steps)
    total = used.pop("total")
    return {name: total, **{f"{name}.{process}": seconds for process, seconds in used.items()}}


def latencies(milliseconds: Sequence[float]) -> dict[str, float]:
    """The median and the 99th percentile; raises MeasureError where there are none."""
    if not milliseconds:
        raise MeasureError("no execution was measured: take more, or measure for longer")
    return {
        "p50_ms": round(percentile(milliseconds, 50), 2),
        "p99_ms": round(percentile(milliseconds, 99), 2),
    }
