"""Small pools of HTTP connections: filled from the first, waited for in order, given back in every end."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tidemill.actions.adapters.http.pools import CONNECTIONS_PER_POOL, Pools

CONNECTIONS_MAX = CONNECTIONS_PER_POOL + 2


class Body(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"done"


class Pool(httpx.AsyncBaseTransport):
    """Answers each request at once, or fails it when asked for /broken."""

    def __init__(self, connections_max: int) -> None:
        self.connections_max = connections_max
        self.requests = 0
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        if request.url.path == "/broken":
            raise httpx.ConnectError("nobody there")
        return httpx.Response(200, stream=Body())

    async def aclose(self) -> None:
        self.closed = True


@pytest.fixture
def made() -> list[Pool]:
    return []


@pytest.fixture
def client(made: list[Pool]) -> httpx.AsyncClient:
    def make_pool(*, connections_max: int) -> Pool:
        made.append(Pool(connections_max))
        return made[-1]

    return httpx.AsyncClient(transport=Pools(make_pool, connections_max=CONNECTIONS_MAX))


async def open_response(client: httpx.AsyncClient) -> httpx.Response:
    return await client.send(client.build_request("GET", "http://x.example.com/"), stream=True)


def test_the_pools_have_all_connections_together(client: httpx.AsyncClient, made: list[Pool]) -> None:
    assert [pool.connections_max for pool in made] == [CONNECTIONS_PER_POOL, 2]


async def test_one_request_after_the_other_stays_in_the_first_pool(
    client: httpx.AsyncClient, made: list[Pool]
) -> None:
    for _ in range(3 * CONNECTIONS_MAX):
        assert (await client.get("http://x.example.com/")).content == b"done"
    assert [pool.requests for pool in made] == [3 * CONNECTIONS_MAX, 0]


async def test_requests_at_once_fill_one_pool_after_the_other(
    client: httpx.AsyncClient, made: list[Pool]
) -> None:
    for _ in range(CONNECTIONS_MAX):
        await open_response(client)
    assert [pool.requests for pool in made] == [CONNECTIONS_PER_POOL, 2]


async def test_a_request_waits_for_a_connection_until_a_response_is_closed(
    client: httpx.AsyncClient,
) -> None:
    first, *_ = [await open_response(client) for _ in range(CONNECTIONS_MAX)]
    waiting = asyncio.create_task(open_response(client))
    await asyncio.sleep(0)
    assert not waiting.done()
    await first.aclose()
    assert (await waiting).status_code == 200


async def test_closing_a_response_twice_gives_its_connection_back_once(client: httpx.AsyncClient) -> None:
    first, *_ = [await open_response(client) for _ in range(CONNECTIONS_MAX)]
    stream = first.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    await stream.aclose()
    await stream.aclose()
    await open_response(client)
    waiting = asyncio.create_task(open_response(client))
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_request_that_fails_or_is_given_up_keeps_no_connection(client: httpx.AsyncClient) -> None:
    for _ in range(2 * CONNECTIONS_MAX):
        with pytest.raises(httpx.ConnectError):
            await client.get("http://x.example.com/broken")
    held = [await open_response(client) for _ in range(CONNECTIONS_MAX)]
    given_up = asyncio.create_task(open_response(client))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    await held[0].aclose()
    assert (await open_response(client)).status_code == 200


async def test_closing_closes_every_pool(client: httpx.AsyncClient, made: list[Pool]) -> None:
    await client.aclose()
    assert all(pool.closed for pool in made)
