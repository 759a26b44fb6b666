"""The transport of HTTP clients, with chosen hosts sent elsewhere."""

from collections.abc import Mapping

import httpx


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
