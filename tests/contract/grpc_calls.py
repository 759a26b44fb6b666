"""gRPC calls in tests: small limits, and an action to call."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace

import orjson

from tests.contract.grpc_server import PROTO, SERVICE
from tests.contract.http_calls import KEY
from tests.contract.http_calls import LIMITS as HTTP_LIMITS
from tests.unit.actions.samples import call
from tidemill.actions.adapters.grpc_calls.action import GrpcAction
from tidemill.actions.adapters.grpc_calls.limits import GrpcLimits
from tidemill.actions.adapters.http.action import HttpAction
from tidemill.actions.core.model import Outcome
from tidemill.clock import Clock

LIMITS = GrpcLimits(
    timeout_us=20_000_000,
    response_bytes_max=10_000,
    messages_max=20,
    error_excerpt_bytes_max=120,
    channels_max=2,
    channel_idle_us=60_000_000,
    proto_bytes_max=20_000,
    compile_timeout_us=20_000_000,
    compiles_at_once_max=1,
    descriptors_max=4,
    reflection_bytes_max=20_000,
    reflection_lifetime_us=60_000_000,
)

Ask = Callable[..., Coroutine[object, object, Outcome]]


@asynccontextmanager
async def asking(
    clock: Clock | None = None, *, hosts: str = "", roots: str = "", **limits: int
) -> AsyncIterator[Ask]:
    """Call a method of a server on this machine; without a proto by reflection."""
    http = HttpAction(HTTP_LIMITS, clock=clock)
    action = GrpcAction(http, replace(LIMITS, **limits), hosts=hosts, roots=roots, clock=clock)

    async def ask(
        port: int,
        method: str = "Look",
        *,
        host: str = "127.0.0.1",
        service: str = SERVICE,
        proto: str | None = PROTO,
        authentication: object = None,
        timeout_us: int = 0,
        namespace: str = "shop",
        **arguments: object,
    ) -> Outcome:
        described = {"name": service, "host": host, "port": port}
        if authentication is not None:
            described["authentication"] = authentication
        wanted = {"service": described, "method": method, "arguments": arguments}
        if proto is not None:
            wanted["proto"] = proto
        made = call(KEY, arguments=orjson.dumps(wanted), timeout_us=timeout_us, namespace=namespace)
        return await action.run(made)

    try:
        yield ask
    finally:
        await action.close()
        await http.close()
