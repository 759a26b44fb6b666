"""One call to a service: its deadline, when it is safe to try again, and its error."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import grpc

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.backoff import Backoff
from tidemill.clock import Clock, SystemClock
from tidemill.errors import TidemillError
from tidemill.rpc import from_rpc_error

RequestT_contra = TypeVar("RequestT_contra", contravariant=True)
ResponseT_co = TypeVar("ResponseT_co", covariant=True)
RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
AnswerT = TypeVar("AnswerT")

_GRPC_CODE: Final = "grpc_code"


class Method(Protocol[RequestT_contra, ResponseT_co]):
    """A unary method of a generated stub."""

    def __call__(self, request: RequestT_contra, *, timeout: float | None = None) -> Awaitable[ResponseT_co]:
        """Call it; raises AioRpcError. `timeout` is in seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a client waits, each with its unit, and how it spends the time between tries."""

    # The deadline of a call, all its tries included.
    call_seconds: float = 30.0
    # How long a service may be away (restarting, say) before a call fails as unreachable.
    away_seconds: float = 10.0
    # The longest wait that a full service's RetryInfo is granted.
    retry_delay_seconds_max: float = 5.0
    backoff: Backoff = field(default_factory=lambda: Backoff(initial_us=50_000, max_us=1_000_000))


class UnreachableError(TidemillError):
    """Nobody answers at the address, or who answers is no gRPC server."""

    def __init__(self, address: str, detail: str) -> None:
        super().__init__(
            reasons.ERROR_REASON_NOT_READY, f"cannot reach {address}", {"address": address, "detail": detail}
        )


class CallExpiredError(TidemillError):
    """No answer came in time: whether the request was carried out is not known."""

    def __init__(self, address: str, seconds: float) -> None:
        super().__init__(
            reasons.ERROR_REASON_WAIT_EXPIRED,
            f"no answer from {address} within {seconds:g} s",
            {"address": address},
        )


class Caller:
    """Calls the methods of the service at one address."""

    def __init__(self, address: str, patience: Patience, *, clock: Clock | None = None) -> None:
        self.address = address
        self.patience = patience
        self._clock = clock or SystemClock()
        self._source = random.Random()

    async def call(
        self,
        method: Method[RequestT, ResponseT],
        request: RequestT,
        *,
        repeatable: bool,
        seconds: float | None = None,
    ) -> ResponseT:
        """Call `method`; raises TidemillError.

        `repeatable` says that a second run of the same request changes nothing: such a request is sent again
        when the service went away in the middle. One that the service refused because it is full was not
        accepted, and is always sent again. `seconds` is the deadline in place of `patience.call_seconds`.
        """
        tries = _Tries(self, seconds or self.patience.call_seconds)
        while True:
            try:
                return await method(request, timeout=tries.left_seconds())
            except grpc.aio.AioRpcError as failure:
                error = self.typed(failure, tries.seconds)
                delay_seconds = tries.next_delay_seconds(error, repeatable=repeatable)
                if delay_seconds is None:
                    raise error from None
                await self.sleep(delay_seconds)

    def typed(self, failure: grpc.aio.AioRpcError, seconds: float) -> TidemillError:
        """The error of a failed call; `seconds` was its deadline."""
        error = from_rpc_error(failure)
        match error.metadata.get(_GRPC_CODE):
            case grpc.StatusCode.UNAVAILABLE.name:
                return UnreachableError(self.address, error.message)
            case grpc.StatusCode.DEADLINE_EXCEEDED.name:
                return CallExpiredError(self.address, seconds)
            case _:
                return error

    def now_seconds(self) -> float:
        """Time since some fixed point, for deadlines."""
        return self._clock.monotonic_us() / 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Return once so much time has passed."""
        await self._clock.sleep_us(int(seconds * 1_000_000))

    def backoff_seconds(self, failures: int) -> float:
        """The wait after so many failures in a row."""
        return self.patience.backoff.delay_us(failures, self._source) / 1_000_000


class _Tries:
    """The tries of one call against its deadline."""

    def __init__(self, caller: Caller, seconds: float) -> None:
        self.seconds = seconds
        self._caller = caller
        self._started = caller.now_seconds()
        self._failures = 0

    def left_seconds(self) -> float:
        return max(self._started + self.seconds - self._caller.now_seconds(), 0.001)

    def next_delay_seconds(self, error: TidemillError, *, repeatable: bool) -> float | None:
        """How long to wait before the next try; None when there is to be none."""
        self._failures += 1
        patience = self._caller.patience
        if error.reason == reasons.ERROR_REASON_OVERLOADED:
            asked = (error.retry_delay_us or 0) / 1_000_000
            delay = max(min(asked, patience.retry_delay_seconds_max), self._caller.backoff_seconds(1))
        elif repeatable and error.reason in _AWAY:
            delay = self._caller.backoff_seconds(self._failures)
            if self._caller.now_seconds() + delay > self._started + patience.away_seconds:
                return None
        else:
            return None
        return delay if delay < self.left_seconds() else None


# A service that is starting, stopping, restarting, or whose disk is full for the moment.
_AWAY: Final = (reasons.ERROR_REASON_NOT_READY, reasons.ERROR_REASON_STORAGE_UNAVAILABLE)


async def all_pages(
    page: Callable[[str], Awaitable[tuple[list[AnswerT], str]]], *, limit: int | None = None
) -> list[AnswerT]:
    """Every item of a paged list, or the first `limit`; `page` takes a page token and gives the next one."""
    items: list[AnswerT] = []
    token = ""
    while True:
        found, token = await page(token)
        items.extend(found)
        if not token or (limit is not None and len(items) >= limit):
            return items if limit is None else items[:limit]
