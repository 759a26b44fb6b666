"""The action `http` with every kind of authentication, against real servers of each."""

import time

import orjson
import pytest
from joserfc import jwt

from tests.contract.authentication.calls import (
    CLIENT,
    SECRET,
    Send,
    oauth2,
    oidc,
    value,
)
from tests.contract.http_calls import LIMITS, error, kind
from tests.contract.oauth_server import CLIENT_KEY, EXCHANGE, PASSWORD, USER
from tests.contract.token_provider import TOKEN_LIFETIME_SECONDS, TokenProvider
from tidemill.clock import ManualClock
from tidemill.json import Json

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"


async def test_client_credentials_open_the_api(provider: TokenProvider, send: Send) -> None:
    outcome = await send(provider.api, oauth2(provider), method="post", body="an order")
    assert value(outcome)["subject"] == "the client"
    assert value(outcome)["body"] == "an order"
    [asked] = provider.asked
    assert asked.members["grant_type"] == "client_credentials"
    assert asked.content_type == "application/x-www-form-urlencoded"


async def test_without_authentication_the_api_is_closed(provider: TokenProvider, send: Send) -> None:
    assert kind(error(await send(provider.api, None))) == ("communication", 401)


async def test_a_client_proves_itself_by_basic(provider: TokenProvider, send: Send) -> None:
    provider.client("the client", "client_secret_basic", SECRET)
    client: Json = {**CLIENT, "authentication": "client_secret_basic"}
    assert value(await send(provider.api, oauth2(provider, client=client)))["subject"] == "the client"
    assert provider.asked[0].authorization.startswith("Basic ")
    assert "client_secret" not in provider.asked[0].members


async def test_a_client_proves_itself_by_an_assertion_signed_with_its_secret(
    provider: TokenProvider, send: Send
) -> None:
    secret = "a secret of at least thirty-two bytes"
    provider.client("signer", "client_secret_jwt", secret)
    client: Json = {"id": "signer", "secret": secret, "authentication": "client_secret_jwt"}
    assert value(await send(provider.api, oauth2(provider, client=client)))["subject"] == "signer"
    assert secret not in str(provider.asked[0].members)


@pytest.mark.parametrize("private", [CLIENT_KEY.as_pem(private=True).decode(), "as JWK"])
async def test_a_client_proves_itself_by_an_assertion_signed_with_its_key(
    provider: TokenProvider, send: Send, private: str
) -> None:
    key = orjson.dumps(CLIENT_KEY.as_dict(private=True)).decode() if private == "as JWK" else private
    provider.client("signer", "private_key_jwt")
    client: Json = {"id": "signer", "secret": key, "authentication": "private_key_jwt"}
    assert value(await send(provider.api, oauth2(provider, client=client)))["subject"] == "signer"
    assert "client_secret" not in provider.asked[0].members


async def test_a_client_may_bring_an_assertion(provider: TokenProvider, send: Send) -> None:
    now = int(time.time())
    claims = {"iss": "signer", "sub": "signer", "aud": f"{provider.authority}/oauth2/token"}
    assertion = jwt.encode({"alg": "RS256"}, {**claims, "exp": now + 60, "jti": "the only one"}, CLIENT_KEY)
    provider.client("signer", "private_key_jwt")
    client: Json = {"id": "signer", "assertion": assertion, "authentication": "private_key_jwt"}
    assert value(await send(provider.api, oauth2(provider, client=client)))["subject"] == "signer"


async def test_a_client_without_a_secret_says_who_it_is(provider: TokenProvider, send: Send) -> None:
    provider.client("public", "none")
    password: dict[str, Json] = {"grant": "password", "username": USER, "password": PASSWORD}
    outcome = await send(provider.api, oauth2(provider, client={"id": "public"}, **password))
    assert value(outcome)["subject"] == USER


async def test_a_token_is_asked_for_in_json_where_the_author_says_so(
    provider: TokenProvider, send: Send
) -> None:
    wanted = oauth2(provider, request={"encoding": "application/json"}, audiences=["one", "two"])
    assert value(await send(provider.api, wanted))["audience"] == [provider.api, "one", "two"]
    assert provider.asked[0].content_type == "application/json"


async def test_scopes_and_audiences_are_asked_for(provider: TokenProvider, send: Send) -> None:
    wanted = oauth2(provider, scopes=["read", "write"], audiences=["one", "two"])
    content = value(await send(provider.api, wanted))
    assert (content["scope"], content["audience"]) == ("read write", [provider.api, "one", "two"])


async def test_a_user_with_a_password(provider: TokenProvider, send: Send) -> None:
    wanted = oauth2(provider, grant="password", username=USER, password=PASSWORD)
    assert value(await send(provider.api, wanted))["subject"] == USER


