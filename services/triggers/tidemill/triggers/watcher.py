"""Follows the Engine's catalogue: one stream at a time, each revision acknowledged once it is in force."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeVar

from tidemill.api.engine.v1.definition_service_pb2 import WatchDefinitionsRequest, WatchDefinitionsResponse
from tidemill.clock import Clock
from tidemill.errors import TidemillError
from tidemill.loops import Stop
from tidemill.namespaces import ANY_NAMESPACE
from tidemill.rpc import typed_errors
from tidemill.telemetry.logging import get_logger
from tidemill.triggers.catalogue import Catalogue
from tidemill.triggers.errors import CATALOGUE, NotReadyError

T = TypeVar("T")
OnReady = Callable[[bool], Awaitable[None]]


class Stream(Protocol):
    """A watch stream, as gRPC gives it; `read` returns something else than a message at the end."""

    async def write(self, request: WatchDefinitionsRequest) -> None: ...
    async def read(self) -> object: ...
    def cancel(self) -> bool: ...


# Waits for an Engine that can be asked.
OpenStream = Callable[[], Awaitable[Stream]]

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WatcherLimits:
    """How long a stream may take to open, and to show any next message."""

    open_us_max: int
    silence_us_max: int


class StreamEndedError(NotReadyError):
    """The Engine ended the stream, or stopping was asked for."""

    def __init__(self) -> None:
        super().__init__(CATALOGUE, "the stream of definitions has ended")


class CatalogueWatcher:
    """The step of a background loop: each run follows one stream to its end.

    `on_ready` is told when the catalogue becomes usable and when it is no longer.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        catalogue: Catalogue,
        *,
        limits: WatcherLimits,
        clock: Clock,
        stop: Stop,
    ) -> None:
        self._open_stream = open_stream
        self._catalogue = catalogue
        self._limits = limits
        self._clock = clock
        self._stop = stop
        self.on_ready: OnReady = _nobody

    async def run_once(self) -> bool:
        """Follow one stream. True when it had been whole; raises TidemillError when it never came to that."""
        stream = await self._opened()
        if stream is None:
            return False
        self._catalogue.begin()
        try:
            with typed_errors():
                await self._follow(stream)
        except TidemillError as error:
            if self._stop.is_set():
                return False
            if not self._catalogue.whole:
                raise
            _log.warning("the catalogue's stream is lost", reason=error.reason_name, error=error.message)
            return True
        finally:
            stream.cancel()
            self._catalogue.lose()
            await self.on_ready(False)

    async def _opened(self) -> Stream | None:
        """A stream; an Engine that is not there yet is waited for. None when stopping is asked for."""
        opening = asyncio.ensure_future(self._open_stream())
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (opening, stopping):
                waiting.cancel()
            await asyncio.gather(opening, stopping, return_exceptions=True)
        return None if self._stop.is_set() else opening.result()

    async def _follow(self, stream: Stream) -> NoReturn:
        """Take the stream's messages until it fails; raises then."""
        opening = WatchDefinitionsRequest(namespace=ANY_NAMESPACE, watcher=_own_name())
        await self._within(self._limits.open_us_max, stream.write(opening))
        acknowledged: int | None = None
        while True:
            silence_us = self._limits.silence_us_max if self._catalogue.whole else self._limits.open_us_max
            asked_us = self._clock.monotonic_us()
            message = await self._within(silence_us, stream.read())
            if not isinstance(message, WatchDefinitionsResponse):
                raise StreamEndedError
            revision = await self._take(message, asked_us)
            if revision is not None and revision != acknowledged:
                # Only now: the Engine tells its publisher that this process listens.
                acknowledgement = WatchDefinitionsRequest(acknowledged_revision=revision)
                await self._within(self._limits.silence_us_max, stream.write(acknowledgement))
                acknowledged = revision

    async def _take(self, message: WatchDefinitionsResponse, asked_us: int) -> int | None:
        """Put the message in force; the revision that is, or None while parts are missing."""
        was_whole = self._catalogue.whole
        revision = await self._catalogue.receive(message, asked_us=asked_us)
        if revision is not None and not was_whole:
            await self.on_ready(True)
        return revision

    async def _within(self, limit_us: int, work: Coroutine[Any, Any, T]) -> T:
        """The work's result; raises when it takes longer than the limit, or when stopping is asked for."""
        task = asyncio.ensure_future(work)
        timer = asyncio.ensure_future(self._clock.sleep_us(limit_us))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((task, timer, stopping), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        finally:
            for waiting in (task, timer, stopping):
                waiting.cancel()
        if self._stop.is_set():
            raise StreamEndedError
        raise NotReadyError(CATALOGUE, f"the Engine's stream of definitions was silent for {limit_us} us")


async def _nobody(_ready: bool) -> None:
    return None


def _own_name() -> str:
    """This process, so that the Engine waits for each replica as itself."""
    return f"triggers@{socket.gethostname()}:{os.getpid()}"
