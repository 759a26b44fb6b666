"""Sends batches of CloudEvents to an HTTP endpoint, and says what its answers mean."""

import asyncio
from collections.abc import Sequence
from typing import Final

import httpx

from tidemill.engine.lifecycle.cloud_events import BATCH_TYPE
from tidemill.engine.lifecycle.sink import RefusedError, SinkError, StoppedError
from tidemill.loops import Stop

STOP_GRACE_SECONDS: Final = 1.0
_TOO_SLOW: Final = 408
_TOO_MANY: Final = 429


class HttpPost:
    """One endpoint, with one connection: there is never more than one request under way."""

    def __init__(self, url: str, stop: Stop, *, timeout_us: int) -> None:
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        # The environment's proxies and certificates are for people at a shell.
        self._client = httpx.AsyncClient(timeout=timeout_us / 1_000_000, limits=limits, trust_env=False)
        self._url = url
        self._timeout_seconds = timeout_us / 1_000_000
        self._stop = stop

    async def __call__(self, events: Sequence[bytes]) -> None:
        """Send a batch in the CloudEvents JSON batch format."""
        status = await self._status(b"[" + b",".join(events) + b"]")
        if 200 <= status < 300:
            return
        message = f"the sink answers {status}"
        if 400 <= status < 500 and status not in (_TOO_SLOW, _TOO_MANY):
            raise RefusedError(str(status), message)
        raise SinkError(str(status), message)

    async def _status(self, body: bytes) -> int:
        """The status of the answer, or StoppedError soon after the process is asked to stop."""
        posting = asyncio.ensure_future(self._post(body))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((posting, stopping), return_when=asyncio.FIRST_COMPLETED)
            # What is under way is most likely taken in a moment: then it need not come again.
            await asyncio.wait((posting,), timeout=STOP_GRACE_SECONDS)
            if posting.done():
                return posting.result()
            raise StoppedError
        finally:
            for task in (posting, stopping):
                task.cancel()
            await asyncio.gather(posting, stopping, return_exceptions=True)

    async def _post(self, body: bytes) -> int:
        headers = {"content-type": BATCH_TYPE}
        try:
            # A bound on the whole exchange: the client's own is for each read and write.
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._client.stream("POST", self._url, content=body, headers=headers) as response,
            ):
                # Only a connection whose answer was read to its end is used again.
                async for _ in response.aiter_raw():
                    pass
                return response.status_code
        except (httpx.TimeoutException, TimeoutError):
            raise SinkError(
                "timeout", f"the sink gave no answer within {self._timeout_seconds:g} s"
            ) from None
        except httpx.HTTPError as error:
            raise SinkError("connection", f"the sink cannot be reached: {type(error).__name__}") from None

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.aclose()
