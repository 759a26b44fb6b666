"""The engines' streams: what each may have outstanding, and answers that leave many in one message."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

from tidemill.actions.core.model import Answer, Call, DeliveryFailure, Undelivered
from tidemill.actions.settings import Settings
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import OverloadedError, TidemillError
from tidemill.telemetry import names
from tidemill.telemetry.metrics import Metrics

_RETRY_DELAY_US: Final = 1_000_000
_OVER_CREDIT: Final = "the stream has calls_in_flight_max calls outstanding"


class Stream:
    """One engine's connection. `outstanding` counts the items that it has sent and not had answered."""

    def __init__(self, outstanding_max: int, message_items_max: int) -> None:
        self.is_open = True
        self.outstanding = 0
        self._outstanding_max = outstanding_max
        self._message_items_max = message_items_max
        self._ready: list[Answer] = []
        self._changed = asyncio.Event()
        self._ended = False
        self._error: BaseException | None = None

    def take(self, calls: list[Call], cancellations: int) -> list[Call]:
        """Count what came in; answers the calls within the stream's credit, and refuses the others."""
        room = max(self._outstanding_max - self.outstanding, 0)
        # Cancellations are taken over the credit too: they are what makes room again.
        self.outstanding += len(calls) + cancellations
        for call in calls[room:]:
            self.answer(Undelivered(call.key, call.attempt, DeliveryFailure.UNAVAILABLE, _OVER_CREDIT))
        return calls[:room]

    def answer(self, answer: Answer) -> None:
        """Have the answer sent; dropped when the stream is gone, since the engine asks again."""
        if self.is_open:
            self._ready.append(answer)
            self._changed.set()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more comes in: end once all is answered, or at once with the error."""
        self._ended = True
        self._error = error
        self._changed.set()

    async def messages(self) -> AsyncIterator[list[Answer]]:
        """Answers as they get ready, as many together as there are; raises what `end` was given."""
        while not self._is_done():
            await self._changed.wait()
            self._changed.clear()
            while self._ready:
                message, self._ready = (
                    self._ready[: self._message_items_max],
                    self._ready[self._message_items_max :],
                )
                self.outstanding -= len(message)
                yield message
        if self._error is not None:
            raise self._error

    def _is_done(self) -> bool:
        return self._error is not None or (self._ended and self.outstanding <= 0 and not self._ready)


class Streams:
    """All streams of the process."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._streams_max = settings.streams_max
        self._outstanding_max = settings.stream_calls_in_flight_max
        self._message_items_max = settings.response_items_max
        self._gauge = metrics.gauge(names.ACTIONS_STREAMS)
        self._open: set[Stream] = set()
        self._closing = False
        self._none_left = asyncio.Event()
        self._none_left.set()

    @contextmanager
    def open(self) -> Iterator[Stream]:
        """A new stream for as long as the block runs; raises OverloadedError, or NOT_READY while stopping."""
        stream = self._admit()
        try:
            yield stream
        finally:
            stream.is_open = False
            self._open.discard(stream)
            self._gauge.set(len(self._open))
            if not self._open:
                self._none_left.set()

    def _admit(self) -> Stream:
        if self._closing:
            raise TidemillError(
                reasons.ERROR_REASON_NOT_READY, "the service is stopping", {"part": "actions"},
                retry_delay_us=_RETRY_DELAY_US,
            )  # fmt: skip
        if len(self._open) >= self._streams_max:
            raise OverloadedError(
                "streams_max", limit_value=self._streams_max, retry_delay_us=_RETRY_DELAY_US
            )
        stream = Stream(self._outstanding_max, self._message_items_max)
        self._open.add(stream)
        self._gauge.set(len(self._open))
        self._none_left.clear()
        return stream

    def refuse_new(self) -> None:
        """Open no more streams."""
        self._closing = True

    async def close(self) -> None:
        """End every stream after its last answer; returns when all are gone."""
        for stream in self._open:
            stream.end()
        await self._none_left.wait()
