"""The action `mcp` over HTTP: a real server of the official SDK, and every way to go wrong."""

import asyncio
import json
import socket
import zlib
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.http_calls import KEY, error, kind, output
from tests.contract.mcp_calls import Ask, asking, http_action, tool
from tests.contract.mcp_server import WebServer, make_breaking_server, running_mcp_server, serving
from tests.contract.provider import Provider, Reply, running_provider

pytestmark = pytest.mark.usefixtures("loaded_certificates")

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def server() -> Iterator[WebServer]:
    with running_mcp_server() as server:
        yield server


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    http = http_action()
    yield asking(http)
    await http.close()


def over(url: str, *, authentication: object = None, **headers: object) -> dict[str, object]:
    """The transport to a URL."""
    endpoint: object = url if authentication is None else {"uri": url, "authentication": authentication}
    return {"http": {"endpoint": endpoint, "headers": headers}}


def result(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize(
    ("method", "parameters", "member"),
    [
        ("tools/list", {}, "tools"),
        ("tools/call", tool("add", a=2, b=3), "content"),
        ("prompts/list", {}, "prompts"),
        ("prompts/get", {"name": "greeting", "arguments": {"name": "Ada"}}, "messages"),
        ("resources/list", {}, "resources"),
        ("resources/read", {"uri": "note://welcome"}, "contents"),
        ("resources/templates/list", {}, "resourceTemplates"),
    ],
)
async def test_every_method_gives_its_result(
    ask: Ask, server: WebServer, method: str, parameters: object, member: str
) -> None:
    given = result(output(await ask(method, parameters=parameters, transport=over(server.url))))
    assert given[member]


async def test_results_are_what_the_server_gave(ask: Ask, server: WebServer) -> None:
    prompt = result(
        output(
            await ask(
                "prompts/get",
                parameters={"name": "greeting", "arguments": {"name": "Ada"}},
                transport=over(server.url),
            )
        )
    )
    assert prompt["messages"] == [{"role": "user", "content": {"type": "text", "text": "Say hello to Ada."}}]
    read = result(
        output(await ask("resources/read", parameters={"uri": "note://ada/card"}, transport=over(server.url)))
    )
    contents = read["contents"]
    assert isinstance(contents, list)
    assert [content["text"] for content in contents] == ["A card of ada."]


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"])
async def test_every_version_of_the_protocol_is_spoken(ask: Ask, server: WebServer, version: str) -> None:
    outcome = await ask(parameters=tool("add", a=1, b=1), transport=over(server.url), protocolVersion=version)
    assert result(output(outcome))["structuredContent"] == {"result": 2}


async def test_a_version_that_nobody_knows_is_a_configuration_error(ask: Ask, server: WebServer) -> None:
    problem = error(await ask("tools/list", transport=over(server.url), protocolVersion="1999-01-01"))
    assert kind(problem) == ("configuration", 400)


async def test_a_server_may_answer_in_json(ask: Ask) -> None:
    with running_mcp_server(json_response=True) as server:
        outcome = await ask(parameters=tool("add", a=1, b=1), transport=over(server.url))
    assert result(output(outcome))["structuredContent"] == {"result": 2}


async def test_a_session_ends_with_its_call_and_nothing_is_listened_to(ask: Ask, server: WebServer) -> None:
    server.requests.clear()
    await ask(parameters=tool("add", a=1, b=1), transport=over(server.url))
    assert server.methods == ["POST", "POST", "POST", "DELETE"]


async def test_headers_and_the_key_go_along_but_the_key_with_the_request_alone(
    ask: Ask, server: WebServer
) -> None:
    server.requests.clear()
    transport = over(server.url, **{"X-Tenant": "t7"})
    seen = result(output(await ask(parameters=tool("headers"), transport=transport)))
    text = json.dumps(seen)
    assert KEY in text
    assert "t7" in text
    assert [headers.get("x-tenant") for _, headers in server.requests] == ["t7"] * 4
    keys = [headers.get("idempotency-key") for _, headers in server.requests]
    assert keys == [None, None, KEY, None]


async def test_authentication_goes_along_and_is_shown_nowhere(ask: Ask, server: WebServer) -> None:
    server.requests.clear()
    login = {"basic": {"username": "ann", "password": "pa55-word"}}
    outcome = await ask(parameters=tool("headers"), transport=over(server.url, authentication=login))
    assert {headers["authorization"] for _, headers in server.requests} == {"Basic YW5uOnBhNTUtd29yZA=="}
    assert outcome.output is not None
    assert b"YW5uOnBhNTUtd29yZA" not in outcome.output
    assert b"***" in outcome.output


async def test_an_error_of_the_server_is_a_communication_error_with_its_words(
    ask: Ask, server: WebServer
) -> None:
    problem = error(await ask("prompts/get", parameters={"name": "nothing"}, transport=over(server.url)))
    assert kind(problem) == ("communication", 500)
    assert problem.detail.startswith("prompts/get was answered with the error ")
    assert "nothing" in problem.detail


async def test_a_tool_that_fails_is_a_runtime_error_with_its_words(ask: Ask, server: WebServer) -> None:
    problem = error(await ask(parameters=tool("fail", text="xxxx " * 1_000), transport=over(server.url)))
    assert kind(problem) == ("runtime", 500)
    assert "xxxx" in problem.detail
    assert len(problem.detail) < 1_000


async def test_a_timeout_is_the_authors(ask: Ask, server: WebServer) -> None:
    outcome = await ask(parameters=tool("sleep", seconds=30), transport=over(server.url), timeoutUs=1_000_000)
    problem = error(outcome)
    assert kind(problem) == ("timeout", 408)
    assert problem.detail == "tools/call was not answered within 1 seconds"


async def test_a_cancellation_ends_the_session(ask: Ask, server: WebServer) -> None:
    server.requests.clear()
    task = asyncio.ensure_future(ask(parameters=tool("sleep", seconds=30), transport=over(server.url)))
    async with asyncio.timeout(10):
        while server.methods.count("POST") < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.methods[-1] == "DELETE"


async def test_nobody_there_is_a_communication_error(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    problem = error(await ask("tools/list", transport=over(f"http://127.0.0.1:{port}/mcp")))
    assert kind(problem) == ("communication", 503)
    assert problem.detail.startswith(f"POST http://127.0.0.1:{port}/mcp: ")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_a_bad_status_is_a_communication_error(ask: Ask, provider: Provider, status: int) -> None:
    url = provider.on("/mcp", Reply(status, {}, b"go away"))
    problem = error(await ask("tools/list", transport=over(url)))
    assert kind(problem) == ("communication", status)
    assert "go away" in problem.detail


async def test_an_error_with_a_bad_status_is_the_servers_own(ask: Ask, provider: Provider) -> None:
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "not today"}}
    problem = error(await ask("tools/list", transport=over(provider.json("/mcp", body, 400))))
    assert kind(problem) == ("communication", 500)
    assert problem.detail == "tools/list was answered with the error -32600: not today"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, JSON, b"{oops"),
        Reply(200, JSON, b'{"jsonrpc": "2.0", "id": 1}'),
        Reply(200, JSON, b'{"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": 7}}'),
        Reply(200, {"content-type": "text/html"}, b"<p>Hello</p>"),
        Reply(200, {"content-type": "text/event-stream"}, b"data: {oops\n\n"),
        Reply(200, {"content-type": "text/event-stream"}, b": nothing\n\n"),
        Reply(202, {}, b""),
        Reply(200, JSON, b'{"jsonrpc": "2.0"', cut=True),
    ],
    ids=["no JSON", "no answer", "no handshake", "HTML", "bad event", "no event", "accepted", "cut"],
)
async def test_a_malformed_answer_is_a_bad_gateway(ask: Ask, provider: Provider, reply: Reply) -> None:
    outcome = await ask("tools/list", transport=over(provider.on("/mcp", reply)), timeoutUs=10_000_000)
    assert kind(error(outcome)) == ("communication", 502)