async def test_the_token_endpoint_is_where_the_author_says(provider: TokenProvider, send: Send) -> None:
    for path in ("/auth/token", "auth/token", f"{provider.authority}/auth/token"):
        await send(provider.api, oauth2(provider, endpoints={"token": path}, scopes=[path]))
    assert len(provider.given) == 3


async def refresh_token(provider: TokenProvider, send: Send) -> str:
    """The one that came with a password."""
    await send(provider.api, oauth2(provider, grant="password", username=USER, password=PASSWORD))
    [token] = provider.refresh_tokens
    return token


async def test_a_refresh_token_is_used_and_then_the_ones_that_it_gives(
    provider: TokenProvider, send: Send, clock: ManualClock
) -> None:
    subject: Json = {"token": await refresh_token(provider, send), "type": REFRESH_TOKEN}
    wanted = oauth2(provider, grant="refresh_token", subject=subject)
    for _ in range(3):
        assert value(await send(provider.api, wanted))["subject"] == USER
        await clock.advance_us(TOKEN_LIFETIME_SECONDS * 1_000_000)
    sent = [asked.members["refresh_token"] for asked in provider.asked[1:]]
    assert len(set(sent)) == 3


async def test_a_refresh_token_that_has_ended_is_followed_by_the_author_s(
    provider: TokenProvider, send: Send, clock: ManualClock
) -> None:
    token = await refresh_token(provider, send)
    saved = provider.refresh_tokens[token]
    wanted = oauth2(provider, grant="refresh_token", subject={"token": token, "type": REFRESH_TOKEN})
    await send(provider.api, wanted)
    provider.refresh_tokens.clear()
    provider.refresh_tokens[token] = saved
    await clock.advance_us(TOKEN_LIFETIME_SECONDS * 1_000_000)
    assert value(await send(provider.api, wanted))["subject"] == USER
    assert provider.asked[-1].members["refresh_token"] == token


async def test_a_token_is_exchanged_for_another(provider: TokenProvider, send: Send) -> None:
    await send(provider.api, oauth2(provider))
    subject: Json = {"token": provider.given[0], "type": ACCESS_TOKEN}
    outcome = await send(provider.api, oauth2(provider, grant=EXCHANGE, subject=subject, actor=subject))
    assert value(outcome)["subject"] == "the client"
    members = provider.asked[-1].members
    assert (members["subject_token"], members["actor_token_type"]) == (provider.given[0], ACCESS_TOKEN)


async def test_discovery_finds_the_token_endpoint_once(provider: TokenProvider, send: Send) -> None:
    for scope in ("a", "b"):
        assert value(await send(provider.api, oidc(provider, scopes=[scope])))["scope"] == scope
    assert provider.discoveries == 1


async def test_discovery_is_asked_again_after_its_lifetime(
    provider: TokenProvider, send: Send, clock: ManualClock
) -> None:
    await send(provider.api, oidc(provider))
    await clock.advance_us(LIMITS.tokens.discovery_lifetime_us)
    await send(provider.api, oidc(provider))
    assert provider.discoveries == 2


async def test_a_provider_must_be_who_the_author_means(provider: TokenProvider, send: Send) -> None:
    provider.issuer = "https://elsewhere.example.com"
    problem = error(await send(provider.api, oidc(provider)))
    assert kind(problem) == ("authentication", 401)
    assert "https://elsewhere.example.com" in problem.detail
    assert provider.asked == []
    # Tokens are checked against the same list: what this one says stands there as well.
    both: Json = [provider.issuer, provider.authority]
    assert value(await send(provider.api, oidc(provider, issuers=both)))["subject"] == "the client"


async def test_a_token_must_be_from_one_of_the_issuers(provider: TokenProvider, send: Send) -> None:
    problem = error(await send(provider.api, oauth2(provider, issuers=["https://other.example.com"])))
    assert kind(problem) == ("authentication", 401)
    assert provider.api_calls == 0
    assert value(await send(provider.api, oauth2(provider, issuers=[provider.authority])))


async def test_digest(provider: TokenProvider, send: Send) -> None:
    digest: Json = {"digest": {"username": USER, "password": PASSWORD}}
    for path in ("/digest", "/digest-session"):
        outcome = await send(provider.url + path, digest, method="post", body="an order")
        assert value(outcome) == {"user": USER, "body": "an order"}


async def test_a_wrong_password_of_digest_is_refused(provider: TokenProvider, send: Send) -> None:
    digest: Json = {"digest": {"username": USER, "password": "wrong"}}
    problem = error(await send(f"{provider.url}/digest", digest, method="post"))
    assert kind(problem) == ("communication", 401)
