"""Providers of tokens that fail in every way, and what nobody may see of tokens and secrets."""

import base64
import socket
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest
from flask import Response

from tests.contract.authentication.calls import (
    SECRET,
    Send,
    answering,
    moved,
    oauth2,
    oidc,
    value,
)
from tests.contract.http_calls import KEY, LIMITS, error, kind, output
from tests.contract.oauth_server import PASSWORD, USER
from tests.contract.token_provider import TokenProvider, running_token_provider
from tests.unit.actions.samples import call
from tidemill.actions.adapters.http.action import HttpAction


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refusal_is_an_authentication_error_that_says_why(
    provider: TokenProvider, send: Send, status: int
) -> None:
    body = {"error": "invalid_client", "error_description": f"{SECRET} is not your secret"}
    provider.fault = answering(orjson.dumps(body), status)
    problem = error(await send(provider.api, oauth2(provider)))
    assert kind(problem) == ("authentication", 401)
    assert "invalid_client, *** is not your secret" in problem.detail
    assert provider.api_calls == 0


async def test_a_refusal_is_not_remembered(provider: TokenProvider, send: Send) -> None:
    provider.fault = answering(b"no", 401)
    assert kind(error(await send(provider.api, oauth2(provider)))) == ("authentication", 401)
    provider.fault = None
    assert value(await send(provider.api, oauth2(provider)))["subject"] == "the client"


@pytest.mark.parametrize("status", [404, 429, 500, 503])
async def test_a_token_endpoint_that_fails_is_a_communication_error(
    provider: TokenProvider, send: Send, status: int
) -> None:
    provider.fault = answering(b"", status)
    assert kind(error(await send(provider.api, oauth2(provider)))) == ("communication", status)


async def test_a_token_endpoint_that_nobody_serves(provider: TokenProvider, send: Send) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
    for scheme in (oauth2, oidc):
        problem = error(await send(provider.api, scheme(replace(provider, url=nobody))))
        assert kind(problem) == ("communication", 503)
        assert nobody in problem.detail


async def test_a_provider_that_does_not_answer_in_time() -> None:
    with running_token_provider() as provider:
        provider.delay_seconds = 0.5
        limits = replace(LIMITS, tokens=replace(LIMITS.tokens, timeout_us=50_000))
        action = HttpAction(limits)
        endpoint = {"uri": provider.api, "authentication": oauth2(provider)}
        data = orjson.dumps({"method": "get", "endpoint": endpoint})
        problem = error(await action.run(call(KEY, arguments=data)))
        await action.close()
    assert kind(problem) == ("communication", 504)
    assert "0.05 seconds" in problem.detail


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"<html>", "does not answer with JSON"),
        (b"[1]", "does not answer with a JSON object"),
        (b"{}", "no access_token"),
        (b'{"access_token": 5}', "no access_token"),
        (b'{"access_token": "a\\nb"}', "no access_token"),
        (b'{"access_token": "abcdefgh", "token_type": "mac"}', "no bearer token"),
        (b"\xff\xfe", "does not answer with JSON"),
    ],
)
async def test_an_answer_that_is_no_token_is_a_communication_error(
    provider: TokenProvider, send: Send, data: bytes, sentence: str
) -> None:
    provider.fault = answering(data)
    problem = error(await send(provider.api, oauth2(provider)))
    assert kind(problem) == ("communication", 502)
    assert sentence in problem.detail
    assert "abcdefgh" not in problem.detail


async def test_a_refusal_with_the_status_of_success_is_one_all_the_same(
    provider: TokenProvider, send: Send
) -> None:
    provider.fault = answering(b'{"error": "bad_client"}')
    problem = error(await send(provider.api, oauth2(provider)))
    assert kind(problem) == ("authentication", 401)
    assert "bad_client" in problem.detail


async def test_a_redirection_of_the_token_endpoint_is_not_followed(
    provider: TokenProvider, send: Send
) -> None:
    for status in (302, 307, 308):
        provider.fault = moved(status, f"{provider.authority}/auth/token")
        problem = error(await send(provider.api, oauth2(provider), redirect=True))
        assert kind(problem) == ("communication", status)
        assert "not followed" in problem.detail
    assert len(provider.asked) == 3


@pytest.mark.parametrize("size", [LIMITS.tokens.answer_bytes_max + 1, 30_000_000])
async def test_a_huge_answer_of_the_token_endpoint_is_given_up(
    provider: TokenProvider, send: Send, size: int
) -> None:
    provider.fault = answering(b" " * size)
    problem = error(await send(provider.api, oauth2(provider)))
    assert kind(problem) == ("communication", 502)
    assert "http_token_answer_bytes_max" in problem.detail


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (answering(b"<html>"), ("communication", 502)),
        (answering(b"", 404), ("communication", 404)),
        (answering(b" " * 300_000), ("communication", 502)),
        (moved(302, "/elsewhere"), ("communication", 302)),
    ],
)
async def test_discovery_goes_wrong_in_the_same_ways(
    provider: TokenProvider, send: Send, fault: Callable[[], Response], wanted: tuple[str, int]
) -> None:
    provider.discovery_fault = fault
    assert kind(error(await send(provider.api, oidc(provider)))) == wanted
    provider.discovery_fault = None
    assert value(await send(provider.api, oidc(provider)))["subject"] == "the client"


async def test_discovery_without_a_token_endpoint(provider: TokenProvider, send: Send) -> None:
    provider.discovery_fault = answering(orjson.dumps({"issuer": provider.authority}))
    problem = error(await send(provider.api, oidc(provider)))
    assert kind(problem) == ("communication", 502)
    assert "token_endpoint" in problem.detail


@pytest.mark.parametrize("form", ["content", "response"])
async def test_a_token_that_is_echoed_is_not_in_the_output(
    provider: TokenProvider, send: Send, form: str
) -> None:
    outcome = await send(f"{provider.api}/echo", oauth2(provider), output=form)
    content = value(outcome)
    shown = content if form == "content" else content["content"]
    assert shown == {"authorization": "Bearer ***"}
    assert provider.given[0].encode() not in (outcome.output or b"")


async def test_a_token_that_is_echoed_is_not_in_raw_output_either(
    provider: TokenProvider, send: Send
) -> None:
    raw = output(await send(f"{provider.api}/echo", oauth2(provider), output="raw"))
    assert isinstance(raw, str)
    assert orjson.loads(base64.b64decode(raw)) == {"authorization": "Bearer ***"}


async def test_a_token_longer_than_the_excerpt_is_not_in_an_error(
    provider: TokenProvider, send: Send
) -> None:
    problem = error(await send(f"{provider.api}/refuses", oauth2(provider)))
    assert kind(problem) == ("communication", 403)
    assert problem.detail.endswith("not with Bearer ***")
    assert len(provider.given[0]) > LIMITS.error_excerpt_bytes_max


async def test_no_secret_is_logged(
    provider: TokenProvider, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await send(provider.api, oauth2(provider, grant="password", username=USER, password=PASSWORD))
    provider.fault = answering(b"no", 401)
    await send(provider.api, oauth2(provider))
    assert provider.given
    # The provider lives in this process too, and does log its tokens.
    ours = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("authlib"))
    assert "/oauth2/token" in ours
    for secret in (SECRET, PASSWORD, *provider.given, *provider.refresh_tokens):
        assert secret not in ours
