"""A gRPC server for tests, with reflection: what it answers depends on what it is asked for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import grpc
from grpc_reflection.v1alpha import reflection

PROTO = Path(__file__).with_name("stock.proto").read_text()
SERVICE = "shop.v1.Stock"
# What is made of a .proto file while the tests run has no types.
Untyped: TypeAlias = Any
_FILE = "tests/contract/stock.proto"


@dataclass
class Stock:
    """What tests see and change of the server. Who has no token that is good is refused, if there are any."""

    port: int = 0
    tokens: set[str] = field(default_factory=set)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    heard: list[dict[str, str]] = field(default_factory=list)
    left_seconds: list[float] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    reflections: int = 0
    # What came with these.
    proofs: list[str] = field(default_factory=list)


class _Counting(grpc.aio.ServerInterceptor):
    def __init__(self, stock: Stock) -> None:
        self._stock = stock

    async def intercept_service(self, continuation: Untyped, details: Untyped) -> Untyped:
        if "ServerReflection" in details.method:
            self._stock.reflections += 1
            self._stock.proofs.append(dict(details.invocation_metadata).get("authorization", ""))
        return await continuation(details)


def servicer(stock: Stock) -> Untyped:
    """The service."""
    protos, services = grpc.protos_and_services(_FILE)

    class Servicer(services.StockServicer):  # type: ignore[misc, name-defined]
        async def Look(self, request: Untyped, context: Untyped) -> Untyped:
            await _heard(stock, "Look", request, context)
            word, _, rest = request.sku.partition(":")
            if word == "fail":
                code, _, details = rest.partition(":")
                await context.abort(grpc.StatusCode[code], details)
            if word == "slow":
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    stock.cancelled.set()
                    raise
            item = protos.Item(
                sku=request.sku,
                count=request.count,
                kind=request.kind,
                raw=request.raw,
                heard=stock.heard[-1],
            )
            if request.HasField("at"):
                item.at.CopyFrom(request.at)
            item.display_name = "x" * request.letters
            return item

        async def Watch(self, request: Untyped, context: Untyped) -> Untyped:
            await _heard(stock, "Watch", request, context)
            try:
                for number in range(request.count):
                    yield protos.Item(sku=request.sku, count=number, display_name="x" * request.letters)
            except (asyncio.CancelledError, GeneratorExit):
                stock.cancelled.set()
                raise
            if request.sku.startswith("fail:"):
                await context.abort(grpc.StatusCode.ABORTED, "it breaks off")

    return services, Servicer()


async def _heard(stock: Stock, method: str, request: Untyped, context: Untyped) -> None:
    metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
    stock.asked.append((method, request))
    stock.came.set()
    stock.heard.append(metadata)
    stock.left_seconds.append(context.time_remaining())
    if stock.tokens and metadata.get("authorization") not in stock.tokens:
        await context.abort(
            grpc.StatusCode.UNAUTHENTICATED, f"{metadata.get('authorization')} opens nothing here"
        )


@asynccontextmanager
async def running_stock(
    *, port: int = 0, with_reflection: bool = True, credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[Stock]:
    """The server on a free port."""
    stock = Stock()
    server = grpc.aio.server(interceptors=[_Counting(stock)])
    services, service = servicer(stock)
    services.add_StockServicer_to_server(service, server)
    if with_reflection:
        reflection.enable_server_reflection([SERVICE, reflection.SERVICE_NAME], server)
    address = f"127.0.0.1:{port}"
    if credentials is None:
        stock.port = server.add_insecure_port(address)
    else:
        stock.port = server.add_secure_port(address, credentials)
    await server.start()
    try:
        yield stock
    finally:
        await server.stop(0)


@asynccontextmanager
async def running_bytes(answer: bytes, reflection_answer: bytes | None = None) -> AsyncIterator[int]:
    """A server that answers every method with these bytes, and reflection with those; its port."""

    async def answered(_request: bytes, _context: Untyped) -> bytes:
        return answer

    async def told(requests: Untyped, _context: Untyped) -> AsyncIterator[bytes]:
        async for _ in requests:
            yield reflection_answer or b""

    class Everything(grpc.GenericRpcHandler):
        def service(self, details: Untyped) -> Untyped:
            if "ServerReflection" in details.method:
                return None if reflection_answer is None else grpc.stream_stream_rpc_method_handler(told)
            return grpc.unary_unary_rpc_method_handler(answered)

    server = grpc.aio.server(handlers=[Everything()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)
