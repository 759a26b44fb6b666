"""Hosts whose HTTP requests are sent elsewhere, for tests and local work."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from tidemill.errors import InvalidRequestError


def parse_hosts(variable: str, text: str) -> dict[str, str]:
    """Read `host=http://127.0.0.1:8080,...` to bases by host; a host may carry its port.

    Raises InvalidRequestError, which names the variable that the text comes from.
    """
    hosts = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        host, _, base = entry.partition("=")
        parts = urlsplit(base)
        if not host or parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidRequestError(
                variable, f"{variable}: {entry!r} is not of the form host=http://host:port"
            )
        hosts[host.lower()] = base
    return hosts


class RedirectedHosts(httpx.AsyncBaseTransport):
    """Sends requests for the hosts to their bases; path, query and the Host header stay as they were."""

    def __init__(self, inner: httpx.AsyncBaseTransport, hosts: Mapping[str, str]) -> None:
        self._inner = inner
        self._bases = {host: httpx.URL(base) for host, base in hosts.items()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        base = self._bases.get(f"{url.host}:{url.port}") or self._bases.get(url.host)
        if base is not None:
            request = httpx.Request(
                request.method,
                base.copy_with(raw_path=base.raw_path.rstrip(b"/") + url.raw_path),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()
