"""The life of a process: its tasks run until a signal or a fatal error, then all stop in good order."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

from tidemill.errors import TidemillError
from tidemill.loops import FatalError, Stop
from tidemill.telemetry.logging import get_logger

Drain = Callable[[], Awaitable[None]]

GRACE_SECONDS: Final = 10.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_log = get_logger(__name__)


class Supervisor:
    """Runs a process's tasks together: what ends one of them with an error ends them all.

    `stop` is what the tasks listen to. It is set on SIGTERM or SIGINT, once `drain` has returned, and when a
    task raised. A second signal does not wait: it cancels what still runs.
    """

    def __init__(self, stop: Stop, *, grace_seconds: float = GRACE_SECONDS) -> None:
        self.stop = stop
        self._grace_seconds = grace_seconds
        self._asked = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None

    def start(self, name: str, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run `work` as a task under supervision; it may end well at any time."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def ask(self) -> None:
        """Begin to stop, as a signal would."""
        self._asked.set()

    async def run(self, drain: Drain | None = None) -> None:
        """Return when all has stopped; raises the first error that a task or `drain` ended with.

        `drain` runs between the wish to stop and the stop of the tasks: it closes the doors and lets what
        came in be finished, while the tasks still work.
        """
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        try:
            await self._asked.wait()
            await self._drain(drain)
            self.stop.set()
            await self._finish()
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
        if self._error is not None:
            raise self._error

    def _signalled(self, number: signal.Signals) -> None:
        _log.info("stopping", signal=number.name)
        if self._asked.is_set():
            self._cancel_all()
        self.ask()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        _log.error("a task failed, the process stops", task=task.get_name(), exc_info=error)
        self._error = self._error or error
        self.ask()

    async def _drain(self, drain: Drain | None) -> None:
        # After a fatal error there is nothing left to finish in good order.
        if drain is None or self._error is not None:
            return
        task = self.start("drain", _await(drain))
        await asyncio.wait([task])

    async def _finish(self) -> None:
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=self._grace_seconds)
        if late:
            _log.warning("tasks did not stop in time", tasks=sorted(task.get_name() for task in late))
            self._cancel_all()
            await asyncio.wait(late)

    def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()


def run_to_exit_code(work: Coroutine[object, object, None], *refusals: type[Exception]) -> int:
    """Run a process's work: 0 after a stop that was asked for, 1 after a refusal, said in one line.

    `refusals` are what `work` raises on purpose beside the errors that every process may end with; anything
    else is a bug, and keeps its traceback.
    """
    expected: tuple[type[Exception], ...] = (TidemillError, FatalError, OSError, RuntimeError, *refusals)
    try:
        asyncio.run(work)
    except expected as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return 1
    return 0


async def _await(drain: Drain) -> None:
    await drain()
