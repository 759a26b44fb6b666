"""The Engine as this service calls it."""

from collections.abc import Awaitable
from typing import Final

import grpc

from tidemill.api.engine.v1.execution_service_pb2 import SubmitRequest, SubmitResponse
from tidemill.api.engine.v1.execution_service_pb2_grpc import ExecutionServiceStub
from tidemill.errors import TidemillError
from tidemill.rpc import from_rpc_error
from tidemill.rpc.repeating import first_reached
from tidemill.telemetry import names
from tidemill.telemetry.tracing import Tracing
from tidemill.triggers.errors import ENGINE, NotReadyError
from tidemill.triggers.traces import TRACEPARENT

# Whether the Engine carried a call with one of these out is not known; sending it again is safe in any case.
_NO_ANSWER: Final = frozenset(
    (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
)
# Set where the status was made by gRPC or the network, and not by the Engine.
_FOREIGN: Final = "grpc_code"


class EngineSubmit:
    """Makes Submit calls. Failures are raised as TidemillError, those without an answer as NotReadyError.

    Of several Engines behind the channel, each is asked before a call fails: commands that come twice are
    recognised, and nothing later is submitted meanwhile.
    """

    def __init__(
        self, channel: grpc.aio.Channel, *, timeout_us: int, tracing: Tracing, engines: int = 1
    ) -> None:
        self._stub = ExecutionServiceStub(channel)
        self._timeout_seconds = timeout_us / 1_000_000
        self._tracing = tracing
        self._engines = engines

    async def __call__(self, request: SubmitRequest, traceparent: str) -> SubmitResponse:
        attributes = {names.BATCH_SIZE.name: len(request.commands)} if self._tracing.enabled else None
        with self._tracing.span(names.TRIGGERS_SUBMIT, traceparent, attributes):
            try:
                return await first_reached(lambda: self._submit(request, traceparent), self._engines)
            except grpc.aio.AioRpcError as error:
                raise _typed(error) from error

    def _submit(self, request: SubmitRequest, traceparent: str) -> Awaitable[SubmitResponse]:
        return self._stub.Submit(request, timeout=self._timeout_seconds, metadata=self._metadata(traceparent))

    def _metadata(self, traceparent: str) -> tuple[tuple[str, str], ...]:
        # With tracing on, the channel's interceptor writes the span's own context.
        return ((TRACEPARENT, traceparent),) if traceparent and not self._tracing.enabled else ()


def _typed(error: grpc.aio.AioRpcError) -> TidemillError:
    typed = from_rpc_error(error)
    if _FOREIGN in typed.metadata and error.code() in _NO_ANSWER:
        return NotReadyError(ENGINE, f"the Engine did not answer: {typed.message}")
    return typed
