"""The shared gRPC server and channel: typed errors, health, reflection, ports and stopping."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, TypeAlias

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tidemill.api.engine.v1 import execution_service_pb2 as api
from tidemill.api.engine.v1 import execution_service_pb2_grpc as grpc_api
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import OverloadedError, TidemillError
from tidemill.rpc import (
    AddressInUseError,
    Context,
    RpcLimits,
    RpcOptions,
    RpcServer,
    RpcService,
    build_server,
    connect,
    from_rpc_error,
    typed_errors,
)

NAME = "tidemill.api.engine.v1.ExecutionService"
METHOD = f"/{NAME}/Start"

Stub: TypeAlias = "grpc_api.ExecutionServiceAsyncStub"


class Servicer(grpc_api.ExecutionServiceServicer):
    """Answers, or raises the error that the test put in."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()

    async def Start(self, request: api.StartRequest, context: Context) -> api.StartResponse:
        self.entered.set()
        await self.gate.wait()
        if self.error:
            raise self.error
        return api.StartResponse(execution_id=request.namespace)

    async def Watch(self, request: api.WatchRequest, context: Context) -> AsyncIterator[api.WatchResponse]:
        yield api.WatchResponse()
        if self.error:
            raise self.error


@pytest.fixture
def options() -> RpcOptions:
    return RpcOptions(limits=RpcLimits(message_bytes_max=10_000))


@pytest.fixture
def servicer() -> Servicer:
    return Servicer()  # type: ignore[abstract]  # the methods left out are the test's point


def build(servicer: Servicer, options: RpcOptions, address: str = "127.0.0.1:0") -> RpcServer:
    register = partial(grpc_api.add_ExecutionServiceServicer_to_server, servicer)
    return build_server(address, [RpcService(NAME, register)], options)


@pytest.fixture
async def server(servicer: Servicer, options: RpcOptions) -> AsyncIterator[RpcServer]:
    server = build(servicer, options)
    await server.start()
    yield server
    await server.stop(0)


@pytest.fixture
async def channel(server: RpcServer, options: RpcOptions) -> AsyncIterator[grpc.aio.Channel]:
    async with connect(server.address, options) as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> Stub:
    return grpc_api.ExecutionServiceStub(channel)


async def test_a_call_is_answered_and_counted(stub: Stub, options: RpcOptions) -> None:
    answer = await stub.Start(api.StartRequest(namespace="a"))
    assert answer.execution_id == "a"
    text = options.metrics.text()
    assert f'tidemill_rpc_calls_total{{code="OK",method="{METHOD}"}} 1.0' in text
    assert f'tidemill_rpc_latency_seconds_count{{method="{METHOD}"}} 1.0' in text


async def test_a_typed_error_comes_back_whole(stub: Stub, servicer: Servicer, options: RpcOptions) -> None:
    servicer.error = OverloadedError("inbox_commands_max", limit_value=7, retry_delay_us=1_500_000)
    with pytest.raises(TidemillError) as caught, typed_errors():
        await stub.Start(api.StartRequest())
    assert caught.value.reason == reasons.ERROR_REASON_OVERLOADED
    assert caught.value.metadata == {"limit": "inbox_commands_max", "limit_value": "7"}
    assert caught.value.retry_delay_us == 1_500_000
    assert caught.value.message == servicer.error.message
    assert isinstance(caught.value.__cause__, grpc.aio.AioRpcError)
    assert caught.value.__cause__.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert f'tidemill_rpc_errors_total{{method="{METHOD}",reason="OVERLOADED"}} 1.0' in options.metrics.text()


async def test_a_long_message_is_cut_to_what_trailers_hold(stub: Stub, servicer: Servicer) -> None:
    servicer.error = TidemillError(
        reasons.ERROR_REASON_INVALID_DOCUMENT, "ü→" * 50_000, {"pointer": "/do/" * 5_000}
    )
    with pytest.raises(TidemillError) as caught, typed_errors():
        await stub.Start(api.StartRequest())
    assert caught.value.reason == reasons.ERROR_REASON_INVALID_DOCUMENT
    assert caught.value.message.startswith("ü→ü→")
    assert caught.value.message.endswith("more characters)")


