"""The HTTP of the MCP library, sent over the connections of HTTP calls: with their tokens and limits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx
import httpx2
from mcp.client.streamable_http import streamable_http_client

from tidemill.actions.adapters.http.arguments import IDEMPOTENCY_HEADER
from tidemill.actions.adapters.http.auth.access import Access
from tidemill.actions.adapters.http.bodies import JSON_TYPE, split_type
from tidemill.actions.adapters.http.outlet import Outlet, OutletError, Wish
from tidemill.actions.adapters.mcp.arguments import McpCall, Web
from tidemill.actions.adapters.mcp.limits import McpLimits
from tidemill.actions.core.model import Problem
from tidemill.json import Json, JsonError, loads

if TYPE_CHECKING:
    # A name for types alone, which the library keeps to itself.
    from mcp.client._transport import TransportStreams

# What belongs to a connection, or says what the client can decode; the connections of HTTP calls say it anew.
_ASKED_ANEW: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}
)
_DECODED: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_ANSWERS: Final = (JSON_TYPE, "text/event-stream")
_FAILED: Final = 502
_NO_STREAM: Final = 405
_ENDED: Final = 204


class WebTransport(httpx2.AsyncBaseTransport):
    """Sends the requests of one call. `problem` is why the last of them has failed."""

    def __init__(
        self, outlet: Outlet, wanted: McpCall, *, access: Access, key: str, limits: McpLimits
    ) -> None:
        assert isinstance(wanted.transport, Web)
        self.problem: Problem | None = None
        self._outlet = outlet
        self._method = wanted.method
        self._web = wanted.transport
        self._access = access
        self._key = key
        self._limits = limits
        self._left = limits.response_bytes_max

    @asynccontextmanager
    async def streams(self) -> "AsyncIterator[TransportStreams]":
        """The streams of a session, which is ended with the block."""
        async with (
            httpx2.AsyncClient(transport=self, trust_env=False, headers={"user-agent": "tidemill"}) as client,
            streamable_http_client(
                self._web.url, http_client=client, max_sse_event_size=self._limits.response_bytes_max
            ) as streams,
        ):
            yield streams

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it on. A failure becomes a bad status: the library then ends the call in order."""
        if request.method == "DELETE":
            return await self._end_session(request)
        if request.method == "GET" and "last-event-id" not in request.headers:
            # Nobody listens to what a server says unasked, and a connection would be taken for it.
            return httpx2.Response(_NO_STREAM)
        self.problem = None
        try:
            return await self._send(request)
        except OutletError as error:
            self.problem = error.problem
            return httpx2.Response(_FAILED)

    async def _end_session(self, request: httpx2.Request) -> httpx2.Response:
        """The result is there: a server that does not end its session now has to forget it by itself."""
        problem = self.problem
        with contextlib.suppress(OutletError, TimeoutError):
            async with asyncio.timeout(self._limits.close_us / 1_000_000):
                response = await self._send(request)
                await response.aclose()
        self.problem = problem
        return httpx2.Response(_ENDED)

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        content = await request.aread()
        wish = self._wish(request, content)
        async with AsyncExitStack() as stack:
            response = await stack.enter_async_context(self._outlet.answer(wish))
            if response.status_code >= httpx.codes.BAD_REQUEST:
                return await self._refusal(response, wish)
            if response.is_redirect:
                self.problem = self._outlet.status_problem(response, b"", wish)
            elif _is_request(content) and not _can_answer(response):
                self.problem = wish.bad_answer("the answer is neither JSON nor a stream of events").problem
            headers = [item for item in response.headers.raw if item[0].decode().lower() not in _DECODED]
            body = _Body(self, self._outlet.pieces(response, wish), stack.pop_all())
            return httpx2.Response(response.status_code, headers=headers, stream=body)

    async def _refusal(self, response: httpx.Response, wish: Wish) -> httpx2.Response:
        """A bad status, kept as the problem unless the library finds the server's own error in it."""
        data = await self._outlet.start(response, wish)
        self.problem = self._outlet.status_problem(response, data, wish)
        content_type = response.headers.get("content-type", "")
        if _is_error(data, content_type):
            self.problem = None
        return httpx2.Response(response.status_code, headers={"content-type": content_type}, content=data)

    def _wish(self, request: httpx2.Request, content: bytes) -> Wish:
        asked = {name: value for name, value in request.headers.items() if name not in _ASKED_ANEW}
        headers = {**self._web.headers, **asked}
        # The handshake goes without the key: who de-duplicates by it would answer the rest with its outcome.
        if _method_of(content) == self._method:
            headers.setdefault(IDEMPOTENCY_HEADER, self._key)
        else:
            headers.pop(IDEMPOTENCY_HEADER, None)
        return Wish(
            method=request.method,
            url=str(request.url),
            headers=headers,
            body=content or None,
            access=self._access,
            bytes_max=max(self._left, 0),
            limit=f"mcp_response_bytes_max, {self._limits.response_bytes_max}",
        )

    def took(self, size: int) -> None:
        """So much has been read."""
        self._left -= size


class _Body(httpx2.AsyncByteStream):
    """The body of an answer. Where it breaks off it ends, and the transport knows why."""

    def __init__(self, transport: WebTransport, pieces: AsyncIterator[bytes], stack: AsyncExitStack) -> None:
        self._transport = transport
        self._pieces = pieces
        self._stack = stack

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces:
                self._transport.took(len(piece))
                yield piece
        except OutletError as error:
            self._transport.problem = error.problem

    async def aclose(self) -> None:
        await self._stack.aclose()


def _is_error(data: bytes, content_type: str) -> bool:
    if not content_type.startswith("application/json"):
        return False
    try:
        answer = loads(data)
    except JsonError:
        return False
    return isinstance(answer, dict) and isinstance(answer.get("error"), dict)


def _can_answer(response: httpx.Response) -> bool:
    media_type, _ = split_type(response.headers.get("content-type", ""))
    return response.status_code != httpx.codes.ACCEPTED and media_type in _ANSWERS


def _is_request(content: bytes) -> bool:
    return "id" in _message(content) and _method_of(content) != ""


def _method_of(content: bytes) -> str:
    return str(_message(content).get("method", ""))


def _message(content: bytes) -> dict[str, Json]:
    message = loads(content) if content else None
    return message if isinstance(message, dict) else {}
