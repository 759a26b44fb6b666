"""The one place where a server's exceptions become statuses, and where its calls are counted."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, TypeAlias

import grpc

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import TidemillError
from tidemill.rpc.errors import to_status
from tidemill.telemetry import names
from tidemill.telemetry.logging import get_logger
from tidemill.telemetry.metrics import Metrics
from tidemill.unique import fresh_uuid

# gRPC's handlers are generic in messages that an interceptor never looks into.
# Quoted, since the classes take type arguments in their stubs alone.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
HandlerFound: TypeAlias = "Handler | None"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Behaviour: TypeAlias = "Callable[[Any, Context], Any]"

_log = get_logger(__name__)


class OutcomeInterceptor(grpc.aio.ServerInterceptor):
    """Maps TidemillError to its code and details, anything else to INTERNAL with an incident id.

    What an unexpected exception says stays in the log: the caller sees the incident's id alone.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._handlers: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[HandlerFound]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> HandlerFound:
        method = handler_call_details.method
        wrapped = self._handlers.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            wrapped = self._handlers[method] = _wrap(handler, _Outcomes(self._metrics, method))
        return wrapped


class _Outcomes:
    """The instruments of one method, and the passage of its exceptions."""

    def __init__(self, metrics: Metrics, method: str) -> None:
        self._metrics = metrics
        self._method = method
        self._latency = metrics.distribution(names.RPC_LATENCY, method=method)

    def guard(self, behaviour: Behaviour) -> Behaviour:
        """The same behaviour with its outcome counted and its exceptions mapped."""
        return self._stream(behaviour) if inspect.isasyncgenfunction(behaviour) else self._single(behaviour)

    def _single(self, behaviour: Behaviour) -> Behaviour:
        async def call(request: object, context: Context) -> object:
            started = time.perf_counter()
            try:
                answer = await behaviour(request, context)
            except BaseException as error:
                await self._failed(error, context, started)
                raise
            self._ended("OK", started)
            return answer

        return call

    def _stream(self, behaviour: Behaviour) -> Behaviour:
        async def call(request: object, context: Context) -> AsyncIterator[object]:
            started = time.perf_counter()
            try:
                async with aclosing(behaviour(request, context)) as answers:
                    async for answer in answers:
                        yield answer
            except BaseException as error:
                await self._failed(error, context, started)
                raise
            self._ended("OK", started)

        return call

    async def _failed(self, error: BaseException, context: Context, started: float) -> None:
        """Count the failure and abort with its status; returns for what must go on as it is."""
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            self._ended("CANCELLED", started)
            return
        if isinstance(error, grpc.aio.AbortError):
            self._ended(context.code().name, started)
            return
        known = self._typed(error)
        status = to_status(known)
        self._ended(status.code.name, started)
        self._metrics.counter(names.RPC_ERRORS, method=self._method, reason=known.reason_name).add()
        await context.abort(status.code, status.details, tuple(status.trailing_metadata or ()))

    def _typed(self, error: BaseException) -> TidemillError:
        if isinstance(error, TidemillError):
            return error
        if isinstance(error, NotImplementedError):  # what generated servicers raise for a method left out
            message = f"{self._method} is not served here"
            return TidemillError(reasons.ERROR_REASON_UNSUPPORTED_FEATURE, message, {"method": self._method})
        incident = fresh_uuid()
        _log.error("a call raised unexpectedly", method=self._method, incident=incident, exc_info=error)
        message = f"internal error, incident {incident}"
        return TidemillError(reasons.ERROR_REASON_INTERNAL, message, {"incident": incident})

    def _ended(self, code: str, started: float) -> None:
        self._latency.observe(time.perf_counter() - started)
        self._metrics.counter(names.RPC_CALLS, method=self._method, code=code).add()


def _wrap(handler: Handler, outcomes: _Outcomes) -> Handler:
    for kind, make_handler in _HANDLER_KINDS.items():
        behaviour: Behaviour | None = getattr(handler, kind)
        if behaviour is not None:
            return make_handler(
                outcomes.guard(behaviour), handler.request_deserializer, handler.response_serializer
            )
    raise TypeError("a handler without behaviour")


_HANDLER_KINDS: "Final[dict[str, Callable[..., Handler]]]" = {
    "unary_unary": grpc.unary_unary_rpc_method_handler,
    "unary_stream": grpc.unary_stream_rpc_method_handler,
    "stream_unary": grpc.stream_unary_rpc_method_handler,
    "stream_stream": grpc.stream_stream_rpc_method_handler,
}
