"""Following streams over lost connections; of an execution, each event once and in order."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import aclosing
from typing import Final, TypeAlias, TypeVar

import grpc

from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.client.calls import Caller, UnreachableError

AnswerT = TypeVar("AnswerT")
_AWAY: Final = (reasons.ERROR_REASON_NOT_READY, reasons.ERROR_REASON_STORAGE_UNAVAILABLE)


WatchMethod: TypeAlias = "grpc.aio.UnaryStreamMultiCallable[pb.WatchRequest, pb.WatchResponse]"


async def follow(
    caller: Caller, method: WatchMethod, request: pb.WatchRequest
) -> AsyncIterator[pb.WatchResponse]:
    """Yield what the service sends until it ends the stream; raises TidemillError.

    A stream that breaks because the service went away is opened again after the last event seen, for as long
    as the service is not away longer than `patience.away_seconds`.
    """
    position = _Followed(request)
    async with aclosing(reopened(caller, lambda: method(position.request))) as answers:
        async for answer in answers:
            if position.advance(answer):
                yield answer


async def reopened(
    caller: Caller, open_stream: Callable[[], AsyncIterable[AnswerT]]
) -> AsyncGenerator[AnswerT, None]:
    """Yield what streams send, each opened where the one before broke; raises TidemillError.

    `open_stream` is asked anew each time, so that it can begin behind what was seen.
    """
    away_since: float | None = None
    failures = 0
    while True:
        try:
            async for answer in open_stream():
                away_since, failures = None, 0
                yield answer
            return
        except grpc.aio.AioRpcError as failure:
            error = caller.typed(failure, caller.patience.call_seconds)
            if not (isinstance(error, UnreachableError) or error.reason in _AWAY):
                raise error from None
            failures += 1
            away_since = away_since if away_since is not None else caller.now_seconds()
            delay_seconds = caller.backoff_seconds(failures)
            if caller.now_seconds() + delay_seconds > away_since + caller.patience.away_seconds:
                raise error from None
            await caller.sleep(delay_seconds)


class _Followed:
    """How far the events have been seen."""

    def __init__(self, request: pb.WatchRequest) -> None:
        self.request = pb.WatchRequest()
        self.request.CopyFrom(request)

    def advance(self, answer: pb.WatchResponse) -> bool:
        """Go on behind the answer's events; False when it brings nothing new."""
        if not answer.events:
            return True
        next_sequence = answer.events[-1].sequence + 1
        if next_sequence <= self.request.from_sequence:
            return False
        self.request.from_sequence = next_sequence
        return True
