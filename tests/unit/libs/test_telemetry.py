"""Telemetry: the names are consistent, metrics export, traces are free when off, logs are structured."""

import io
import json
import logging
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tidemill.telemetry import names
from tidemill.telemetry.instruments import Counter, Field, Gauge, Latency, Metric, Size, Span
from tidemill.telemetry.logging import LogFormat, configure_logging, get_logger
from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import NoTracing, OpenTelemetryTracing, configure_tracing

ALL = [value for value in vars(names).values() if isinstance(value, Metric | Span | Field)]
METRICS = [value for value in ALL if isinstance(value, Metric)]
ROOT = Path(__file__).parents[3]
SOURCES = "\n".join(path.read_text() for part in ("libs", "services") for path in (ROOT / part).rglob("*.py"))
FIELDS = {value.name for value in ALL if isinstance(value, Field)}

REQUESTS = Counter("tidemill_test_requests_total", "Requests.", "requests", ("method",))
DEPTH = Gauge("tidemill_test_depth", "Depth.", "items")
TIME = Latency("tidemill_test_seconds", "Time.", start="a", end="b", buckets=(0.1, 1.0))
BATCH = Size("tidemill_test_batch_items", "Batch.", "items", buckets=(1, 10))
STEP = Span("tidemill.test.step", "A step.")


def test_no_name_stands_twice() -> None:
    listed = [value.name for value in ALL]
    assert sorted(set(listed)) == sorted(listed)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_metric_names_follow_the_rules(metric: Metric) -> None:
    assert metric.name.startswith("tidemill_")
    assert metric.name.endswith("_total") == isinstance(metric, Counter)
    assert metric.name.endswith("_seconds") or not isinstance(metric, Latency)
    assert metric.description.endswith(".")
    assert set(metric.labels) <= FIELDS


@pytest.mark.parametrize(
    "span", [value for value in ALL if isinstance(value, Span)], ids=lambda span: span.name
)
def test_span_attributes_are_fields(span: Span) -> None:
    assert set(span.attributes) <= FIELDS


def test_metrics_export_what_was_counted() -> None:
    metrics = Metrics()
    metrics.counter(REQUESTS, method="Get").add(2)
    metrics.gauge(DEPTH).set(5)
    metrics.gauge(DEPTH).add(-1)
    for value in (0.05, 0.1, 0.5, 7):
        metrics.distribution(TIME).observe(value)
    metrics.distribution(BATCH).observe(3, times=4)
    assert metrics.text().splitlines() == [
        "# HELP tidemill_test_requests_total Requests.",
        "# TYPE tidemill_test_requests_total counter",
        'tidemill_test_requests_total{method="Get"} 2.0',
        "# HELP tidemill_test_depth Depth.",
        "# TYPE tidemill_test_depth gauge",
        "tidemill_test_depth 4.0",
        "# HELP tidemill_test_seconds Time.",
        "# TYPE tidemill_test_seconds histogram",
        'tidemill_test_seconds_bucket{le="0.1"} 2.0',
        'tidemill_test_seconds_bucket{le="1.0"} 3.0',
        'tidemill_test_seconds_bucket{le="+Inf"} 4.0',
        "tidemill_test_seconds_count 4.0",
        "tidemill_test_seconds_sum 7.65",
        "# HELP tidemill_test_batch_items Batch.",
        "# TYPE tidemill_test_batch_items histogram",
        'tidemill_test_batch_items_bucket{le="1.0"} 0.0',
        'tidemill_test_batch_items_bucket{le="10.0"} 4.0',
        'tidemill_test_batch_items_bucket{le="+Inf"} 4.0',
        "tidemill_test_batch_items_count 4.0",
        "tidemill_test_batch_items_sum 12.0",
    ]


def test_the_same_labels_give_the_same_instrument() -> None:
    metrics = Metrics()
    assert metrics.counter(REQUESTS, method="a") is metrics.counter(REQUESTS, method="a")
    assert metrics.counter(REQUESTS, method="a") is not metrics.counter(REQUESTS, method="b")


