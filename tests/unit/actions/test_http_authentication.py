"""Authentication read and answered, without a network: what is refused, what is hidden, the arithmetic."""

import base64
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from tests.contract.http_calls import TOKEN_LIMITS
from tidemill.actions.adapters.http.auth.access import Authenticator
from tidemill.actions.adapters.http.auth.answers import read_discovery, read_token
from tidemill.actions.adapters.http.auth.clients import OauthClient, prove, read_client
from tidemill.actions.adapters.http.auth.flows import Digest
from tidemill.actions.adapters.http.auth.grants import read_grant
from tidemill.actions.adapters.http.auth.problems import AuthenticationError
from tidemill.actions.adapters.http.auth.secrets import HiddenTexts
from tidemill.clock import ManualClock
from tidemill.json import Json

NOW_US = 1_700_000_000_000_000
ENDPOINT = "https://id.example.com/oauth2/token"
GRANT: dict[str, Json] = {"authority": "https://id.example.com", "grant": "client_credentials"}


def jwt_of(claims: dict[str, Json]) -> str:
    body = base64.urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def answer(**members: Json) -> bytes:
    return orjson.dumps({"access_token": "opaque", "token_type": "Bearer", **members})


@pytest.mark.parametrize(
    ("members", "kind", "sentence"),
    [
        ({"authority": None}, "validation", "authority must be a string"),
        ({"authority": "/realms"}, "configuration", "absolute http or https URI"),
        ({"authority": "ftp://id.example.com"}, "configuration", "absolute http or https URI"),
        ({"authority": "https://ada:l@id.example.com"}, "configuration", "cannot have a user"),
        ({"authority": "http://id.example.com:port"}, "configuration", "not a URI"),
        ({"grant": "implicit"}, "configuration", "authentication.grant must be one of"),
        ({"grant": "authorization_code"}, "configuration", "needs a person at a browser"),
        ({"grant": "password"}, "validation", "username must be a string"),
        ({"grant": "refresh_token"}, "configuration", "subject is needed"),
        ({"grant": "refresh_token", "subject": {"token": 5}}, "validation", "subject.token"),
        ({"grant": "urn:ietf:params:oauth:grant-type:token-exchange"}, "configuration", "subject is needed"),
        ({"scopes": "read"}, "validation", "scopes must be an array"),
        ({"audiences": [5]}, "validation", r"audiences\[0\] must be a string"),
        ({"request": {"encoding": "text/xml"}}, "configuration", "request.encoding must be one of"),
        ({"endpoints": {"token": 5}}, "validation", "endpoints.token"),
        ({"client": {"id": "a", "authentication": "magic"}}, "configuration", "must be one of"),
        ({"client": {"id": "a", "authentication": "client_secret_basic"}}, "configuration", "a secret"),
        ({"client": {"secret": "a", "authentication": "client_secret_post"}}, "configuration", "an id"),
        ({"client": {"id": "a", "authentication": "private_key_jwt"}}, "configuration", "or an assertion"),
        ({"client": "a"}, "validation", "client must be an object"),
    ],
)
def test_a_grant_that_cannot_work_is_refused(members: dict[str, Json], kind: str, sentence: str) -> None:
    with pytest.raises(AuthenticationError, match=sentence) as caught:
        read_grant({**GRANT, **members}, "oauth2")
    assert caught.value.problem.type.endswith(f"/{kind}")
    assert caught.value.problem.status == 400


@pytest.mark.parametrize("authority", ["https://id.example.com", "https://id.example.com/"])
@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        (None, ENDPOINT),
        ({"introspection": "/i"}, ENDPOINT),
        ({"token": "/auth/token"}, "https://id.example.com/auth/token"),
        ({"token": "auth/token"}, "https://id.example.com/auth/token"),
        ({"token": "https://other.example.com/t"}, "https://other.example.com/t"),
    ],
)
def test_the_token_endpoint_belongs_to_the_authority(authority: str, endpoints: Json, expected: str) -> None:
    grant = read_grant({**GRANT, "authority": authority, "endpoints": endpoints}, "oauth2")
    assert grant.token_endpoint == expected


