"""Counters, gauges and distributions that cost a tenth of a microsecond: plain numbers, read when scraped.

Each is written by one thread, which is what spares them the locks of the Prometheus client's own.
"""

from bisect import bisect_left
from itertools import accumulate


class CounterCell:
    """A counter bound to its labels."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def add(self, amount: float = 1) -> None:
        """Grow by `amount`."""
        self.value += amount


class GaugeCell:
    """A gauge bound to its labels."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def set(self, value: float) -> None:
        """Stand at `value` from now on."""
        self.value = value

    def add(self, amount: float) -> None:
        """Move up, or down by a negative amount."""
        self.value += amount


class DistributionCell:
    """A histogram bound to its labels; latencies are observed in seconds."""

    __slots__ = ("_bounds", "_counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum: float = 0

    def observe(self, value: float, times: int = 1) -> None:
        """Record `value`; `times` counts it for each of a batch's items at once."""
        self._counts[bisect_left(self._bounds, value)] += times
        self.sum += value * times

    @property
    def count(self) -> int:
        """How many values were observed."""
        return sum(self._counts)

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as Prometheus exposes them."""
        bounds = [str(float(bound)) for bound in self._bounds] + ["+Inf"]
        return list(zip(bounds, map(float, accumulate(self._counts)), strict=True))
