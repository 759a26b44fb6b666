"""Writes docs/telemetry.md from the names in code; with --check, only says whether it is up to date."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from tidemill.telemetry import names
from tidemill.telemetry.instruments import Counter, Field, Gauge, Latency, Metric, Size, Span

TARGET = Path(__file__).parents[1] / "docs" / "telemetry.md"
Named = TypeVar("Named", Metric, Latency, Span, Field)

INTRODUCTION = """# Telemetry

<!-- Generated from libs/tidemill/telemetry/names.py by `make docs`: edit that file, not this one. -->

The names below are a contract: dashboards, alarms and log searches may rely on them. Metrics are served in
the Prometheus text format, traces are sent by OpenTelemetry when the standard `OTEL_*` variables ask for it
(`OTEL_EXPORTER_OTLP_ENDPOINT`, or `OTEL_TRACES_EXPORTER=otlp|console`), and logs are JSON lines on standard
error. A trace goes on across services, restarts and waits: commands and calls carry its W3C `traceparent`.
"""


def main() -> int:
    """Write the page, or check it; returns the exit code."""
    text = render()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text)
        return 0
    if TARGET.is_file() and TARGET.read_text() == text:
        return 0
    sys.stderr.write("docs/telemetry.md is not what names.py says: run 'make docs'\n")
    return 1


def render() -> str:
    """The whole page."""
    values = list(vars(names).values())
    sections = (
        INTRODUCTION,
        _metrics_section([value for value in values if isinstance(value, Counter | Gauge | Size)]),
        _latencies_section([value for value in values if isinstance(value, Latency)]),
        _spans_section([value for value in values if isinstance(value, Span)]),
        _fields_section([value for value in values if isinstance(value, Field)]),
    )
    return "\n".join(sections)


def _metrics_section(metrics: list[Metric]) -> str:
    rows = [
        (
            f"`{metric.name}`",
            type(metric).__name__.lower(),
            metric.unit,
            _codes(metric.labels),
            metric.description,
        )
        for metric in _sorted(metrics)
    ]
    return _section("Metrics", "", ("name", "kind", "unit", "labels", "what it counts"), rows)


def _latencies_section(latencies: list[Latency]) -> str:
    note = (
        "Distributions in seconds. Each is measured from one event to another, so that they can be added up."
    )
    rows = [
        (f"`{latency.name}`", latency.start, latency.end, _codes(latency.labels), latency.description)
        for latency in _sorted(latencies)
    ]
    return _section("Latencies", note, ("name", "from", "to", "labels", "what it is"), rows)


def _spans_section(spans: list[Span]) -> str:
    rows = [(f"`{span.name}`", _codes(span.attributes), span.description) for span in _sorted(spans)]
    note = "Beside these, every RPC has the client and server spans of OpenTelemetry's gRPC instrumentation."
    return _section("Spans", note, ("name", "attributes", "what it covers"), rows)


def _fields_section(fields: list[Field]) -> str:
    rows = [(f"`{field.name}`", field.description) for field in _sorted(fields)]
    note = "Keys of log lines; labels of metrics and attributes of spans have the same names."
    return _section("Fields", note, ("name", "meaning"), rows)


def _sorted(named: list[Named]) -> list[Named]:
    return sorted(named, key=lambda value: value.name)


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _section(title: str, note: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"## {title}", ""]
    if note:
        lines += [note, ""]
    table = [head, tuple("---" for _ in head), *rows]
    lines += ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
