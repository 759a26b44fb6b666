"""Fetches documents over HTTP, each with connections of its own: it happens when something is published."""

from collections.abc import Generator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from tidemill.engine.documents.fetching import FetchError, FetchLimits
from tidemill.json import Json
from tidemill.redirected_hosts import RedirectedHosts

_ACCEPT: Final = "application/json, application/yaml;q=0.9, text/yaml;q=0.9, */*;q=0.5"


class WebFetcher:
    """No proxy, netrc or cookie is read: what is fetched depends on the definition alone."""

    def __init__(self, limits: FetchLimits, hosts: Mapping[str, str]) -> None:
        """Reads the system's certificates, which takes a while."""
        self._limits = limits
        self._hosts = hosts
        self._certificates = httpx.create_ssl_context()

    async def get(self, uri: str, authentication: Json) -> bytes:
        """The document; the time limit is the caller's. Raises FetchError."""
        try:
            async with self._client(authentication) as client, client.stream("GET", uri) as response:
                return await self._whole(response)
        except httpx.TooManyRedirects:
            raise FetchError(
                f"it was redirected more than {self._limits.redirects_max} times (fetch_redirects_max)"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchError(_sentence(error)) from None

    def _client(self, authentication: Json) -> httpx.AsyncClient:
        transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(
            verify=self._certificates, trust_env=False
        )
        return httpx.AsyncClient(
            transport=RedirectedHosts(transport, self._hosts) if self._hosts else transport,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=True,
            max_redirects=self._limits.redirects_max,
            # What was packed could be larger than all limits when it is unpacked.
            headers={"user-agent": "tidemill", "accept": _ACCEPT, "accept-encoding": "identity"},
            timeout=None,
            auth=_auth(authentication),
        )

    async def _whole(self, response: httpx.Response) -> bytes:
        if response.status_code != httpx.codes.OK:
            raise FetchError(f"it answers {response.status_code}")
        if (encoding := response.headers.get("content-encoding", "identity")) != "identity":
            raise FetchError(f"it comes packed ({encoding:.20}), which was not asked for")
        data = bytearray()
        async for chunk in response.aiter_raw():
            data += chunk
            self._limits.refuse_large(len(data))
        return bytes(data)


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request


def _auth(authentication: Json) -> httpx.Auth | None:
    match authentication:
        case {"basic": {"username": str(username), "password": str(password)}}:
            return httpx.BasicAuth(username, password)
        case {"bearer": {"token": str(token)}}:
            return _Bearer(token)
        case _:
            return None


def _sentence(error: Exception) -> str:
    match error:
        case httpx.ConnectError():
            return f"nobody can be reached there ({error})"
        case httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return "it is, or leads to, what is no http or https URI"
        case _:
            return f"the answer broke off ({str(error) or type(error).__name__})"
