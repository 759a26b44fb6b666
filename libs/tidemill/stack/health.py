"""Whether a service takes calls: asked over gRPC, as soon as anybody listens on its port."""

import asyncio
from typing import Final

_POLL_SECONDS: Final = 0.01
_CALL_SECONDS: Final = 2.0


async def until_healthy(address: str) -> None:
    """Return once the server at `host:port` says that it serves. Waits without a limit."""
    await _until_listening(address)
    # Imported only now: the services load while we would.
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    from tidemill.rpc import connect

    async with connect(address) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined] # not in its stubs
        while True:
            try:
                answer = await check(health_pb2.HealthCheckRequest(), timeout=_CALL_SECONDS)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            except grpc.aio.AioRpcError:
                pass
            await asyncio.sleep(_POLL_SECONDS)


async def _until_listening(address: str) -> None:
    """Cheaper than a channel, which would wait after each refused connection."""
    host, _, port = address.rpartition(":")
    while True:
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            await asyncio.sleep(_POLL_SECONDS)
        else:
            writer.close()
            return