def test_oidc_has_its_endpoint_from_discovery() -> None:
    assert read_grant(GRANT, "oidc").token_endpoint == ""


@pytest.mark.parametrize(
    ("given", "method"),
    [
        (None, "none"),
        ({"id": "a"}, "none"),
        ({"id": "a", "secret": "b"}, "client_secret_post"),
        ({"id": "a", "secret": "b", "authentication": "none"}, "none"),
        ({"assertion": "a.b.c", "authentication": "private_key_jwt"}, "private_key_jwt"),
    ],
)
def test_a_client_without_a_method_posts_what_it_has(given: Json, method: str) -> None:
    assert read_client(given).method == method


def test_the_parts_of_basic_are_encoded_before_they_are_joined() -> None:
    client = OauthClient(id="a:b", secret="c d&ä", method="client_secret_basic")
    [(name, value)] = prove(client, ENDPOINT, NOW_US).headers
    assert name == "authorization"
    assert base64.b64decode(value.removeprefix("Basic ")) == b"a%3Ab:c%20d%26%C3%A4"


@pytest.mark.parametrize(
    "secret",
    ["no key", "{}", '{"kty": "RSA"}', "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"],
)
def test_a_key_that_cannot_sign_is_refused_without_a_word_of_it(secret: str) -> None:
    client = OauthClient(id="a", secret=secret, method="private_key_jwt")
    with pytest.raises(AuthenticationError, match="must be a private key") as caught:
        prove(client, ENDPOINT, NOW_US)
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    ("members", "lifetime_us"),
    [
        ({"expires_in": 60}, 60_000_000),
        ({"expires_in": "60"}, 60_000_000),
        ({"expires_in": 1.5}, 1_500_000),
        ({"expires_in": -5}, 0),
        ({"expires_in": 10**15}, 366 * 86_400_000_000),
        ({"expires_in": True}, None),
        ({"expires_in": "soon"}, None),
        ({}, None),
        ({"access_token": jwt_of({"exp": 1_700_000_030})}, 30_000_000),
        ({"access_token": jwt_of({"exp": 1_600_000_000})}, 0),
        ({"access_token": jwt_of({"exp": 1_700_000_030}), "expires_in": 5}, 5_000_000),
        ({"access_token": jwt_of({"iss": "a"})}, None),
        ({"access_token": "not.a-jwt.really"}, None),
    ],
)
def test_the_lifetime_is_what_the_answer_says_else_the_token(
    members: dict[str, Json], lifetime_us: int | None
) -> None:
    assert read_token(200, answer(**members), NOW_US, ()).lifetime_us == lifetime_us


def test_an_issuer_is_checked_where_the_token_can_be_read() -> None:
    issuers = ("https://id.example.com",)
    assert read_token(200, answer(), NOW_US, issuers).value == "opaque"
    good = jwt_of({"iss": "https://id.example.com"})
    assert read_token(200, answer(access_token=good), NOW_US, issuers).value == good
    for claims in ({"iss": "https://other.example.com"}, {"sub": "a"}):
        bad = jwt_of({**claims})
        with pytest.raises(AuthenticationError, match="not among the issuers") as caught:
            read_token(200, answer(access_token=bad), NOW_US, issuers)
        assert caught.value.problem.status == 401


def test_what_is_too_long_to_search_is_not_quoted() -> None:
    data = orjson.dumps({"error": "no", "error_description": "x" * 201})
    with pytest.raises(AuthenticationError) as caught:
        read_token(400, data, NOW_US, ())
    assert "xx" not in str(caught.value)


@pytest.mark.parametrize(
    "issuer", ["https://id.example.com", "https://id.example.com/", "https://known.example.com"]
)
def test_discovery_is_of_the_authority_or_a_known_issuer(issuer: str) -> None:
    data = orjson.dumps({"issuer": issuer, "token_endpoint": ENDPOINT})
    assert read_discovery(200, data, "https://id.example.com", ("https://known.example.com",)) == ENDPOINT


