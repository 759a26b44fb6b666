"""Fixtures of calls with authentication: a provider of tokens, its clock, and a way to send."""

import time
from collections.abc import AsyncIterator, Iterator

import orjson
import pytest

from tests.contract.authentication.calls import Send, provided
from tests.contract.http_calls import KEY, LIMITS
from tests.contract.token_provider import TokenProvider
from tests.unit.actions.samples import call
from tidemill.actions.adapters.http.action import HttpAction
from tidemill.actions.core.model import Outcome
from tidemill.clock import ManualClock
from tidemill.json import Json


@pytest.fixture(autouse=True, scope="module")
def certificates(loaded_certificates: None) -> None:
    """Each of these tests has clients of its own."""


@pytest.fixture
def provider() -> Iterator[TokenProvider]:
    """A provider that knows CLIENT."""
    with provided() as provider:
        yield provider


@pytest.fixture
def clock() -> ManualClock:
    """A clock that begins with the time: signed assertions are judged by the provider's own."""
    return ManualClock(time.time_ns() // 1000)


@pytest.fixture
async def send(clock: ManualClock) -> AsyncIterator[Send]:
    """A function that sends a GET, unless told otherwise, to a URL with an authentication."""
    action = HttpAction(LIMITS, clock=clock)

    async def send(
        url: str, authentication: Json, *, namespace: str = "shop", **arguments: object
    ) -> Outcome:
        endpoint = {"uri": url, "authentication": authentication}
        data = orjson.dumps({"method": "get", "endpoint": endpoint, **arguments})
        return await action.run(call(KEY, arguments=data, namespace=namespace))

    yield send
    await action.close()
