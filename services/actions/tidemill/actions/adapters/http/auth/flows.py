"""The ways in which a request is given its credentials, as httpx drives them."""

from collections.abc import AsyncGenerator
from contextlib import suppress
from http import HTTPStatus
from typing import Final, Protocol

import httpx

from tidemill.actions.adapters.http.auth.problems import BAD_ANSWER, failed_talk

_HEADER: Final = "Authorization"
_DROPPED_BYTES_MAX: Final = 16_384


class Bearer(httpx.Auth):
    """A token that the author has."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        request.headers[_HEADER] = f"Bearer {self._token}"
        yield request


class Digest(httpx.DigestAuth):
    """RFC 7616 with MD5, SHA, SHA-256 and SHA-512, also as `-sess`; bodies are not protected (`auth-int`)."""

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        flow = self.auth_flow(request)
        response = yield next(flow)
        if not _is_refusal_of(response, request):
            return
        try:
            answered = flow.send(response)
        except StopIteration:
            return
        except (httpx.ProtocolError, NotImplementedError, LookupError, ValueError):
            raise failed_talk(BAD_ANSWER, "the server's digest challenge cannot be answered") from None
        await _let_go(response)
        yield answered


class TokenSource(Protocol):
    """Where the tokens of one authentication come from."""

    async def take(self) -> tuple[str, bool]:
        """A token, and whether it has come only now. Raises AuthenticationError."""
        ...

    def give_up(self) -> None:
        """The last token was refused: take another one next time."""
        ...


class Tokens(httpx.Auth):
    """A token of a provider. One that was kept and is refused is fetched anew, once for each request."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token, is_new = await self._source.take()
        request.headers[_HEADER] = f"Bearer {token}"
        response = yield request
        if is_new or not _is_refusal_of(response, request):
            return
        # Before another request, which may need the connection that this one holds.
        await _let_go(response)
        self._source.give_up()
        token, _ = await self._source.take()
        request.headers[_HEADER] = f"Bearer {token}"
        yield request


def _is_refusal_of(response: httpx.Response, request: httpx.Request) -> bool:
    """Whether the server itself wants other credentials, and not one that it has redirected to."""
    asked, answered = request.url, response.request.url
    same = (asked.scheme, asked.host, asked.port) == (answered.scheme, answered.host, answered.port)
    return same and response.status_code == HTTPStatus.UNAUTHORIZED


async def _let_go(response: httpx.Response) -> None:
    """Drop the body: httpx would read it to its end, however long it is, before it goes on.

    One that is short is read here, so that its connection can be used again.
    """
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    size = 0
    with suppress(httpx.HTTPError):
        async for chunk in stream:
            size += len(chunk)
            if size > _DROPPED_BYTES_MAX:
                break
    await stream.aclose()
    response.headers.pop("content-encoding", None)
    response.stream = httpx.ByteStream(b"")
