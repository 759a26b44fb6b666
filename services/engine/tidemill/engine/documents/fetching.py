"""Fetches documents over HTTP, and from a folder where one is set; every way to fail is one sentence."""

import asyncio
import ssl
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import httpx

from tidemill.json import Json
from tidemill.redirected_hosts import RedirectedHosts

FOLDER_VARIABLE: Final = "TIDEMILL_ENGINE_FETCH_FOLDER"
_ACCEPT: Final = "application/json, application/yaml;q=0.9, text/yaml;q=0.9, */*;q=0.5"


class FetchError(Exception):
    """A document that cannot be had; the text says why, in a part of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """What fetching one document may take, and how many are fetched at once, whoever publishes."""

    timeout_us: int
    bytes_max: int
    redirects_max: int
    at_once_max: int


class Fetcher:
    """Fetches documents, each with connections of its own: it happens when something is published."""

    def __init__(self, limits: FetchLimits, *, hosts: Mapping[str, str], folder: Path | None) -> None:
        """`hosts` are sent elsewhere, see RedirectedHosts; `folder` is where `file:` reads, if anywhere."""
        self._limits = limits
        self._hosts = hosts
        self._folder = folder
        self._at_once = asyncio.Semaphore(limits.at_once_max)
        self._certificates: ssl.SSLContext | None = None

    async def fetch(self, uri: str, authentication: Json = None) -> bytes:
        """The document, with `basic` or `bearer` credentials where it asks for them. Raises FetchError."""
        seconds = self._limits.timeout_us / 1_000_000
        async with self._at_once:
            try:
                async with asyncio.timeout(seconds):
                    if urlsplit(uri).scheme == "file":
                        return await asyncio.to_thread(self._read, uri)
                    return await self._get(uri, authentication)
            except TimeoutError:
                raise FetchError(f"it did not come within {seconds:g} s (fetch_timeout_us)") from None

    async def _get(self, uri: str, authentication: Json) -> bytes:
        certificates = self._certificates
        if certificates is None:
            # Reading the system's takes a while, and is done once.
            certificates = self._certificates = await asyncio.to_thread(httpx.create_ssl_context)
        transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(verify=certificates, trust_env=False)
        client = httpx.AsyncClient(
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
        try:
            async with client, client.stream("GET", uri) as response:
                return await self._whole(response)
        except httpx.TooManyRedirects:
            raise FetchError(
                f"it was redirected more than {self._limits.redirects_max} times (fetch_redirects_max)"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchError(_sentence(error)) from None

    async def _whole(self, response: httpx.Response) -> bytes:
        if response.status_code != httpx.codes.OK:
            raise FetchError(f"it answers {response.status_code}")
        if (encoding := response.headers.get("content-encoding", "identity")) != "identity":
            raise FetchError(f"it comes packed ({encoding:.20}), which was not asked for")
        data = bytearray()
        async for chunk in response.aiter_raw():
            data += chunk
            self._refuse_large(len(data))
        return bytes(data)

    def _read(self, uri: str) -> bytes:
        if self._folder is None:
            raise FetchError(f"files are read from the folder alone that {FOLDER_VARIABLE} names")
        folder = self._folder.resolve()
        parts = urlsplit(uri)
        # Authors write file:///a/b.json, file:b.json, and also file://b.json.
        named = unquote(parts.path) if parts.netloc == "localhost" else unquote(parts.netloc + parts.path)
        path = (folder / named).resolve()
        if not path.is_relative_to(folder):
            raise FetchError(f"it is not in the folder that {FOLDER_VARIABLE} names")
        if not path.is_file():
            raise FetchError("there is no such file")
        try:
            with path.open("rb") as file:
                data = file.read(self._limits.bytes_max + 1)
        except OSError as error:
            raise FetchError(error.strerror or str(error)) from None
        self._refuse_large(len(data))
        return data

    def _refuse_large(self, size: int) -> None:
        if size > self._limits.bytes_max:
            raise FetchError(f"it has more than {self._limits.bytes_max} bytes (fetch_bytes_max)")


def _auth(authentication: Json) -> httpx.Auth | None:
    match authentication:
        case {"basic": {"username": str(username), "password": str(password)}}:
            return httpx.BasicAuth(username, password)
        case {"bearer": {"token": str(token)}}:
            return _Bearer(token)
        case _:
            return None


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request


def _sentence(error: Exception) -> str:
    match error:
        case httpx.ConnectError():
            return f"nobody can be reached there ({error})"
        case httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return "it is, or leads to, what is no http or https URI"
        case _:
            return f"the answer broke off ({str(error) or type(error).__name__})"
