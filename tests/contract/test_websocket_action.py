"""The action `ws.receive` against a real server, and every way to go wrong."""

import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import orjson
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tests.contract.http_calls import KEY, error, kind, output
from tests.contract.http_calls import LIMITS as HTTP_LIMITS
from tests.unit.actions.samples import call
from tidemill.actions.adapters.asyncapi.limits import SocketLimits
from tidemill.actions.adapters.asyncapi.websocket import SocketAction
from tidemill.actions.adapters.http.action import HttpAction
from tidemill.actions.core.model import Outcome
from tidemill.clock import SystemClock
from tidemill.stack.ports import free_ports

pytestmark = pytest.mark.usefixtures("loaded_certificates")

LIMITS = SocketLimits(
    connect_timeout_us=5_000_000,
    timeout_us_max=20_000_000,
    message_bytes_max=2_000,
    messages_bytes_max=5_000,
)
Ask = Callable[..., Coroutine[object, object, Outcome]]
Handler = Callable[[ServerConnection], Coroutine[object, object, None]]


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    async with asking() as ask:
        yield ask


@asynccontextmanager
async def asking(hosts: str = "", **limits: int) -> AsyncIterator[Ask]:
    """Take messages from a WebSocket."""
    http = HttpAction(HTTP_LIMITS, hosts)
    action = SocketAction(http, replace(LIMITS, **limits))

    async def ask(uri: str, most: int = 1, **arguments: object) -> Outcome:
        given = {"uri": uri, "max": most, "contentType": "application/json", **arguments}
        return await action.run(call(KEY, arguments=orjson.dumps(given), action="ws.receive"))

    try:
        yield ask
    finally:
        await http.close()


@asynccontextmanager
async def sending(
    handler: Handler, refuse: HTTPStatus | None = None
) -> AsyncIterator[tuple[str, list[Request]]]:
    """A server; yields its address, and the requests that it has seen."""
    seen: list[Request] = []

    def look(connection: ServerConnection, request: Request) -> Response | None:
        seen.append(request)
        return connection.respond(refuse, "no") if refuse else None

    async with serve(handler, "127.0.0.1", 0, process_request=look) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/notes", seen


def saying(*values: object) -> Handler:
    """Send these, then wait for the end."""

    async def handler(connection: ServerConnection) -> None:
        for value in values:
            await connection.send(value if isinstance(value, str) else orjson.dumps(value))
        await connection.wait_closed()

    return handler


def messages(outcome: Outcome) -> list[Any]:
    answer: Any = output(outcome)
    assert answer["position"] is None
    return [message["payload"] for message in answer["messages"]]


async def test_as_many_messages_as_are_wanted_are_taken_from_one_connection(ask: Ask) -> None:
    async with sending(saying({"n": 1}, '{"n": 2}', {"n": 3}, {"n": 4})) as (uri, seen):
        passes = {"expression": ".payload.n != $context", "variables": {"context": 2}, "nowUs": 0}
        assert messages(await ask(uri, 2, filter=passes)) == [{"n": 1}, {"n": 3}]
        assert [request.path for request in seen] == ["/notes"]


async def test_the_correlation_id_is_in_the_payload(ask: Ask) -> None:
    async with sending(saying({"id": 7})) as (uri, _):
        answer: Any = output(await ask(uri, correlation="$message.payload#/id"))
        assert answer["messages"] == [{"payload": {"id": 7}, "headers": {}, "correlationId": "7"}]


async def test_at_the_time_that_is_said_there_are_those_that_have_come(ask: Ask) -> None:
    async with sending(saying({"n": 1})) as (uri, _):
        until_us = SystemClock().now_us() + 1_000_000
        assert messages(await ask(uri, 5, untilUs=until_us)) == [{"n": 1}]


async def test_who_is_calling_is_told(ask: Ask) -> None:
    basic = {"basic": {"username": "ada", "password": "love"}}
    async with sending(saying(1)) as (uri, seen):
        assert messages(await ask(uri, authentication={"bearer": {"token": "t0k"}})) == [1]
        assert messages(await ask(uri, authentication=basic)) == [1]
        told = [request.headers["authorization"] for request in seen]
        assert told == ["Bearer t0k", "Basic YWRhOmxvdmU="]


async def test_hosts_may_be_elsewhere() -> None:
    async with sending(saying(1)) as (uri, seen):
        here = uri.replace("ws:", "http:").removesuffix("/notes")
        async with asking(hosts=f"fake.com={here}") as ask:
            assert messages(await ask("ws://fake.com/notes")) == [1]
        assert seen[0].headers["host"] == "fake.com"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (HTTPStatus.UNAUTHORIZED, ("authentication", 401)),
        (HTTPStatus.NOT_FOUND, ("communication", 404)),
        (HTTPStatus.FOUND, ("communication", 302)),
        (HTTPStatus.SERVICE_UNAVAILABLE, ("communication", 503)),
    ],
)
async def test_a_server_may_refuse(ask: Ask, status: HTTPStatus, expected: tuple[str, int]) -> None:
    async with sending(saying(), refuse=status) as (uri, seen):
        assert kind(error(await ask(uri, authentication={"bearer": {"token": "t"}}))) == expected
        assert len(seen) == 1


async def ended(connection: ServerConnection) -> None:
    await connection.send("1")


async def test_a_connection_that_ends_too_soon_is_told(ask: Ask) -> None:
    async with sending(ended) as (uri, _):
        assert kind(error(await ask(uri, 2))) == ("communication", 502)


@pytest.mark.parametrize(
    ("sent", "expected", "words"),
    [
        (["x" * 3_000], ("communication", 413), "message too big"),
        ([{"text": "x" * 1_900}] * 3, ("communication", 413), "ws_messages_bytes_max"),
        (['{"a":'], ("validation", 400), "is no application/json"),
    ],
)
async def test_messages_that_cannot_be_taken_are_told(
    ask: Ask, sent: list[object], expected: tuple[str, int], words: str
) -> None:
    async with sending(saying(*sent)) as (uri, _):
        problem = error(await ask(uri, 9))
        assert kind(problem) == expected
        assert words in problem.detail


async def test_servers_that_do_not_answer() -> None:
    [port] = free_ports(1)
    async with asking(connect_timeout_us=200_000) as ask:
        assert kind(error(await ask(f"ws://127.0.0.1:{port}/"))) == ("communication", 503)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            there = silent.getsockname()[1]
            assert kind(error(await ask(f"ws://127.0.0.1:{there}/"))) == ("communication", 503)


@pytest.mark.parametrize("uri", ["http://a.example/", "ws://"])
async def test_an_address_that_is_none_is_told(ask: Ask, uri: str) -> None:
    assert kind(error(await ask(uri))) == ("configuration", 400)