async def test_a_stream_that_breaks_off_is_taken_up_again(ask: Ask) -> None:
    with serving(make_breaking_server()) as server:
        assert output(await ask("tools/list", transport=over(server.url))) == {"tools": []}
    assert server.methods == ["POST", "POST", "POST", "GET"]
    assert server.requests[-1][1]["last-event-id"] == "first"


async def test_a_compressed_answer_is_read(ask: Ask, provider: Provider) -> None:
    body = b'{"jsonrpc": "2.0", "id": 1, "error": {"code": 7, "message": "pressed"}}'
    packed = {"content-type": "application/json", "content-encoding": "deflate"}
    url = provider.on("/mcp", Reply(200, packed, zlib.compress(body)))
    assert error(await ask("tools/list", transport=over(url))).detail.endswith("the error 7: pressed")


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
async def test_a_huge_answer_is_refused(ask: Ask, provider: Provider, content_type: str) -> None:
    url = provider.on("/mcp", Reply(200, {"content-type": content_type}, b"data: " + b"x" * 200_000))
    problem = error(await ask("tools/list", transport=over(url)))
    assert kind(problem) == ("communication", 502)
    assert problem.detail.endswith("the answer is over mcp_response_bytes_max, 100000")


async def test_the_answers_of_a_session_are_bounded_together(server: WebServer) -> None:
    http = http_action()
    # Enough for the handshake, and for the answer, but not for both.
    outcome = await asking(http, response_bytes_max=380)(
        parameters=tool("add", a=1, b=1), transport=over(server.url)
    )
    problem = error(outcome)
    assert kind(problem) == ("communication", 502)
    assert problem.detail.endswith("the answer is over mcp_response_bytes_max, 380")
    assert server.methods[-1] == "DELETE"
    await http.close()


async def test_a_redirection_elsewhere_is_not_followed(ask: Ask, provider: Provider) -> None:
    url = provider.on("/mcp", Reply(307, {"location": "http://localhost:1/mcp"}))
    login = {"bearer": {"token": "t0ken"}}
    problem = error(await ask("tools/list", transport=over(url, authentication=login)))
    assert kind(problem) == ("communication", 307)
    assert len(provider.received) == 1


async def test_a_redirection_on_the_same_server_is_followed(ask: Ask, server: WebServer) -> None:
    outcome = await ask(parameters=tool("add", a=1, b=1), transport=over(server.url + "/"))
    assert result(output(outcome))["structuredContent"] == {"result": 2}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"method": "tools/drop", "transport": over("http://a.example")}, "validation"),
        ({"transport": {}}, "configuration"),
        (
            {"transport": {"http": {"endpoint": "https://a.example"}, "stdio": {"command": "a"}}},
            "configuration",
        ),
        ({"transport": over("ftp://a.example")}, "configuration"),
        ({"transport": over("http://")}, "configuration"),
        ({"transport": over("http://a.example", x="a\nb")}, "validation"),
        ({"transport": over("http://a.example", authentication={"magic": {}})}, "configuration"),
        ({"transport": over("http://a.example"), "parameters": [1]}, "validation"),
        ({"transport": {"stdio": {"command": "a\0b"}}}, "validation"),
        ({"transport": {"stdio": {"command": "a", "environment": {"A=B": "c"}}}}, "validation"),
    ],
)
async def test_bad_arguments_are_refused(ask: Ask, arguments: dict[str, object], expected: str) -> None:
    outcome = await ask(**arguments)
    assert kind(error(outcome)) == (expected, 400)
