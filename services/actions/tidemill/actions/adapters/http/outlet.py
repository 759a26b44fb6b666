"""HTTP for protocols that stand on it: one request, whose every failure is a problem."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from tidemill.actions.adapters.http.answers import shown, status_problem
from tidemill.actions.adapters.http.auth.access import Access, Authenticator
from tidemill.actions.adapters.http.auth.problems import AuthenticationError
from tidemill.actions.adapters.http.failures import BAD_ANSWER, failure_problem
from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import communication_problem, configuration_problem
from tidemill.actions.core.secrets import masked


class OutletError(Exception):
    """The request failed; the problem shows nothing that is hidden."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Wish:
    """A request to send. `bytes_max` bounds its answer, by `limit`: the setting and its value."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    access: Access
    bytes_max: int
    limit: str

    def bad_answer(self, reason: str) -> OutletError:
        """An answer that cannot be used."""
        return OutletError(communication_problem(BAD_ANSWER, self.told(reason)))

    def told(self, reason: str) -> str:
        """The reason with the request that it is about."""
        return masked(f"{self.method} {_shown(self.url)}: {reason}", self.access.hidden.in_errors())


class Outlet:
    """Sends requests over the connections of HTTP calls, and with their tokens. It follows no redirection."""

    def __init__(
        self, client: httpx.AsyncClient, authenticator: Authenticator, *, excerpt_bytes_max: int
    ) -> None:
        self.authenticator = authenticator
        self._client = client
        self._excerpt_bytes_max = excerpt_bytes_max

    @asynccontextmanager
    async def answer(self, wish: Wish) -> AsyncIterator[httpx.Response]:
        """The answer, whose body is read by `pieces` or `whole`. Raises OutletError."""
        headers = [(name.encode(), value.encode()) for name, value in wish.headers.items()]
        try:
            url = _absolute(wish.url)
            request = self._client.build_request(wish.method, url, headers=headers, content=wish.body)
            response = await self._client.send(
                request, auth=wish.access.auth, stream=True, follow_redirects=False
            )
        except AuthenticationError as error:
            raise OutletError(error.problem) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise OutletError(_problem_of(error, wish)) from None
        try:
            yield response
        finally:
            await response.aclose()

    async def whole(self, response: httpx.Response, wish: Wish) -> bytes:
        """The body. Raises OutletError, also for one over the limit."""
        return b"".join([piece async for piece in self.pieces(response, wish)])

    async def start(self, response: httpx.Response, wish: Wish) -> bytes:
        """The body up to the limit; where it is longer, or breaks off, there is no more."""
        data = b""
        with contextlib.suppress(OutletError):
            async for piece in self.pieces(response, wish):
                data += piece
        return data

    async def pieces(self, response: httpx.Response, wish: Wish) -> AsyncIterator[bytes]:
        """The body as it comes. Raises OutletError, also for one over the limit."""
        size = 0
        try:
            async for piece in response.aiter_bytes():
                size += len(piece)
                if size > wish.bytes_max:
                    raise wish.bad_answer(f"the answer is over {wish.limit}")
                yield piece
        except httpx.HTTPError as error:
            raise OutletError(_problem_of(error, wish)) from None

    def status_problem(self, response: httpx.Response, start: bytes, wish: Wish) -> Problem:
        """The error of an answer with a bad status, whose body begins so."""
        return status_problem(
            response, start, wish.access.hidden.in_errors(), excerpt_bytes_max=self._excerpt_bytes_max
        )


def _absolute(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise OutletError(configuration_problem(f"the endpoint is not a URI: {error}")) from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise OutletError(configuration_problem("the endpoint must be an absolute http or https URI"))
    return parsed


def _problem_of(error: Exception, wish: Wish) -> Problem:
    return failure_problem(error, wish.told(str(error) or type(error).__name__))


def _shown(url: str) -> str:
    try:
        return shown(httpx.URL(url))
    except httpx.InvalidURL:
        return "the endpoint"
