"""Calls with authentication, in tests: a provider of tokens, a way to send, and what to send."""

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import orjson
import pytest
from flask import Response

from tests.contract.http_calls import KEY, LIMITS, output
from tests.contract.token_provider import TokenProvider, running_token_provider
from tests.unit.actions.samples import call
from tidemill.actions.adapters.http.action import HttpAction
from tidemill.actions.core.model import Outcome
from tidemill.clock import ManualClock
from tidemill.json import Json

SECRET = "a secret: with & odd letters, ä"
CLIENT: dict[str, Json] = {"id": "the client", "secret": SECRET}
Send = Callable[..., Awaitable[Outcome]]


@contextmanager
def certificates() -> Iterator[None]:
    """Loads them once: that takes a good part of a second, and most of a test's time."""
    loaded: ssl.SSLContext = httpx.create_ssl_context()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx, "create_ssl_context", lambda: loaded)
        yield


@contextmanager
def provided() -> Iterator[TokenProvider]:
    """A provider that knows CLIENT."""
    with running_token_provider() as provider:
        provider.client("the client", "client_secret_post", SECRET)
        yield provider


def provider_clock() -> ManualClock:
    """A clock that begins with the time: signed assertions are judged by the provider's own."""
    return ManualClock(time.time_ns() // 1000)


@asynccontextmanager
async def sending(clock: ManualClock) -> AsyncIterator[Send]:
    """A function that sends a GET, unless told otherwise, to a URL with an authentication."""
    action = HttpAction(LIMITS, clock=clock)

    async def send(
        url: str, authentication: Json, *, namespace: str = "shop", **arguments: object
    ) -> Outcome:
        endpoint = {"uri": url, "authentication": authentication}
        data = orjson.dumps({"method": "get", "endpoint": endpoint, **arguments})
        return await action.run(call(KEY, arguments=data, namespace=namespace))

    try:
        yield send
    finally:
        await action.close()


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
