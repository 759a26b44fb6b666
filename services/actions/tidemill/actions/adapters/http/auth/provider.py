"""The requests to providers of tokens: for a token, and for what discovery tells."""

import asyncio
from typing import Final
from urllib.parse import urlencode

import httpx

from tidemill.actions.adapters.http.auth.answers import Token, read_discovery, read_token
from tidemill.actions.adapters.http.auth.clients import Proof, prove
from tidemill.actions.adapters.http.auth.grants import JSON, Grant
from tidemill.actions.adapters.http.auth.limits import TokenLimits
from tidemill.actions.adapters.http.auth.problems import (
    BAD_ANSWER,
    TIMED_OUT,
    UNREACHABLE,
    AuthenticationError,
    failed_talk,
)
from tidemill.actions.adapters.http.auth.secrets import HiddenTexts
from tidemill.clock import Clock
from tidemill.json import Json, dumps

_DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
_US_PER_SECOND: Final = 1_000_000


class Provider:
    """Asks providers of tokens, within the limits. What is asked is never followed elsewhere."""

    def __init__(self, client: httpx.AsyncClient, limits: TokenLimits, clock: Clock) -> None:
        self._client = client
        self._limits = limits
        self._clock = clock

    async def discover(self, grant: Grant) -> str:
        """The token endpoint of the grant's authority. Raises AuthenticationError."""
        request = httpx.Request("GET", grant.authority.rstrip("/") + _DISCOVERY_PATH, headers=_headers())
        status, data = await self._ask(request, "the discovery of the authority")
        return read_discovery(status, data, grant.authority, grant.issuers)

    async def token(self, grant: Grant, endpoint: str, hidden: HiddenTexts, refresh: str = "") -> Token:
        """A token; `refresh` is sent in the place of the author's refresh token.

        Raises AuthenticationError, which shows nothing that is hidden.
        """
        proof = prove(grant.client, endpoint, self._clock.now_us())
        hidden.add(*proof.hidden, refresh)
        parameters = [
            (name, refresh if refresh and name == "refresh_token" else value)
            for name, value in (*grant.parameters, *proof.parameters)
        ]
        request = _token_request(endpoint, grant, parameters, proof)
        try:
            status, data = await self._ask(request, "the token endpoint")
            return read_token(status, data, self._clock.now_us(), grant.issuers)
        except AuthenticationError as error:
            # Here, since others may wait for this token who know less of what must be hidden.
            error.hide(hidden.in_errors())
            raise

    async def _ask(self, request: httpx.Request, who: str) -> tuple[int, bytes]:
        where = f"{who} at {_shown(request.url)}"
        timeout_seconds = self._limits.timeout_us / _US_PER_SECOND
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._answer(request, where)
        except (TimeoutError, httpx.TimeoutException):
            raise failed_talk(
                TIMED_OUT, f"{where} did not answer within {timeout_seconds:g} seconds"
            ) from None
        except httpx.ConnectError as error:
            raise failed_talk(UNREACHABLE, f"{where} cannot be reached: {error}") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            # What the library says of a request that it cannot send may quote it.
            raise failed_talk(BAD_ANSWER, f"{where} cannot be talked to: {type(error).__name__}") from None

    async def _answer(self, request: httpx.Request, where: str) -> tuple[int, bytes]:
        bytes_max = self._limits.answer_bytes_max
        response = await self._client.send(request, auth=httpx.Auth(), stream=True, follow_redirects=False)
        data = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > bytes_max:
                    raise failed_talk(
                        BAD_ANSWER, f"{where} answers with more than http_token_answer_bytes_max, {bytes_max}"
                    )
        finally:
            await response.aclose()
        return response.status_code, bytes(data)


def _token_request(
    endpoint: str, grant: Grant, parameters: list[tuple[str, str]], proof: Proof
) -> httpx.Request:
    body = dumps(_members(parameters)) if grant.encoding == JSON else urlencode(parameters).encode()
    headers = {**_headers(), "content-type": grant.encoding, **dict(proof.headers)}
    return httpx.Request("POST", endpoint, headers=headers, content=body)


def _members(parameters: list[tuple[str, str]]) -> dict[str, Json]:
    """As JSON, what a form would repeat is an array."""
    members: dict[str, list[Json]] = {}
    for name, value in parameters:
        members.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in members.items()}


def _headers() -> dict[str, str]:
    return {"accept": JSON, "user-agent": "tidemill"}


def _shown(url: httpx.URL) -> str:
    return str(url.copy_with(userinfo=b"", query=None))