async def test_an_unexpected_exception_leaks_nothing_but_its_incident(
    stub: Stub, servicer: Servicer, capsys: pytest.CaptureFixture[str]
) -> None:
    servicer.error = RuntimeError("password=hunter2")
    with pytest.raises(TidemillError) as caught, typed_errors():
        await stub.Start(api.StartRequest())
    assert caught.value.reason == reasons.ERROR_REASON_INTERNAL
    assert "hunter2" not in caught.value.message
    logged = capsys.readouterr()
    assert caught.value.metadata["incident"] in logged.out + logged.err
    assert "hunter2" in logged.out + logged.err


async def test_a_stream_that_raises_ends_with_the_typed_error(stub: Stub, servicer: Servicer) -> None:
    servicer.error = TidemillError(reasons.ERROR_REASON_EXECUTION_NOT_FOUND, "no such execution")
    answers = aiter(stub.Watch(api.WatchRequest()))
    assert isinstance(await anext(answers), api.WatchResponse)
    with pytest.raises(TidemillError) as caught, typed_errors():
        await anext(answers)
    assert caught.value.reason == reasons.ERROR_REASON_EXECUTION_NOT_FOUND


async def test_a_method_that_is_not_built_is_unimplemented(stub: Stub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Cancel(api.CancelRequest())
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_message_over_the_limit_is_too_large(channel: grpc.aio.Channel, server: RpcServer) -> None:
    async with connect(server.address) as generous:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await grpc_api.ExecutionServiceStub(generous).Start(api.StartRequest(namespace="x" * 20_000))
    assert from_rpc_error(caught.value).reason == reasons.ERROR_REASON_TOO_LARGE


async def test_an_unreachable_service_is_not_ready() -> None:
    async with connect("127.0.0.1:1") as channel:
        with pytest.raises(TidemillError) as caught, typed_errors():
            await grpc_api.ExecutionServiceStub(channel).Start(api.StartRequest())
    assert caught.value.reason == reasons.ERROR_REASON_NOT_READY
    assert caught.value.metadata == {"grpc_code": "UNAVAILABLE"}


async def test_health_follows_set_serving_and_counts_its_own_refusals(
    channel: grpc.aio.Channel, server: RpcServer, options: RpcOptions
) -> None:
    health: Any = health_pb2_grpc.HealthStub(channel)
    states = health_pb2.HealthCheckResponse

    async def state(service: str) -> int:
        answer: health_pb2.HealthCheckResponse = await health.Check(
            health_pb2.HealthCheckRequest(service=service)
        )
        return answer.status

    assert [await state(name) for name in ("", NAME)] == [states.SERVING, states.SERVING]
    await server.set_serving(False)
    assert [await state(name) for name in ("", NAME)] == [states.NOT_SERVING, states.NOT_SERVING]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await state("unknown")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert 'tidemill_rpc_calls_total{code="NOT_FOUND",method="/grpc.health.v1.Health/Check"} 1.0' in (
        options.metrics.text()
    )


async def test_a_health_watcher_hears_of_a_stop(channel: grpc.aio.Channel, server: RpcServer) -> None:
    health: Any = health_pb2_grpc.HealthStub(channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(service=NAME))
    heard = aiter(watch)
    assert (await anext(heard)).status == health_pb2.HealthCheckResponse.SERVING
    await server.set_serving(False)
    assert (await anext(heard)).status == health_pb2.HealthCheckResponse.NOT_SERVING
    watch.cancel()


async def test_reflection_lists_every_service(channel: grpc.aio.Channel) -> None:
    make_stub: Any = reflection_pb2_grpc.ServerReflectionStub
    stub = make_stub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    call = stub.ServerReflectionInfo(iter([request]))
    answer = await anext(aiter(call))
    listed = {service.name for service in answer.list_services_response.service}
    assert listed == {NAME, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    call.cancel()


async def test_a_taken_port_is_refused(server: RpcServer, servicer: Servicer, options: RpcOptions) -> None:
    with pytest.raises(AddressInUseError, match=str(server.port)):
        build(servicer, options, server.address)


async def test_stop_lets_a_call_under_way_end(stub: Stub, server: RpcServer, servicer: Servicer) -> None:
    servicer.gate.clear()
    call = asyncio.ensure_future(_start(stub))
    await servicer.entered.wait()
    stopping = asyncio.ensure_future(server.stop(30))
    await asyncio.sleep(0)
    servicer.gate.set()
    await stopping
    assert (await call).execution_id == "late"


async def _start(stub: Stub) -> api.StartResponse:
    return await stub.Start(api.StartRequest(namespace="late"))
