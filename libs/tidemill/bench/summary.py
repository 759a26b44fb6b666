"""The same figures of several runs in one: median, least and most."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidemill.bench.scenario import Cases

_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Summary:
    """One figure over its runs."""

    median: float
    least: float
    most: float


# Summaries by case and figure.
Summaries = Mapping[str, Mapping[str, Summary]]


def summarise(runs: Sequence[Cases]) -> dict[str, dict[str, Summary]]:
    """Every figure over the runs that have it."""
    found: dict[str, dict[str, list[float]]] = {}
    for cases in runs:
        for case, figures in cases.items():
            for figure, value in figures.items():
                found.setdefault(case, {}).setdefault(figure, []).append(value)
    return {
        case: {figure: _summary(values) for figure, values in figures.items()}
        for case, figures in found.items()
    }


def _summary(values: Sequence[float]) -> Summary:
    return Summary(round(statistics.median(values), _DECIMALS), min(values), max(values))
