"""The action `http` against a real server: every option of the DSL's call, and every way to go wrong."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import orjson
import pytest

from tests.contract.http_calls import KEY, LIMITS, error, kind, output
from tests.contract.provider import Provider, Reply, compressed, running_provider
from tests.unit.actions.samples import call
from tidemill.actions.adapters.http.action import HttpAction
from tidemill.actions.core.model import Outcome
from tidemill.errors import InvalidRequestError

pytestmark = pytest.mark.usefixtures("loaded_certificates")

Send = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


async def make(hosts: str = "") -> AsyncIterator[Send]:
    calls = HttpAction(LIMITS, hosts)

    async def send(**arguments: object) -> Outcome:
        return await calls.run(call(KEY, arguments=orjson.dumps(arguments)))

    yield send
    await calls.close()


@pytest.fixture
async def send() -> AsyncIterator[Send]:
    async for sender in make():
        yield sender


@pytest.fixture
async def send_redirected(provider: Provider) -> AsyncIterator[Send]:
    async for sender in make(f"api.example.com={provider.url}/stub, other.example:8443={provider.url}"):
        yield sender


async def test_content_is_read_as_json(provider: Provider, send: Send) -> None:
    url = provider.json("/pets", [{"id": 1, "name": "Ada"}])
    assert output(await send(method="get", endpoint=url)) == [{"id": 1, "name": "Ada"}]
    assert provider.last.method == "GET"


async def test_the_idempotency_key_goes_along(provider: Provider, send: Send) -> None:
    await send(method="post", endpoint={"uri": provider.json("/sms", {})}, body={"to": "Ada"})
    assert provider.last.headers["idempotency-key"] == KEY


async def test_an_author_may_send_an_idempotency_key_of_their_own(provider: Provider, send: Send) -> None:
    url = provider.json("/sms", {})
    await send(method="post", endpoint=url, headers={"Idempotency-Key": "order-7"})
    assert provider.last.headers["idempotency-key"] == "order-7"


@pytest.mark.parametrize("method", ["get", "POST", "Put", "patch", "delete", "options", "report"])
async def test_every_method_is_sent_in_capitals(provider: Provider, send: Send, method: str) -> None:
    await send(method=method, endpoint=provider.json("/", {}))
    assert provider.last.method == method.upper()


async def test_a_head_has_no_content(provider: Provider, send: Send) -> None:
    assert output(await send(method="head", endpoint=provider.json("/", {"a": 1}))) is None


async def test_headers_are_sent_as_text(provider: Provider, send: Send) -> None:
    headers = {"X-Text": "a b", "X-Number": 1.5, "X-Flag": True, "X-None": None}
    await send(method="get", endpoint=provider.json("/", {}), headers=headers)
    sent = provider.last.headers
    assert (sent["x-text"], sent["x-number"], sent["x-flag"]) == ("a b", "1.5", "true")
    assert "x-none" not in sent


async def test_the_query_is_added_to_that_of_the_uri(provider: Provider, send: Send) -> None:
    url = provider.json("/find", {}) + "?fixed=a%20b"
    query = {"status": ["new", "old"], "limit": 5, "deep": True, "text": "ä&=", "none": None}
    await send(method="get", endpoint=url, query=query)
    expected = "/find?fixed=a%20b&status=new&status=old&limit=5&deep=true&text=%C3%A4%26%3D"
    assert provider.last.path == expected


async def test_a_body_is_json_unless_said_otherwise(provider: Provider, send: Send) -> None:
    await send(method="post", endpoint=provider.json("/", {}), body={"to": "Ada", "n": [1, None]})
    assert provider.last.headers["content-type"] == "application/json"
    assert orjson.loads(provider.last.body) == {"to": "Ada", "n": [1, None]}


@pytest.mark.parametrize("body", [False, 0, [], {}])
async def test_a_body_that_is_falsy_is_sent_too(provider: Provider, send: Send, body: object) -> None:
    await send(method="post", endpoint=provider.json("/", {}), body=body)
    assert provider.last.body == orjson.dumps(body)


async def test_no_body_is_sent_without_one(provider: Provider, send: Send) -> None:
    await send(method="post", endpoint=provider.json("/", {}), body=None)
    assert provider.last.body == b""
    assert "content-type" not in provider.last.headers


async def test_a_body_of_another_json_type_keeps_its_type(provider: Provider, send: Send) -> None:
    headers = {"Content-Type": "application/vnd.api+json"}
    await send(method="post", endpoint=provider.json("/", {}), headers=headers, body={"a": 1})
    assert provider.last.headers["content-type"] == "application/vnd.api+json"
    assert provider.last.body == b'{"a":1}'


async def test_a_string_is_sent_as_it_stands(provider: Provider, send: Send) -> None:
    await send(method="post", endpoint=provider.json("/", {}), body="grüße")
    assert provider.last.body == "grüße".encode()
    assert provider.last.headers["content-type"] == "text/plain; charset=utf-8"
    xml = {"content-type": "application/xml"}
    await send(method="post", endpoint=provider.json("/", {}), headers=xml, body="<a/>")
    assert (provider.last.body, provider.last.headers["content-type"]) == (b"<a/>", "application/xml")


async def test_a_form_is_encoded_as_one(provider: Provider, send: Send) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    body = {"to": "a b", "tag": ["x", "y"], "n": 1, "none": None}
    await send(method="post", endpoint=provider.json("/", {}), headers=form, body=body)
    assert provider.last.body == b"to=a+b&tag=x&tag=y&n=1"


async def test_a_body_that_its_type_cannot_carry_is_a_validation_error(
    provider: Provider, send: Send
) -> None:
    headers = {"content-type": "application/xml"}
    outcome = await send(method="post", endpoint=provider.json("/", {}), headers=headers, body={"a": 1})
    assert kind(error(outcome)) == ("validation", 400)
    assert provider.received == []


async def test_output_response_has_the_whole_answer_and_masks_credentials(
    provider: Provider, send: Send
) -> None:
    url = provider.json("/pets/1", {"id": 1}, status=201)
    bearer = {"bearer": {"token": "secret-token"}}
    outcome = await send(
        method="get", endpoint={"uri": url, "authentication": bearer}, headers={"X-A": "b"}, output="response"
    )
    value = output(outcome)
    assert isinstance(value, dict)
    assert (value["statusCode"], value["content"]) == (201, {"id": 1})
    assert value["headers"]["content-type"] == "application/json; charset=utf-8"
    assert (value["request"]["method"], value["request"]["uri"]) == ("GET", url)
    assert value["request"]["headers"]["authorization"] == "***"
    assert value["request"]["headers"]["x-a"] == "b"
    assert provider.last.headers["authorization"] == "Bearer secret-token"
    assert b"secret-token" not in (outcome.output or b"")


async def test_output_raw_is_base64(provider: Provider, send: Send) -> None:
    url = provider.json("/", {"a": 1})
    assert (
        output(await send(method="get", endpoint=url, output="raw")) == base64.b64encode(b'{"a": 1}').decode()
    )
    empty = provider.on("/empty", Reply(204))
    assert output(await send(method="get", endpoint=empty, output="raw")) is None


async def test_text_is_a_string_in_its_charset(provider: Provider, send: Send) -> None:
    url = provider.on(
        "/", Reply(200, {"Content-Type": "text/plain; charset=latin-1"}, "grüß".encode("latin-1"))
    )
    assert output(await send(method="get", endpoint=url)) == "grüß"


async def test_other_content_is_base64_and_nothing_is_null(provider: Provider, send: Send) -> None:
    url = provider.on("/image", Reply(200, {"Content-Type": "image/png"}, b"\x89PNG\x00"))
    assert output(await send(method="get", endpoint=url)) == base64.b64encode(b"\x89PNG\x00").decode()
    untyped = provider.on("/untyped", Reply(200, {}, b"abc"))
    assert output(await send(method="get", endpoint=untyped)) == base64.b64encode(b"abc").decode()
    assert output(await send(method="get", endpoint=provider.on("/none", Reply(204)))) is None


async def test_a_compressed_answer_is_read(provider: Provider, send: Send) -> None:
    url = provider.on("/", compressed(b"hello" * 10))
    assert output(await send(method="get", endpoint=url)) == "hello" * 10


async def test_basic_authentication(provider: Provider, send: Send) -> None:
    basic = {"basic": {"username": "ada", "password": "lovelace"}}
    await send(method="get", endpoint={"uri": provider.json("/", {}), "authentication": basic})
    expected = base64.b64encode(b"ada:lovelace").decode()
    assert provider.last.headers["authorization"] == f"Basic {expected}"


@pytest.mark.parametrize("authentication", [{}, {"ntlm": {}}, {"basic": {}, "bearer": {"token": "x"}}])
async def test_an_authentication_that_is_not_one_of_the_schemes_is_a_configuration_error(
    send: Send, authentication: dict[str, object]
) -> None:
    endpoint = {"uri": "http://example.com", "authentication": authentication}
    assert kind(error(await send(method="get", endpoint=endpoint))) == ("configuration", 400)


@pytest.mark.parametrize("status", [301, 302, 304, 400, 401, 404, 409, 429, 500, 503])
async def test_a_bad_status_is_a_communication_error_with_that_status(
    provider: Provider, send: Send, status: int
) -> None:
    outcome = await send(method="get", endpoint=provider.json("/", {"why": "because"}, status=status))
    assert kind(error(outcome)) == ("communication", status)


async def test_the_error_has_a_bounded_excerpt_without_the_credentials(
    provider: Provider, send: Send
) -> None:
    url = provider.on("/", Reply(500, {}, b"your token is\n secret-token " + b"x" * 5_000))
    bearer = {"bearer": {"token": "secret-token"}}
    problem = error(await send(method="get", endpoint={"uri": url, "authentication": bearer}))
    assert problem.detail.startswith(f"GET {url} answered 500 Internal Server Error: your token is *** xxx")
    assert len(problem.detail) < 200


async def test_a_user_in_the_uri_is_used_and_never_shown(provider: Provider, send: Send) -> None:
    url = provider.json("/", {}, status=418).replace("://", "://ada:lovelace@")
    problem = error(await send(method="get", endpoint=url))
    assert provider.last.headers["authorization"].startswith("Basic ")
    assert "lovelace" not in problem.detail


async def test_a_redirection_is_followed_only_where_it_is_allowed(provider: Provider, send: Send) -> None:
    provider.json("/new", {"here": True})
    url = provider.on("/old", Reply(302, {"Location": "/new"}))
    assert kind(error(await send(method="get", endpoint=url))) == ("communication", 302)
    assert output(await send(method="get", endpoint=url, redirect=True)) == {"here": True}
    assert [one.path for one in provider.received] == ["/old", "/old", "/new"]
    assert {one.headers["idempotency-key"] for one in provider.received} == {KEY}


async def test_a_status_of_redirection_without_a_target_is_fine_where_it_is_allowed(
    provider: Provider, send: Send
) -> None:
    url = provider.on("/", Reply(304))
    value = output(await send(method="get", endpoint=url, redirect=True, output="response"))
    assert isinstance(value, dict)
    assert value["statusCode"] == 304


async def test_a_post_that_is_redirected_with_307_keeps_its_body(provider: Provider, send: Send) -> None:
    provider.json("/new", {})
    url = provider.on("/old", Reply(307, {"Location": "/new"}))
    await send(method="post", endpoint=url, body={"a": 1}, redirect=True)
    assert (provider.last.method, provider.last.path, provider.last.body) == ("POST", "/new", b'{"a":1}')


async def test_endless_redirection_is_an_error(provider: Provider, send: Send) -> None:
    url = provider.on("/", Reply(302, {"Location": "/"}))
    assert kind(error(await send(method="get", endpoint=url, redirect=True))) == ("communication", 502)
    assert len(provider.received) == LIMITS.redirects_max + 1


async def test_a_response_over_its_limit_is_an_error(provider: Provider, send: Send) -> None:
    url = provider.on("/", Reply(200, {"Content-Type": "text/plain"}, b"x" * 10_001))
    problem = error(await send(method="get", endpoint=url))
    assert kind(problem) == ("communication", 502)
    assert "http_response_bytes_max" in problem.detail
    within = provider.on("/within", Reply(200, {"Content-Type": "text/plain"}, b"x" * 10_000))
    assert output(await send(method="get", endpoint=within)) == "x" * 10_000


async def test_the_limit_holds_for_what_compression_unfolds_to(provider: Provider, send: Send) -> None:
    url = provider.on("/", compressed(b"x" * 1_000_000))
    assert kind(error(await send(method="get", endpoint=url))) == ("communication", 502)


async def test_json_that_is_none_is_an_error(provider: Provider, send: Send) -> None:
    url = provider.on("/", Reply(200, {"Content-Type": "application/json"}, b"{broken"))
    assert kind(error(await send(method="get", endpoint=url))) == ("communication", 502)


async def test_a_body_that_breaks_off_is_an_error_but_does_not_hide_a_bad_status(
    provider: Provider, send: Send
) -> None:
    url = provider.on("/", Reply(200, {"Content-Type": "text/plain"}, b"half", cut=True))
    assert kind(error(await send(method="get", endpoint=url))) == ("communication", 502)
    url = provider.on("/bad", Reply(404, {"Content-Type": "text/plain"}, b"half", cut=True))
    assert kind(error(await send(method="get", endpoint=url))) == ("communication", 404)


async def test_a_refused_connection_is_a_communication_error(send: Send) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    problem = error(await send(method="get", endpoint=url))
    assert kind(problem) == ("communication", 503)
    assert url in problem.detail


async def test_a_host_that_does_not_exist_is_a_communication_error(send: Send) -> None:
    assert kind(error(await send(method="get", endpoint="http://no-such-host.invalid/"))) == (
        "communication",
        503,
    )


async def test_a_cancelled_call_closes_its_connection_and_the_next_one_works(
    provider: Provider, send: Send
) -> None:
    slow = provider.on("/slow", Reply(200, {}, b"", delay_seconds=0.5))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await send(method="get", endpoint=slow)
    assert output(await send(method="get", endpoint=provider.json("/", {"a": 1}))) == {"a": 1}


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"method": "get", "endpoint": "/relative"}, "configuration"),
        ({"method": "get", "endpoint": "ftp://example.com/"}, "configuration"),
        ({"method": "get", "endpoint": "http://"}, "configuration"),
        ({"method": "get", "endpoint": "http://example.com:port/"}, "configuration"),
        ({"method": "get"}, "validation"),
        ({"method": "get", "endpoint": {"url": "http://example.com"}}, "validation"),
        ({"method": "get", "endpoint": 5}, "validation"),
        ({"endpoint": "http://example.com"}, "validation"),
        ({"method": "g e t", "endpoint": "http://example.com"}, "validation"),
        ({"method": "get", "endpoint": "http://example.com", "output": "xml"}, "validation"),
        ({"method": "get", "endpoint": "http://example.com", "redirect": "yes"}, "validation"),
        ({"method": "get", "endpoint": "http://example.com", "headers": []}, "validation"),
        ({"method": "get", "endpoint": "http://example.com", "headers": {"a": {}}}, "validation"),
        ({"method": "get", "endpoint": "http://example.com", "headers": {"a": "b\r\nc: d"}}, "validation"),
        ({"method": "get", "endpoint": "http://example.com", "query": {"a": {"b": 1}}}, "validation"),
        ({"method": "get", "endpoint": "http://example.com", "bodies": 1}, "validation"),
        (
            {"method": "get", "endpoint": {"uri": "http://example.com", "authentication": {"basic": {}}}},
            "validation",
        ),
    ],
)
async def test_arguments_that_make_no_request_are_errors(
    provider: Provider, send_redirected: Send, arguments: dict[str, object], name: str
) -> None:
    assert kind(error(await send_redirected(**arguments))) == (name, 400)
    assert provider.received == []


@pytest.mark.parametrize("header", [{"x a": "b"}, {"x:a": "b"}, {"x-a": "b\nc"}, {"": "a"}])
async def test_a_header_that_no_request_can_carry_is_a_validation_error(
    provider: Provider, send: Send, header: dict[str, str]
) -> None:
    outcome = await send(method="get", endpoint=provider.json("/", {}), headers=header)
    assert kind(error(outcome)) == ("validation", 400)
    assert provider.received == []


async def test_a_header_outside_ascii_is_sent_as_utf_8(provider: Provider, send: Send) -> None:
    await send(method="get", endpoint=provider.json("/", {}), headers={"x-name": "Käthe"})
    assert provider.last.headers["x-name"].encode("latin-1").decode() == "Käthe"


async def test_calls_share_no_cookies(provider: Provider, send: Send) -> None:
    url = provider.on("/", Reply(200, {"Set-Cookie": "session=ada; Path=/"}, b""))
    await send(method="get", endpoint=url)
    await send(method="get", endpoint=url)
    assert "cookie" not in provider.last.headers


async def test_connections_are_used_again(provider: Provider, send: Send) -> None:
    url = provider.json("/", {"a": 1})
    outcomes = await asyncio.gather(*(send(method="get", endpoint=url) for _ in range(20)))
    assert all(output(outcome) == {"a": 1} for outcome in outcomes)
    assert len(provider.received) == 20


async def test_calls_to_a_host_are_sent_to_its_stand_in(provider: Provider, send_redirected: Send) -> None:
    provider.json("/stub/pets", {"id": 1})
    outcome = await send_redirected(
        method="get", endpoint="https://api.example.com/pets?a=%20b", query={"c": 1}, output="response"
    )
    value = output(outcome)
    assert provider.last.path == "/stub/pets?a=%20b&c=1"
    assert provider.last.headers["host"] == "api.example.com"
    assert isinstance(value, dict)
    assert value["request"]["uri"] == "https://api.example.com/pets?a=%20b&c=1"


async def test_a_stand_in_may_be_for_one_port(provider: Provider, send_redirected: Send) -> None:
    provider.json("/", {"a": 1})
    assert output(await send_redirected(method="get", endpoint="https://other.example:8443/")) == {"a": 1}
    assert provider.last.headers["host"] == "other.example:8443"


async def test_a_redirection_to_a_host_with_a_stand_in_goes_there(
    provider: Provider, send_redirected: Send
) -> None:
    provider.json("/stub/new", {"a": 1})
    url = provider.on("/old", Reply(301, {"Location": "https://api.example.com/new"}))
    assert output(await send_redirected(method="get", endpoint=url, redirect=True)) == {"a": 1}


@pytest.mark.parametrize("hosts", ["example.com", "=http://127.0.0.1", "a=ftp://b", "a=127.0.0.1:80"])
def test_a_malformed_list_of_stand_ins_is_refused(hosts: str) -> None:
    with pytest.raises(InvalidRequestError, match="TIDEMILL_ACTIONS_HTTP_HOSTS"):
        HttpAction(LIMITS, hosts)
