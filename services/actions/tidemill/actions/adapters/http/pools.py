"""Many small connection pools in the place of a large one, whose cost for each request grows with its size.

httpx's pool looks at all its connections and at all requests that wait whenever one begins or ends: at 500 in
flight that takes ten times as long as the request itself. Here no pool has more than a few of either.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

import httpx

CONNECTIONS_PER_POOL: Final = 8


class PoolMaker(Protocol):
    """Makes one pool."""

    def __call__(self, *, connections_max: int) -> httpx.AsyncBaseTransport:
        """A transport with so many connections."""
        ...


class Pools(httpx.AsyncBaseTransport):
    """Gives each request to the first pool with a free connection, so that few requests share few pools.

    Who finds none free waits for its turn, in order.
    """

    def __init__(self, make_pool: PoolMaker, *, connections_max: int) -> None:
        sizes = [
            min(CONNECTIONS_PER_POOL, connections_max - start)
            for start in range(0, connections_max, CONNECTIONS_PER_POOL)
        ]
        self._pools = [make_pool(connections_max=size) for size in sizes]
        self._free = sizes
        self._slots = asyncio.Semaphore(connections_max)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; its connection is taken until the response is closed."""
        await self._slots.acquire()
        number = next(number for number, free in enumerate(self._free) if free)
        self._free[number] -= 1
        try:
            response = await self._pools[number].handle_async_request(request)
        except BaseException:
            self._give_back(number)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Held(response.stream, lambda: self._give_back(number))
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools:
            await pool.aclose()

    def _give_back(self, number: int) -> None:
        self._free[number] += 1
        self._slots.release()


class _Held(httpx.AsyncByteStream):
    """A response's body, whose end sets its connection free."""

    def __init__(self, body: httpx.AsyncByteStream, ended: Callable[[], None]) -> None:
        self._body = body
        self._ended: Callable[[], None] | None = ended

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._body:
            yield chunk

    async def aclose(self) -> None:
        """Close the body; a second time changes nothing."""
        ended, self._ended = self._ended, None
        try:
            await self._body.aclose()
        finally:
            if ended is not None:
                ended()
