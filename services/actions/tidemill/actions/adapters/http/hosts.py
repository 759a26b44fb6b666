"""Calls to chosen hosts sent elsewhere, for tests and local work."""

from collections.abc import Mapping

import httpx

from tidemill.errors import InvalidRequestError

_VARIABLE = "TIDEMILL_ACTIONS_HTTP_HOSTS"


def parse_hosts(text: str) -> dict[str, httpx.URL]:
    """Read `host=http://127.0.0.1:8080,...`; a host may carry its port. Raises InvalidRequestError."""
    hosts = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        host, _, base = entry.partition("=")
        url = httpx.URL(base)
        if not host or url.scheme not in ("http", "https") or not url.host:
            raise InvalidRequestError(
                _VARIABLE, f"{_VARIABLE}: {entry!r} is not of the form host=http://host:port"
            )
        hosts[host.lower()] = url
    return hosts


class RedirectedHosts(httpx.AsyncBaseTransport):
    """Sends requests for the hosts to their bases; path, query and the Host header stay as they were."""

    def __init__(self, inner: httpx.AsyncBaseTransport, hosts: Mapping[str, httpx.URL]) -> None:
        self._inner = inner
        self._hosts = hosts

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        base = self._hosts.get(f"{url.host}:{url.port}") or self._hosts.get(url.host)
        if base is not None:
            raw_path = base.raw_path.rstrip(b"/") + url.raw_path
            request = httpx.Request(
                request.method,
                base.copy_with(raw_path=raw_path),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()
