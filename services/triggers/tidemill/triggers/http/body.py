"""Reads a request's body within limits of size and time, so that no producer fills the memory."""

import asyncio

from starlette.requests import Request

from tidemill.errors import TooLargeError
from tidemill.triggers.http.problem import RefusedRequestError

_REQUEST_TIMEOUT = 408
_LIMIT = "http_body_bytes_max"


async def read_body(request: Request, *, bytes_max: int, timeout_us: int) -> bytes:
    """The whole body; raises TooLargeError as soon as that is known, RefusedRequestError (408) when slow."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > bytes_max:
        raise TooLargeError(_LIMIT, limit_value=bytes_max, actual=int(announced))
    try:
        async with asyncio.timeout(timeout_us / 1_000_000):
            return await _read(request, bytes_max)
    except TimeoutError:
        raise RefusedRequestError(_REQUEST_TIMEOUT, "the body did not come in time") from None


async def _read(request: Request, bytes_max: int) -> bytes:
    # What a chunked request announces nobody knows: it is counted as it comes.
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            raise TooLargeError(_LIMIT, limit_value=bytes_max, actual=size)
        parts.append(part)
    return b"".join(parts)
