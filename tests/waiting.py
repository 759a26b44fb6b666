"""Waiting for what other processes do: polled, bounded, and in one place."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

POLL_SECONDS = 0.01


async def eventually(holds: Callable[[], bool | Awaitable[bool]], *, seconds: float = 30) -> None:
    """Return once the condition holds; raises TimeoutError when it does not come to hold in time."""
    async with asyncio.timeout(seconds):
        while True:
            answer = holds()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(POLL_SECONDS)
