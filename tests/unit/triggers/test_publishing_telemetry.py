"""The span around a request's events, and the trace context that it hands on."""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.unit.triggers.samples import raw
from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import OpenTelemetryTracing
from tidemill.triggers.publishing_telemetry import PublishingTelemetry

TRACE_ID = "a" * 32
PRODUCER = f"00-{TRACE_ID}-{'b' * 16}-01"


def test_starts_carry_on_the_span_whose_parent_is_the_producers() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry = PublishingTelemetry(Metrics(), OpenTelemetryTracing(provider))
    events = [raw(id="1"), raw(id="2", extensions={"traceparent": PRODUCER})]
    with telemetry.span("crm", events, "") as carried:
        pass
    (span,) = exporter.get_finished_spans()
    assert span.name == "triggers.publish"
    assert dict(span.attributes or {}) == {"namespace": "crm", "batch_size": 2}
    assert span.parent is not None
    assert span.context is not None
    assert f"{span.parent.span_id:016x}" == "b" * 16
    assert carried == f"00-{TRACE_ID}-{span.context.span_id:016x}-01"
    provider.shutdown()
