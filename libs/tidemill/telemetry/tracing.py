"""OpenTelemetry traces: off unless the standard OTEL_* variables ask for them, and then nearly free.

A trace crosses processes and the store as a W3C `traceparent` string, carried by commands and calls.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol

from tidemill.telemetry.instruments import Span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

NO_PARENT: Final = ""
_INSTRUMENTATION: Final = "tidemill"
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

AttributeValue = str | int | float | bool


class Tracing(Protocol):
    """Makes spans. Ask `enabled` before preparing what only a span would use."""

    @property
    def enabled(self) -> bool:
        """Whether spans are recorded at all."""
        ...

    @property
    def provider(self) -> "TracerProvider | None":
        """What instrumentation libraries take; None when off."""
        ...

    def span(
        self,
        name: Span,
        parent: str = NO_PARENT,
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> AbstractContextManager[object]:
        """A span around a block; its parent is the traceparent given, else the block around it."""
        ...

    def traceparent(self) -> str:
        """The span under way as a W3C traceparent, to be carried on; empty when there is none."""
        ...

    def shutdown(self) -> None:
        """Send what is left and stop."""
        ...


class NoTracing:
    """Tracing that is off."""

    enabled: Final = False
    provider: Final = None

    def span(
        self,
        name: Span,
        parent: str = NO_PARENT,
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> AbstractContextManager[object]:
        return _NOTHING

    def traceparent(self) -> str:
        return NO_PARENT

    def shutdown(self) -> None:
        return None


class OpenTelemetryTracing:
    """Tracing through an OpenTelemetry SDK provider that is ours alone (no global is set)."""

    enabled: Final = True

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.provider = provider
        self._tracer = provider.get_tracer(_INSTRUMENTATION)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(
        self,
        name: Span,
        parent: str = NO_PARENT,
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> Iterator[object]:
        context = self._propagator.extract({"traceparent": parent}) if parent else None
        with self._tracer.start_as_current_span(name.name, context, attributes=attributes) as span:
            yield span

    def traceparent(self) -> str:
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get("traceparent", NO_PARENT)

    def shutdown(self) -> None:
        self.provider.shutdown()


def configure_tracing(service: str, environment: Mapping[str, str]) -> Tracing:
    """Tracing for this process, as the OTEL_* variables say; raises RuntimeError when they ask for too much.

    On when an OTLP endpoint is named or OTEL_TRACES_EXPORTER is `otlp` or `console`; the SDK itself reads
    the sampler, the batch limits and the resource's attributes.
    """
    exporter = _wanted_exporter(environment)
    if exporter == "none":
        return NoTracing()
    try:
        return OpenTelemetryTracing(_provider(service, exporter))
    except ImportError as error:
        raise RuntimeError(f"tracing is asked for but not installed: {error}") from error


def _wanted_exporter(environment: Mapping[str, str]) -> str:
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return "none"
    default = "otlp" if any(environment.get(name) for name in _ENDPOINTS) else "none"
    exporter = environment.get("OTEL_TRACES_EXPORTER", "") or default
    if exporter not in ("none", "otlp", "console"):
        raise RuntimeError(f"OTEL_TRACES_EXPORTER={exporter} is not known: use otlp, console or none")
    return exporter


def _provider(service: str, exporter: str) -> "TracerProvider":
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

    sender: SpanExporter
    if exporter == "console":
        import sys

        sender = ConsoleSpanExporter(out=sys.stderr)
    else:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        sender = OTLPSpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": f"tidemill-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(sender))
    return provider


_NOTHING: Final = nullcontext()
