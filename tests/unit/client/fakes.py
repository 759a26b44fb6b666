"""A clock whose sleeps pass at once, and RPCs that answer from a list."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Generic, TypeVar

import grpc
from grpc.aio import Metadata

from tidemill.client.calls import Caller, Patience
from tidemill.errors import TidemillError
from tidemill.rpc.errors import to_status

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class InstantClock:
    """Sleeping moves the time on and takes none."""

    def __init__(self) -> None:
        self.sleeps_us: list[int] = []
        self._now_us = 0

    def now_us(self) -> int:
        return self._now_us

    def monotonic_us(self) -> int:
        return self._now_us

    async def sleep_us(self, duration_us: int) -> None:
        self.sleeps_us.append(duration_us)
        self._now_us += duration_us

    async def wait_us(self, event: asyncio.Event, duration_us: int) -> None:
        if not event.is_set():
            await self.sleep_us(duration_us)


class ScriptedMethod(Generic[RequestT, ResponseT]):
    """A unary method that gives its answers in turn, raising those that are errors."""

    def __init__(self, *answers: ResponseT | grpc.aio.AioRpcError) -> None:
        self.requests: list[RequestT] = []
        self.timeouts: list[float | None] = []
        self._answers = list(answers)

    async def __call__(self, request: RequestT, *, timeout: float | None = None) -> ResponseT:
        self.requests.append(request)
        self.timeouts.append(timeout)
        answer = self._answers.pop(0)
        if isinstance(answer, grpc.aio.AioRpcError):
            raise answer
        return answer


class ScriptedStream(Generic[RequestT, ResponseT]):
    """A streaming method: each call plays the next list of answers, raising those that are errors."""

    def __init__(self, *calls: Iterable[ResponseT | grpc.aio.AioRpcError]) -> None:
        self.requests: list[RequestT] = []
        self._calls = list(calls)

    async def __call__(self, request: RequestT) -> AsyncIterator[ResponseT]:
        self.requests.append(request)
        for answer in self._calls.pop(0):
            if isinstance(answer, grpc.aio.AioRpcError):
                raise answer
            yield answer


def caller(clock: InstantClock, patience: Patience | None = None) -> Caller:
    return Caller("engine:7400", patience or Patience(), clock=clock)


def foreign_failure(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    """A failure made by gRPC itself."""
    return grpc.aio.AioRpcError(code, Metadata(), Metadata(), details="from gRPC")


def typed_failure(error: TidemillError) -> grpc.aio.AioRpcError:
    """A failure as a service sends it."""
    status = to_status(error)
    return grpc.aio.AioRpcError(
        status.code, Metadata(), Metadata(*(status.trailing_metadata or ())), details=status.details
    )
