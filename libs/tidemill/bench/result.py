"""The figures of a benchmark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tidemill.bench.workload import Workload
from tidemill.json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The loaded phase: from the first command sent to the last execution seen closed."""

    seconds: float
    cpu_seconds: dict[str, float]
    peak_rss_mb: dict[str, float]

    def cpu_seconds_per_1k(self, steps: int) -> dict[str, float]:
        """What 1,000 of so many steps took, by process and in all (`total`)."""
        used = {"total": sum(self.cpu_seconds.values()), **self.cpu_seconds}
        return {name: round(seconds * 1000 / steps, 4) for name, seconds in used.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything that was measured. `faults` is what the check found lost or doubled."""

    workload: Workload
    alone_ms: Sequence[float]
    load: Load
    durability: str
    faults: Sequence[str] = field(default_factory=tuple)

    @property
    def checked(self) -> bool:
        return not self.faults

    def to_json(self) -> dict[str, Json]:
        """As `bench --json` prints it."""
        executions, steps = self.workload.executions, self.workload.executions * self.workload.steps
        return {
            "executions_per_s": round(executions / self.load.seconds, 1),
            "steps_per_s": round(steps / self.load.seconds, 1),
            "p50_ms": round(percentile(self.alone_ms, 50), 2),
            "p99_ms": round(percentile(self.alone_ms, 99), 2),
            "cpu_s_per_1k_steps": {**self.load.cpu_seconds_per_1k(steps)},
            "peak_rss_mb": {**self.load.peak_rss_mb},
            "durability": self.durability,
            "checked": self.checked,
            "executions": executions,
            "steps": self.workload.steps,
            "payload_bytes": self.workload.payload_bytes,
        }


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]
