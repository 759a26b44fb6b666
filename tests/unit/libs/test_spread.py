"""One channel over several services: whose turn it is, who is passed over, who is found again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from functools import partial
from itertools import pairwise

import grpc
import pytest

from tests.waiting import eventually
from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1 import execution_service_pb2 as api
from tidemill.api.engine.v1 import execution_service_pb2_grpc as grpc_api
from tidemill.errors import InvalidRequestError
from tidemill.rpc import RpcServer, RpcService, build_server, connect
from tidemill.rpc.addresses import split_address, split_addresses
from tidemill.rpc.repeating import first_reached
from tidemill.rpc.spread import SpreadChannel

State = grpc.ChannelConnectivity


class Named(grpc_api.ExecutionServiceServicer):
    """Answers with its name, and streams it for as long as somebody listens."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def Start(self, request: api.StartRequest, context: object) -> api.StartResponse:
        return api.StartResponse(execution_id=self.name)

    async def Watch(self, request: api.WatchRequest, context: object) -> AsyncIterator[api.WatchResponse]:
        yield api.WatchResponse(execution=execution_pb2.Execution(execution_id=self.name))
        await asyncio.Event().wait()


async def started(name: str, address: str = "127.0.0.1:0") -> RpcServer:
    servicer = Named(name)  # type: ignore[abstract]  # the methods left out are never called
    register = partial(grpc_api.add_ExecutionServiceServicer_to_server, servicer)
    service = RpcService("tidemill.api.engine.v1.ExecutionService", register)
    server = build_server(address, [service])
    await server.start()
    return server


async def asked(channel: grpc.aio.Channel) -> str:
    answer = await grpc_api.ExecutionServiceStub(channel).Start(api.StartRequest(), timeout=10)
    return answer.execution_id


async def both(channel: grpc.aio.Channel) -> bool:
    return {await asked(channel), await asked(channel)} == {"a", "b"}


class Scripted:
    """A channel that is in some state."""

    def __init__(self, state: State) -> None:
        self.state = state

    def get_state(self, try_to_connect: bool = False) -> State:
        return self.state


@pytest.mark.parametrize(
    ("states", "picked"),
    [
        ((State.READY, State.READY, State.READY), {0, 1, 2}),
        ((State.READY, State.TRANSIENT_FAILURE, State.READY), {0, 2}),
        ((State.TRANSIENT_FAILURE, State.READY, State.CONNECTING), {1}),
        ((State.TRANSIENT_FAILURE, State.CONNECTING, State.TRANSIENT_FAILURE), {1}),
        ((State.TRANSIENT_FAILURE, State.TRANSIENT_FAILURE), {0, 1}),
    ],
)
def test_calls_take_turns_over_the_best_there_are(states: tuple[State, ...], picked: set[int]) -> None:
    channel = SpreadChannel([Scripted(state) for state in states])  # type: ignore[misc]
    turns = [channel.pick() for _ in range(6)]
    assert set(turns) == picked
    assert len(picked) == 1 or all(one != other for one, other in pairwise(turns))


async def test_calls_go_to_all_and_go_on_when_one_dies_and_comes_back() -> None:
    first, second = await started("a"), await started("b")
    async with connect(f"{first.address}, {second.address}") as channel:
        await eventually(lambda: both(channel))
        await first.stop(0)
        answers = [await first_reached(lambda: _start(channel), 2) for _ in range(10)]
        assert {answer.execution_id for answer in answers} == {"b"}
        again = await started("a", first.address)
        await eventually(lambda: both(channel))
        await again.stop(0)
    await second.stop(0)


def _start(channel: grpc.aio.Channel) -> Awaitable[api.StartResponse]:
    return grpc_api.ExecutionServiceStub(channel).Start(api.StartRequest(), timeout=10)


async def test_a_name_stands_for_its_server() -> None:
    server = await started("a")
    async with connect(f"localhost:{server.address.rpartition(':')[2]}") as channel:
        assert await asked(channel) == "a"
    await server.stop(0)


async def test_the_first_that_is_there_is_waited_for_whichever_it_is() -> None:
    server = await started("b")
    async with connect(f"127.0.0.1:1,{server.address}") as channel:
        async with asyncio.timeout(10):
            await channel.channel_ready()
        assert channel.get_state() is State.READY
        assert [await asked(channel) for _ in range(3)] == ["b"] * 3
    await server.stop(0)


async def test_a_stream_ends_with_its_service_and_the_next_one_is_with_another() -> None:
    servers = {name: await started(name) for name in "ab"}
    async with connect(",".join(server.address for server in servers.values())) as channel:
        await channel.channel_ready()
        stub = grpc_api.ExecutionServiceStub(channel)
        stream = stub.Watch(api.WatchRequest())
        carrier = _name(await stream.read())
        await servers[carrier].stop(0)
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await stream.read()
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        await channel.channel_ready()
        again = stub.Watch(api.WatchRequest())
        assert {_name(await again.read()), carrier} == {"a", "b"}
        again.cancel()
    for server in servers.values():
        await server.stop(0)


def _name(read: object) -> str:
    assert isinstance(read, api.WatchResponse)
    return read.execution.execution_id


async def test_what_is_not_unavailable_is_not_asked_of_another() -> None:
    asked_times = 0

    async def refuse() -> None:
        nonlocal asked_times
        asked_times += 1
        raise grpc.aio.AioRpcError(
            grpc.StatusCode.NOT_FOUND, grpc.aio.Metadata(), grpc.aio.Metadata(), details="no"
        )

    with pytest.raises(grpc.aio.AioRpcError):
        await first_reached(refuse, 3)
    assert asked_times == 1


def test_a_list_of_addresses_is_read() -> None:
    assert split_addresses("X", "a:1, b:2,[::1]:3") == ("a:1", "b:2", "[::1]:3")
    assert split_address("X", "[::1]:3") == ("[::1]", 3)


@pytest.mark.parametrize("wrong", ["a:1,", ",", "a:1,b", "a:1,a:1", "::1:3", ""])
def test_what_is_no_list_of_addresses_is_refused_by_its_name(wrong: str) -> None:
    with pytest.raises(InvalidRequestError, match="TIDEMILL_X"):
        split_addresses("TIDEMILL_X", wrong)
