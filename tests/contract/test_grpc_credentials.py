"""How gRPC calls prove who is calling, to a real server, also through TLS."""

import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest

from tests.contract.authentication.calls import CLIENT, SECRET, provided
from tests.contract.grpc_calls import Ask, asking
from tests.contract.grpc_server import Stock, running_stock
from tests.contract.http_calls import error, kind, output
from tests.contract.token_provider import TokenProvider
from tests.self_signed import self_signed
from tidemill.json import Json

pytestmark = pytest.mark.usefixtures("loaded_certificates")


@pytest.fixture
async def stock() -> AsyncIterator[Stock]:
    async with running_stock() as stock:
        yield stock


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    async with asking() as ask:
        yield ask


@pytest.fixture
def provider() -> Iterator[TokenProvider]:
    with provided() as provider:
        yield provider


def oauth2(provider: TokenProvider) -> dict[str, Json]:
    return {"oauth2": {"authority": provider.authority, "grant": "client_credentials", "client": CLIENT}}


async def test_a_password_goes_with_the_call(ask: Ask, stock: Stock) -> None:
    output(await ask(stock.port, authentication={"basic": {"username": "u", "password": "p4ss"}}))
    encoded = base64.b64encode(b"u:p4ss").decode()
    assert stock.heard[0]["authorization"] == f"Basic {encoded}"


async def test_a_token_goes_with_the_call_and_with_reflection(ask: Ask, stock: Stock) -> None:
    bearer = {"bearer": {"token": "t0ken-of-ours"}}
    output(await ask(stock.port, proto=None, authentication=bearer))
    assert stock.heard[0]["authorization"] == "Bearer t0ken-of-ours"
    assert stock.proofs[0] == "Bearer t0ken-of-ours"


async def test_what_a_server_tells_one_caller_is_not_told_to_another(ask: Ask, stock: Stock) -> None:
    await ask(stock.port, proto=None, authentication={"bearer": {"token": "first"}})
    asked = stock.reflections
    await ask(stock.port, proto=None, authentication={"bearer": {"token": "second"}})
    assert stock.reflections == 2 * asked
    await ask(stock.port, proto=None, authentication={"bearer": {"token": "second"}}, namespace="other")
    assert stock.reflections == 3 * asked


async def test_a_refusal_is_an_authentication_error_that_shows_no_token(ask: Ask, stock: Stock) -> None:
    stock.tokens.add("Bearer another")
    problem = error(await ask(stock.port, authentication={"bearer": {"token": "t0ken-of-ours"}}))
    assert kind(problem) == ("authentication", 401)
    assert "UNAUTHENTICATED: Bearer *** opens nothing here" in problem.detail
    assert len(stock.asked) == 1


async def test_a_token_is_fetched_and_kept(ask: Ask, stock: Stock, provider: TokenProvider) -> None:
    for _ in range(2):
        answer = output(await ask(stock.port, authentication=oauth2(provider)))
        # The server says what it has heard, and the answer does not.
        assert isinstance(answer, dict)
        assert answer["heard"]["authorization"] == "Bearer ***"
    assert len(provider.asked) == 1
    assert {heard["authorization"] for heard in stock.heard} == {f"Bearer {provider.given[0]}"}


async def test_a_token_that_was_kept_and_is_refused_is_fetched_anew(
    ask: Ask, stock: Stock, provider: TokenProvider
) -> None:
    output(await ask(stock.port, authentication=oauth2(provider)))
    stock.tokens.add("Bearer none that was given yet")
    problem = error(await ask(stock.port, authentication=oauth2(provider)))
    assert kind(problem) == ("authentication", 401)
    assert len(provider.given) == 2
    stock.tokens.clear()
    stock.tokens.add(f"Bearer {provider.given[1]}")
    output(await ask(stock.port, authentication=oauth2(provider)))
    assert len(provider.given) == 2


async def test_a_provider_that_refuses_is_an_authentication_error(
    ask: Ask, stock: Stock, provider: TokenProvider
) -> None:
    wrong = {"id": "the client", "secret": "not that one"}
    oauth = {"authority": provider.authority, "grant": "client_credentials", "client": wrong}
    problem = error(await ask(stock.port, authentication={"oauth2": oauth}))
    assert kind(problem) == ("authentication", 401)
    assert SECRET not in problem.detail
    assert "not that one" not in problem.detail
    assert stock.asked == []


async def test_digest_is_refused(ask: Ask, stock: Stock) -> None:
    digest = {"digest": {"username": "u", "password": "p4ss"}}
    problem = error(await ask(stock.port, authentication=digest))
    assert kind(problem) == ("configuration", 400)
    assert "gRPC has no `digest` authentication" in problem.detail
    assert stock.asked == []


@pytest.mark.parametrize("token", ["two\nlines", "ä"])
async def test_a_token_that_cannot_be_sent_is_refused(ask: Ask, stock: Stock, token: str) -> None:
    problem = error(await ask(stock.port, authentication={"bearer": {"token": token}}))
    assert problem.status == 400
    assert token not in problem.detail
    assert stock.asked == []


async def test_a_host_is_reached_through_tls_where_the_setting_says_so(tmp_path: Path) -> None:
    key, certificate = self_signed()
    roots = tmp_path / "roots.pem"
    roots.write_bytes(certificate)
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    async with running_stock(credentials=credentials) as stock:
        hosts = f"stock.example:8443=grpcs://127.0.0.1:{stock.port}"
        async with asking(hosts=hosts, roots=str(roots)) as ask:
            assert output(await ask(8443, host="stock.example", sku="a"))
            plain = error(await ask(stock.port))
            assert kind(plain) == ("communication", 503)
        async with asking(hosts=hosts) as ask:
            # Nobody whom it trusts vouches for this server.
            assert kind(error(await ask(8443, host="stock.example"))) == ("communication", 503)
            assert len(stock.asked) == 1
