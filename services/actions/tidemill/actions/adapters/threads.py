"""Threads for plain functions: a bounded number at once, and none is waited for that does not return."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from tidemill.actions.core.model import Outcome
from tidemill.actions.core.problems import failed, runtime_problem
from tidemill.actions.registry import NotDeliveredError
from tidemill.telemetry import names
from tidemill.telemetry.metrics import Metrics


class Threads:
    """Runs each call in a daemon thread, so that a function which hangs cannot keep the process from ending.

    A thread whose call timed out or was cancelled is written off: its place is free again. With `lost_max`
    threads written off plain functions are refused, until some return.
    """

    def __init__(self, metrics: Metrics, *, threads_max: int, lost_max: int) -> None:
        self._places = asyncio.Semaphore(threads_max)
        self._lost_max = lost_max
        self.lost = 0
        self._lost_gauge = metrics.gauge(names.ACTIONS_THREADS_LOST)

    async def run(self, work: Callable[[], Outcome]) -> Outcome:
        """Run the work in a thread. Raises NotDeliveredError when too many threads are written off."""
        if self.lost >= self._lost_max:
            raise NotDeliveredError(f"{self.lost} threads are held by functions that do not return")
        async with self._places:
            future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            threading.Thread(target=self._work, args=(work, future), daemon=True).start()
            try:
                return await future
            except asyncio.CancelledError:
                self._count_lost(1)
                raise

    def _work(self, work: Callable[[], Outcome], future: asyncio.Future[Outcome]) -> None:
        try:
            outcome = work()
        except BaseException as error:  # whatever ends the thread must end the call too
            outcome = failed(runtime_problem(f"{type(error).__name__}: {error}"))
        # The loop may be closed by the time a written-off thread returns.
        with contextlib.suppress(RuntimeError):
            future.get_loop().call_soon_threadsafe(self._returned, future, outcome)

    def _returned(self, future: asyncio.Future[Outcome], outcome: Outcome) -> None:
        if future.done():
            self._count_lost(-1)
        else:
            future.set_result(outcome)

    def _count_lost(self, change: int) -> None:
        self.lost += change
        self._lost_gauge.set(self.lost)
