"""Calls with authentication, in tests: what is sent, and what a provider of tokens answers with."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from flask import Response

from tests.contract.http_calls import output
from tests.contract.token_provider import TokenProvider, running_token_provider
from tidemill.actions.core.model import Outcome
from tidemill.json import Json

SECRET = "a secret: with & odd letters, ä"
CLIENT_ID = "the client"
CLIENT: dict[str, Json] = {"id": CLIENT_ID, "secret": SECRET}
Send = Callable[..., Awaitable[Outcome]]


@contextmanager
def provided() -> Iterator[TokenProvider]:
    """A provider that knows CLIENT."""
    with running_token_provider() as provider:
        provider.client(CLIENT_ID, "client_secret_post", SECRET)
        yield provider


def oauth2(provider: TokenProvider, **members: Json) -> Json:
    grant: dict[str, Json] = {"authority": provider.authority, "grant": "client_credentials"}
    return {"oauth2": {**grant, "client": CLIENT, **members}}


def oidc(provider: TokenProvider, **members: Json) -> Json:
    grant: dict[str, Json] = {"authority": provider.authority, "grant": "client_credentials"}
    return {"oidc": {**grant, "client": CLIENT, **members}}


def answering(
    data: bytes, status: int = 200, content_type: str = "application/json"
) -> Callable[[], Response]:
    return lambda: Response(data, status, content_type=content_type)


def moved(status: int, location: str) -> Callable[[], Response]:
    return lambda: Response(status=status, headers={"location": location})


def value(outcome: Outcome) -> dict[str, object]:
    content = output(outcome)
    assert isinstance(content, dict)
    return content
