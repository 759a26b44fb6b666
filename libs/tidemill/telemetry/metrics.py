"""One process's metrics: instruments made from the names in `names.py`, and their export to Prometheus.

The Prometheus client brings a whole HTTP server along: it is imported only where metrics are exported, since
every process counts and few are asked.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, cast

from tidemill.telemetry.counting import CounterCell, DistributionCell, GaugeCell
from tidemill.telemetry.instruments import Counter, Gauge, Latency, Metric, Size

if TYPE_CHECKING:
    from threading import Thread
    from wsgiref.simple_server import WSGIServer

    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
    from prometheus_client.registry import Collector, CollectorRegistry

LOOPBACK: Final = "127.0.0.1"

LabelValues = tuple[str, ...]
MetricFamily: TypeAlias = "CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily"
Cell = TypeVar("Cell", CounterCell, GaugeCell, DistributionCell)


class Metrics:
    """The instruments of one process; to the Prometheus client, a collector.

    Bind an instrument once, in a constructor, and keep it. The same name and labels give the same one.
    """

    def __init__(self) -> None:
        self._counters: dict[Counter, dict[LabelValues, CounterCell]] = {}
        self._gauges: dict[Gauge, dict[LabelValues, GaugeCell]] = {}
        self._distributions: dict[Latency | Size, dict[LabelValues, DistributionCell]] = {}

    def counter(self, name: Counter, **labels: str) -> CounterCell:
        """The counter of these label values."""
        return _bound(self._counters.setdefault(name, {}), name, labels, CounterCell)

    def gauge(self, name: Gauge, **labels: str) -> GaugeCell:
        """The gauge of these label values."""
        return _bound(self._gauges.setdefault(name, {}), name, labels, GaugeCell)

    def distribution(self, name: Latency | Size, **labels: str) -> DistributionCell:
        """The latencies (in seconds) or sizes of these label values."""
        cells = self._distributions.setdefault(name, {})
        return _bound(cells, name, labels, lambda: DistributionCell(name.buckets))

    def collect(self) -> Iterator[MetricFamily]:
        """All values of now, as the Prometheus client wants them."""
        # Copies of the tables, since a scrape runs on a thread of its own while new labels appear.
        for counter, counter_cells in list(self._counters.items()):
            yield _counter_family(counter, dict(counter_cells))
        for gauge, gauge_cells in list(self._gauges.items()):
            yield _gauge_family(gauge, dict(gauge_cells))
        for name, cells in list(self._distributions.items()):
            yield _histogram_family(name, dict(cells))

    def text(self) -> str:
        """All values of now in the Prometheus text format."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry()).decode()

    def serve(self, port: int, host: str = LOOPBACK) -> "MetricsServer":
        """Answer scrapes on a thread of its own; raises OSError, which names the port, when it is taken."""
        from prometheus_client import start_http_server

        try:
            return MetricsServer(*start_http_server(port, host, self._registry()))
        except OSError as error:
            raise OSError(f"cannot serve metrics on {host}:{port}: {error.strerror}") from None

    def _registry(self) -> "CollectorRegistry":
        from prometheus_client.registry import CollectorRegistry

        registry = CollectorRegistry(auto_describe=False)
        registry.register(cast("Collector", self))
        return registry


class MetricsServer:
    """The HTTP exporter of a process."""

    def __init__(self, server: "WSGIServer", thread: "Thread") -> None:
        self._server = server
        self._thread = thread

    @property
    def port(self) -> int:
        """The port that it listens on, also when port 0 asked for any."""
        return self._server.server_port

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _bound(
    cells: dict[LabelValues, Cell], name: Metric, labels: dict[str, str], new: Callable[[], Cell]
) -> Cell:
    if set(labels) != set(name.labels):
        raise ValueError(f"{name.name} has the labels {name.labels}, not {tuple(labels)}")
    values = tuple(labels[label] for label in name.labels)
    cell = cells.get(values)
    if cell is None:
        cell = cells[values] = new()
    return cell


def _counter_family(name: Counter, cells: dict[LabelValues, CounterCell]) -> "CounterMetricFamily":
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(name.name, name.description, labels=name.labels)
    for values, cell in cells.items():
        family.add_metric(values, cell.value)
    return family


def _gauge_family(name: Gauge, cells: dict[LabelValues, GaugeCell]) -> "GaugeMetricFamily":
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name.name, name.description, labels=name.labels)
    for values, cell in cells.items():
        family.add_metric(values, cell.value)
    return family


def _histogram_family(
    name: Latency | Size, cells: dict[LabelValues, DistributionCell]
) -> "HistogramMetricFamily":
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(name.name, name.description, labels=name.labels)
    for values, cell in cells.items():
        family.add_metric(values, cell.buckets(), cell.sum)
    return family
