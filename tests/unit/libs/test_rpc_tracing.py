"""With tracing on, a call's client and server spans are one trace, and typed errors still come through."""

from collections.abc import Iterator
from functools import partial

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from tidemill.api.engine.v1 import execution_service_pb2 as api
from tidemill.api.engine.v1 import execution_service_pb2_grpc as grpc_api
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import TidemillError
from tidemill.rpc import Context, RpcOptions, RpcService, build_server, connect, typed_errors
from tidemill.telemetry.instruments import Span
from tidemill.telemetry.tracing import OpenTelemetryTracing

NAME = "tidemill.api.engine.v1.ExecutionService"
WORK = Span("tidemill.test.work", "Work.")


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Iterator[OpenTelemetryTracing]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = OpenTelemetryTracing(provider)
    yield tracing
    tracing.shutdown()


class Servicer(grpc_api.ExecutionServiceServicer):
    """Answers with the traceparent that it sees."""

    def __init__(self, tracing: OpenTelemetryTracing) -> None:
        self._tracing = tracing

    async def Start(self, request: api.StartRequest, context: Context) -> api.StartResponse:
        if not request.namespace:
            raise TidemillError(reasons.ERROR_REASON_INVALID_REQUEST, "no namespace", {"field": "namespace"})
        return api.StartResponse(execution_id=self._tracing.traceparent())


async def test_a_trace_reaches_through_a_call_and_its_error(
    tracing: OpenTelemetryTracing, exporter: InMemorySpanExporter
) -> None:
    servicer = Servicer(tracing)  # type: ignore[abstract]  # the methods left out are not called
    register = partial(grpc_api.add_ExecutionServiceServicer_to_server, servicer)
    options = RpcOptions(tracing=tracing)
    server = build_server("127.0.0.1:0", [RpcService(NAME, register)], options)
    await server.start()
    async with connect(server.address, options) as channel:
        stub = grpc_api.ExecutionServiceStub(channel)
        with tracing.span(WORK):
            carried = tracing.traceparent()
            answer = await stub.Start(api.StartRequest(namespace="a"))
        with pytest.raises(TidemillError) as caught, typed_errors():
            await stub.Start(api.StartRequest())
    await server.stop(0)
    assert answer.execution_id.split("-")[1] == carried.split("-")[1]
    assert caught.value.metadata == {"field": "namespace"}
    kinds = [span.kind for span in exporter.get_finished_spans() if trace_of(span) == carried.split("-")[1]]
    assert sorted(kinds, key=lambda kind: kind.value) == [SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT]


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"