@pytest.mark.parametrize("labels", [{}, {"other": "x"}, {"method": "x", "other": "x"}])
def test_labels_that_the_name_does_not_have_are_refused(labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="tidemill_test_requests_total"):
        Metrics().counter(REQUESTS, **labels)


def test_scrapes_are_answered_on_a_port_of_their_own() -> None:
    metrics = Metrics()
    metrics.gauge(DEPTH).set(3)
    server = metrics.serve(0)
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
        assert b"tidemill_test_depth 3.0" in answer.read()
    with pytest.raises(OSError, match="in use"):
        metrics.serve(server.port)
    server.stop()


@pytest.mark.parametrize(
    "environment",
    [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}],
)
def test_tracing_is_off_unless_asked_for(environment: dict[str, str]) -> None:
    tracing = configure_tracing("engine", environment)
    assert isinstance(tracing, NoTracing)
    with tracing.span(STEP):
        assert tracing.traceparent() == ""


def test_an_unknown_exporter_is_refused() -> None:
    with pytest.raises(RuntimeError, match="zipkin"):
        configure_tracing("engine", {"OTEL_TRACES_EXPORTER": "zipkin"})


def test_an_endpoint_turns_tracing_on() -> None:
    tracing = configure_tracing("engine", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    assert tracing.enabled
    tracing.shutdown()


def test_a_trace_goes_on_through_a_traceparent() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = OpenTelemetryTracing(provider)
    assert tracing.traceparent() == ""
    with tracing.span(STEP, attributes={"shard": 1}):
        carried = tracing.traceparent()
    with tracing.span(STEP, parent=carried):
        pass
    first, second = exporter.get_finished_spans()
    assert (first.name, dict(first.attributes or {})) == ("tidemill.test.step", {"shard": 1})
    assert second.parent is not None
    assert first.context is not None
    assert second.parent.span_id == first.context.span_id
    assert carried.split("-")[1] == f"{first.context.trace_id:032x}"
    tracing.shutdown()


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers, level = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored_logging")
def test_json_logs_are_one_object_a_line_for_our_lines_and_libraries() -> None:
    stream = io.StringIO()
    configure_logging("engine", level="info", stream=stream)
    get_logger("tidemill.test").info("started", execution_id="e-1", shard=3)
    get_logger("tidemill.test").debug("not seen")
    logging.getLogger("grpc").warning("from %s", "a library", extra={"address": "x"})
    ours, theirs = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert ours.pop("timestamp").endswith("Z")
    assert ours == {
        "event": "started",
        "execution_id": "e-1",
        "level": "info",
        "logger": "tidemill.test",
        "service": "engine",
        "shard": 3,
    }
    assert (theirs["event"], theirs["logger"], theirs["address"]) == ("from a library", "grpc", "x")


@pytest.mark.usefixtures("restored_logging")
def test_an_exception_stands_in_the_log_line_with_its_traceback() -> None:
    stream = io.StringIO()
    configure_logging("engine", stream=stream)
    try:
        raise ValueError("what happened")
    except ValueError as error:
        get_logger("tidemill.test").error("failed", exc_info=error)
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: what happened" in json.loads(line)["exception"]


@pytest.mark.usefixtures("restored_logging")
def test_console_logs_print_no_local_variables() -> None:
    stream = io.StringIO()
    configure_logging("engine", log_format=LogFormat.CONSOLE, stream=stream)
    secret = "".join(["hunter", "2"])
    try:
        raise ValueError(len(secret))
    except ValueError as error:
        get_logger("tidemill.test").error("failed", exc_info=error)
    assert "ValueError: 7" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


@pytest.mark.parametrize(
    "constant", [name for name, value in vars(names).items() if isinstance(value, Metric | Span)]
)
def test_every_metric_and_span_is_used(constant: str) -> None:
    assert re.search(rf"\bnames\.{constant}\b", SOURCES), "a name that nothing writes is a promise not kept"