def test_what_was_given_is_hidden_in_errors_alone_and_what_was_made_everywhere() -> None:
    hidden = HiddenTexts(["pass word"], ["cGFzcw"])
    hidden.add("a-token", "")
    assert hidden.in_outputs() == ("a-token", "cGFzcw")
    assert set(hidden.in_errors()) == {"pass word", "pass%20word", "pass+word", "cGFzcw", "a-token"}
    assert len(hidden.in_errors()[0]) == max(map(len, hidden.in_errors()))


@pytest.mark.parametrize(
    ("authentication", "hidden"),
    [
        ({"basic": {"username": "ada", "password": "s3cr3t"}}, {"s3cr3t", "YWRhOnMzY3IzdA=="}),
        ({"bearer": {"token": "s3cr3t"}}, {"s3cr3t"}),
        ({"digest": {"username": "ada", "password": "s3cr3t"}}, {"s3cr3t"}),
        (
            {"oauth2": {**GRANT, "client": {"id": "a", "secret": "s1", "assertion": "s2"}}},
            {"s1", "s2"},
        ),
        (
            {"oauth2": {**GRANT, "grant": "password", "username": "ada", "password": "s p"}},
            {"s p", "s%20p", "s+p"},
        ),
    ],
)
async def test_an_access_says_what_must_be_hidden(authentication: Json, hidden: set[str]) -> None:
    async with httpx.AsyncClient() as client:
        access = Authenticator(client, TOKEN_LIMITS, ManualClock()).access(authentication, "shop")
    assert set(access.hidden.in_errors()) == hidden
    for text in hidden:
        assert text not in repr(access) + repr(access.auth) + repr(access.hidden)


# The examples of RFC 7616, section 3.9.1.
_NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
_CLIENT_NONCE = b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
_CHALLENGE = (
    f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=%s, nonce="{_NONCE}", opaque="o"'
)


class Answering(httpx.AsyncBaseTransport):
    """Challenges whatever has no credentials, and keeps what it was sent."""

    def __init__(self, challenge: str) -> None:
        self.challenge = challenge
        self.sent: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.headers.get("authorization", ""))
        if self.sent[-1]:
            return httpx.Response(200)
        return httpx.Response(401, headers={"www-authenticate": self.challenge}, stream=Endless())


class Endless(httpx.AsyncByteStream):
    """A body that nobody may read to its end."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        raise AssertionError("the body of the challenge is read")


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
async def test_digest_gives_the_answers_of_the_standard(
    monkeypatch: pytest.MonkeyPatch, algorithm: str, response: str
) -> None:
    monkeypatch.setattr(Digest, "_get_client_nonce", lambda *_: _CLIENT_NONCE)
    transport = Answering(_CHALLENGE % algorithm)
    async with httpx.AsyncClient(transport=transport) as client:
        url = "http://www.example.org/dir/index.html"
        answer = await client.get(url, auth=Digest("Mufasa", "Circle of Life"))
    assert answer.status_code == 200
    assert f'response="{response}"' in transport.sent[1]


@pytest.mark.parametrize(
    "challenge",
    [
        _CHALLENGE % "SHA-512-256",
        'Digest realm="a"',
        "Digest nonsense",
        'Digest realm="a", nonce="b", qop="auth-int"',
        'Digest realm="a", nonce="b", qop="other"',
    ],
)
async def test_a_challenge_that_cannot_be_answered_is_a_communication_error(challenge: str) -> None:
    async with httpx.AsyncClient(transport=Answering(challenge)) as client:
        with pytest.raises(AuthenticationError, match="cannot be answered") as caught:
            await client.get("http://www.example.org/", auth=Digest("Mufasa", "Circle of Life"))
    assert caught.value.problem.status == 502


@pytest.mark.parametrize("challenge", ["Basic realm=a", ""])
async def test_another_challenge_is_left_to_the_caller(challenge: str) -> None:
    transport = Answering(challenge)
    async with httpx.AsyncClient(transport=transport) as client:
        request = client.build_request("GET", "http://www.example.org/")
        answer = await client.send(request, auth=Digest("Mufasa", "Circle of Life"), stream=True)
    assert (answer.status_code, transport.sent) == (401, [""])
