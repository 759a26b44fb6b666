"""What lies between processes: requests and answers, which may be late, lost, or outlive both ends."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Final, TypeVar

from tests.simulation.cluster.loop import PROCESS, Process, SeededLoop
from tests.simulation.cluster.weather import Fate, Weather
from tidemill.storage import StorageUnavailableError

Result = TypeVar("Result")
ANSWER_US_MAX: Final = 2_000_000


class LostError(Exception):
    """No answer has come."""


class Network:
    """Carries requests to the store, to the log and to engines."""

    def __init__(self, loop: SeededLoop, weather: Weather) -> None:
        self.loop = loop
        self.weather = weather
        # Runs whatever becomes of the process that has asked.
        self.outside = Context()
        self.kill: Callable[[Process], None] = lambda process: setattr(process, "alive", False)

    async def storage(self, process: Process, name: str, serve: Callable[[], Result]) -> Result:
        """Ask the store or the log, which serve a request in one moment."""
        fate = self.weather.fate(name)
        if fate is None:
            return serve()
        answer: asyncio.Future[Result] = asyncio.Future(loop=self.loop)
        loop, begins_us = self.loop, self.loop.now_us
        loop.at(begins_us + fate.arrives_us, self._arrive, process, serve, fate, answer, context=self.outside)
        if fate.is_unanswered or fate.is_refused:
            error = StorageUnavailableError(name, "the outcome is not known")
            loop.at(begins_us + fate.answered_us, _fail, answer, error, context=self.outside)
        return await answer

    def _arrive(
        self, process: Process, serve: Callable[[], Result], fate: Fate, answer: "asyncio.Future[Result]"
    ) -> None:
        if fate.is_refused:
            return
        if fate.kills_before:
            self.kill(process)
            return
        try:
            result = serve()
        except StorageUnavailableError as error:
            _fail(answer, error)
            return
        except Exception as error:
            if getattr(error, "is_violation", False):
                raise
            _fail(answer, error)
            return
        if fate.kills_after:
            self.kill(process)
        elif not fate.is_unanswered:
            wait_us = max(fate.answered_us - fate.arrives_us, 0)
            self.loop.at(self.loop.now_us + wait_us, _give, answer, result, context=self.outside)

    async def request(
        self, process: Process, work: Callable[[], Coroutine[Any, Any, Result]], answer_us_max: int
    ) -> Result:
        """Ask another process: it works on the request as long as it lives. Raises LostError."""
        loop, weather = self.loop, self.weather
        answer: asyncio.Future[Result] = asyncio.Future(loop=loop)
        if weather.happens(weather.losing):
            weather.count("lost request")
        else:
            loop.at(
                loop.now_us + weather.message_us(),
                self._begin,
                process,
                work,
                answer,
                context=self.outside,
            )
        loop.at(loop.now_us + answer_us_max, _fail, answer, LostError(), context=self.outside)
        return await answer

    def _begin(
        self,
        process: Process,
        work: Callable[[], Coroutine[Any, Any, Result]],
        answer: "asyncio.Future[Result]",
    ) -> None:
        if process.alive:
            self.loop.start(self._serve(work, answer), process, "request")

    async def _serve(
        self, work: Callable[[], Coroutine[Any, Any, Result]], answer: "asyncio.Future[Result]"
    ) -> None:
        deliver: Callable[..., None]
        try:
            deliver, given = _give, await work()
        except Exception as error:
            deliver, given = _fail, error  # type: ignore[assignment]
        if self.weather.happens(self.weather.losing):
            self.weather.count("lost answer")
            return
        at_us = self.loop.now_us + self.weather.message_us()
        self.loop.at(at_us, deliver, answer, given, context=self.outside)


def served(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of something that never waits."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise RuntimeError("it waits")


def here() -> Process:
    """The process that asks."""
    process = PROCESS.get()
    assert process is not None
    return process


def _give(answer: "asyncio.Future[Result]", result: Result) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: "asyncio.Future[Result]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
