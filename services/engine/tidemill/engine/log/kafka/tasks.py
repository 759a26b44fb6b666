"""Short tasks that nobody awaits: kept from being collected, told of when they fail, ended on close."""

import asyncio
from collections.abc import Coroutine

from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)


class Tasks:
    """The tasks under way of one owner."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run it in the background; not at all after `close`."""
        if self._closed:
            work.close()
            return
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Cancel what runs."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task of the command log raised", exc_info=error)
