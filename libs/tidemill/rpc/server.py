"""The server that every service runs: health, reflection, typed errors, and a stop that loses no call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from tidemill.rpc.interceptor import OutcomeInterceptor
from tidemill.rpc.options import RpcOptions, server_options
from tidemill.telemetry.logging import get_logger

_WHOLE_SERVER: Final = ""
_log = get_logger(__name__)


class AddressInUseError(OSError):
    """The address cannot be listened on, most often because another process does."""


@dataclass(frozen=True, slots=True)
class RpcService:
    """A service to serve: its full name, and how its servicer is added to a server."""

    name: str
    register: Callable[[grpc.aio.Server], None]


class RpcServer:
    """A bound server. Until `start` it takes no call; until `set_serving(True)` health says NOT_SERVING."""

    def __init__(self, server: grpc.aio.Server, names: Sequence[str], address: str) -> None:
        self._server = server
        self._names = (_WHOLE_SERVER, *names)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        self.port = _bind(server, address)
        self.address = f"{address.rpartition(':')[0]}:{self.port}"

    async def start(self, *, serving: bool = True) -> None:
        """Take calls; `serving` is what health says from the start."""
        await self.set_serving(serving)
        await self._server.start()
        _log.info("listening", address=self.address)

    async def set_serving(self, serving: bool) -> None:
        """Tell health checks whether to send calls here."""
        states = health_pb2.HealthCheckResponse
        state = states.SERVING if serving else states.NOT_SERVING
        for name in self._names:
            await self._health.set(name, state)

    async def stop(self, grace_seconds: float) -> None:
        """Refuse new calls, let those under way end within the grace, then cut them off."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_seconds)


def build_server(
    address: str, services: Sequence[RpcService], options: RpcOptions | None = None
) -> RpcServer:
    """A server for the services, bound to `host:port` (port 0 takes any); raises AddressInUseError."""
    options = options or RpcOptions()
    server = grpc.aio.server(interceptors=_interceptors(options), options=server_options(options.limits))
    for service in services:
        service.register(server)
    return RpcServer(server, [service.name for service in services], address)


def _interceptors(options: RpcOptions) -> list[grpc.aio.ServerInterceptor]:
    outcomes = OutcomeInterceptor(options.metrics)
    if not options.tracing.enabled:
        return [outcomes]
    from opentelemetry.instrumentation.grpc import aio_server_interceptor

    # The trace stands outside, so that it sees the status which the inner one makes.
    return [aio_server_interceptor(tracer_provider=options.tracing.provider), outcomes]


def _bind(server: grpc.aio.Server, address: str) -> int:
    try:
        return server.add_insecure_port(address)
    except RuntimeError:
        raise AddressInUseError(f"cannot listen on {address}: is it in use already?") from None
