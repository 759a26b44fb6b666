"""An event loop on virtual time: one seed says what runs next, and processes die, stop and go on."""

import asyncio
import heapq
from asyncio.events import _set_running_loop
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, Final, TypeVar, cast

Result = TypeVar("Result")
MICRO: Final = 1_000_000


class Process:
    """What runs, dies and stops as one: every task begun in its context, and all that these begin."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        # What would have run while the process is stopped (SIGSTOP); None while it goes on.
        self.held: list[Handle] | None = None

    @property
    def running(self) -> bool:
        """Whether it is alive and not stopped."""
        return self.alive and self.held is None


# The process that a task belongs to; the network and the world itself belong to none.
PROCESS: Final[ContextVar[Process | None]] = ContextVar("process", default=None)


class Handle:
    """Something to run."""

    __slots__ = ("arguments", "callback", "context", "is_cancelled", "process", "when_us")

    def __init__(
        self, callback: Callable[..., object], arguments: tuple[object, ...], context: Context
    ) -> None:
        self.callback = callback
        self.arguments = arguments
        self.context = context
        self.process = context.get(PROCESS)
        self.is_cancelled = False
        self.when_us = 0

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled

    def when(self) -> float:
        return self.when_us / MICRO


class SeededLoop(asyncio.AbstractEventLoop):
    """Runs what is ready in an order that chance chooses, and moves the time on when nothing is.

    Everything that the code under test may ask of an event loop is here but files, sockets and threads.
    """

    def __init__(self, seed: int, now_us: int) -> None:
        self._random = Random(seed).random
        self._ready: list[Handle] = []
        self._timers: list[tuple[int, int, asyncio.Future[None] | Handle]] = []
        self._order = 0
        self._outer: asyncio.AbstractEventLoop | None = None
        self.now_us = now_us
        self.steps = 0
        self.errors: list[BaseException] = []
        # Kept until the end, so that none is closed in the middle of the run.
        self._tasks: list[asyncio.Task[Any]] = []

    # What asyncio asks of it.

    def get_debug(self) -> bool:
        return False

    def time(self) -> float:
        return self.now_us / MICRO

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Any,  # noqa: ANN401 - as asyncio has it
        *,
        name: str | None = None,
        context: Context | None = None,
        **_: object,
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name or "", context=context)
        # A task of a process that died is never finished.
        cast("Any", task)._log_destroy_pending = False
        self._tasks.append(task)
        return task

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> Handle:
        handle = Handle(callback, args, copy_context() if context is None else context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> Handle:
        return self.at(self.now_us + int(delay * MICRO), callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> Handle:
        return self.at(int(when * MICRO), callback, *args, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.errors.append(error if isinstance(error, BaseException) else RuntimeError(context["message"]))

    # What the simulation asks of it.

    def at(
        self, when_us: int, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> Handle:
        """Run something at a time."""
        handle = Handle(callback, args, copy_context() if context is None else context)
        handle.when_us = when_us
        self._push(when_us, handle)
        return handle

    async def pause_us(self, duration_us: int) -> None:
        """Return after a while."""
        future: asyncio.Future[None] = asyncio.Future(loop=self)
        self._push(self.now_us + max(duration_us, 0), future)
        await future

    async def wait_us(self, event: asyncio.Event, duration_us: int | None) -> None:
        """Return once the event is set, or after a while: as two tasks would, at the cost of none."""
        if event.is_set():
            return
        future: asyncio.Future[bool] = asyncio.Future(loop=self)
        waiters = cast("Any", event)._waiters
        waiters.append(future)
        if duration_us is not None:
            self._push(self.now_us + duration_us, cast("asyncio.Future[None]", future))
        try:
            await future
        finally:
            waiters.remove(future)

    def start(self, work: Coroutine[Any, Any, object], process: Process | None, name: str) -> None:
        """Begin a task, in a process or outside of all."""
        context = copy_context()
        context.run(PROCESS.set, process)
        task = self.create_task(work, name=name, context=context)
        task.add_done_callback(self._ended, context=context)

    def stop_process(self, process: Process) -> None:
        """SIGSTOP: it runs no further, and does not notice."""
        if process.held is None:
            process.held = []

    def go_on(self, process: Process) -> None:
        """SIGCONT: everything that came meanwhile runs now."""
        held, process.held = process.held, None
        self._ready.extend(held or ())

    def run(self, work: Callable[[], Awaitable[Result]], steps_max: int) -> Result:
        """Run until the work is done, and all else with it. Raises what any of it has raised."""
        self._outer = asyncio._get_running_loop()
        _set_running_loop(self)
        try:
            main = self.create_task(work())
            while not main.done():
                self._run_one()
                if self.errors:
                    raise self.errors[0]
                if self.steps > steps_max:
                    raise TimeoutError(f"after {steps_max} steps no end is in sight")
            return cast("Result", main.result())
        finally:
            _set_running_loop(self._outer)

    def close(self) -> None:
        """End what never ended: tasks of processes that died, and loops that go on for ever."""
        self._ready.clear()
        self._timers.clear()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            if not task.done():
                coroutine = cast("Any", task.get_coro())
                try:
                    coroutine.close()
                except RuntimeError:
                    continue
        self._ready.clear()

    def _push(self, when_us: int, what: "asyncio.Future[None] | Handle") -> None:
        self._order += 1
        heapq.heappush(self._timers, (when_us, self._order, what))

    def _run_one(self) -> None:
        ready = self._ready
        if not ready:
            self._move_on()
            return
        if (count := len(ready)) > 1:
            index = int(self._random() * count)
            handle = ready[index]
            ready[index] = ready[-1]
            ready.pop()
        else:
            handle = ready.pop()
        process = handle.process
        if handle.is_cancelled or (process is not None and not process.alive):
            return
        if process is not None and process.held is not None:
            process.held.append(handle)
            return
        self.steps += 1
        handle.context.run(handle.callback, *handle.arguments)

    def _move_on(self) -> None:
        """Let time pass until something is ready."""
        if not self._timers:
            raise RuntimeError("nothing will ever happen again")
        when_us, _, what = heapq.heappop(self._timers)
        self.now_us = max(self.now_us, when_us)
        if isinstance(what, Handle):
            self._ready.append(what)
        elif not what.done():
            what.set_result(None)

    def _ended(self, task: "asyncio.Task[object]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.errors.append(error)
