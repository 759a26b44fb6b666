"""A call to one of several services that are alike: where one is away, the next is asked at once."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

T = TypeVar("T")


async def first_reached(call: Callable[[], Awaitable[T]], services: int) -> T:
    """The answer of the first service that is not UNAVAILABLE, of so many; raises what the last one did.

    For requests alone that may come twice: a service that went away may have carried one out.
    """
    for _ in range(services - 1):
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
    return await call()
