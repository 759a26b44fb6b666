"""The kinds of telemetry that have a name: what a reader of dashboards and logs is told about each."""

from dataclasses import dataclass
from typing import Final

# From a tenth of a millisecond (one fsync on a fast disk) to five minutes (a slow outside call), in seconds.
LATENCY_BUCKETS_S: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip
SIZE_BUCKETS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0)


@dataclass(frozen=True, slots=True)
class Counter:
    """A number that only grows. Its name ends in `_total`."""

    name: str
    description: str
    unit: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that goes up and down."""

    name: str
    description: str
    unit: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Latency:
    """A distribution of times in seconds, each from the `start` event to the `end` event."""

    name: str
    description: str
    start: str
    end: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = LATENCY_BUCKETS_S
    unit: str = "seconds"


@dataclass(frozen=True, slots=True)
class Size:
    """A distribution of sizes, such as items in a batch."""

    name: str
    description: str
    unit: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = SIZE_BUCKETS


@dataclass(frozen=True, slots=True)
class Span:
    """A traced stretch of work; `attributes` are the keys that it may carry."""

    name: str
    description: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A key of structured log lines, and of span attributes where it stands there too."""

    name: str
    description: str


Metric = Counter | Gauge | Latency | Size
