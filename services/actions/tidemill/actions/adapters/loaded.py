"""What an adapter needs for its calls, made with the first of them: its libraries take long to load."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LoadedOnce(Generic[T]):
    """Makes one thing when it is first asked for; who asks meanwhile waits for the same one."""

    def __init__(self, make: Callable[[], Awaitable[T]]) -> None:
        self.made: T | None = None
        self._make = make
        self._making = asyncio.Lock()

    async def get(self) -> T:
        """The thing; raises what making it raises, and is asked to make it again then."""
        if self.made is not None:
            return self.made
        async with self._making:
            if self.made is None:
                self.made = await self._make()
            return self.made
