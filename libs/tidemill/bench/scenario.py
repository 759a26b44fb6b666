"""What a scenario is: one question to a stack that nothing else uses, answered in figures."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tidemill.bench.stage import Stage

# A figure by its name, which ends with its unit, and with a process behind a dot: `p99_ms`, `rss_mb.engine`.
Figures = Mapping[str, float]
# Figures by what was varied: "5 steps", "64 KB".
Cases = Mapping[str, Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The most, or the least, that a figure of a case may be."""

    case: str
    figure: str
    at_most: float | None = None
    at_least: float | None = None

    def is_met(self, value: float) -> bool:
        """Whether the value is within."""
        return (self.at_most is None or value <= self.at_most) and (
            self.at_least is None or value >= self.at_least
        )


@dataclass(frozen=True)
class Scenario(ABC):
    """Its fields are its parameters, each with its unit; its docstring says what it measures."""

    name: ClassVar[str]
    targets: ClassVar[Sequence[Target]] = ()

    def settings(self) -> Mapping[str, str]:
        """Variables of the services, where it needs other ones than users have."""
        return {}

    @abstractmethod
    async def run(self, stage: Stage) -> Cases:
        """Measure. What it has started has ended when it returns. Raises TidemillError and MeasureError."""


class MeasureError(Exception):
    """A scenario did not come to what it is about, on this machine with these parameters."""
