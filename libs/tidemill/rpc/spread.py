"""One channel over several: each call goes to the next one that is connected."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

import grpc

from tidemill.clock import first_of

_READY: Final = grpc.ChannelConnectivity.READY
# A call waits for a channel that is on its way; one that has failed refuses at once.
_COMING: Final = (grpc.ChannelConnectivity.CONNECTING, grpc.ChannelConnectivity.IDLE)
_BEST_FIRST: Final = (_READY, *_COMING, grpc.ChannelConnectivity.TRANSIENT_FAILURE)


class SpreadChannel(grpc.aio.Channel):
    """Calls take turns over the channels that are connected; the others are tried on the way.

    gRPC itself knows lists of addresses only as numbers, or as what one name stands for. A call stays with
    its channel: who wants another one after a failure calls again.
    """

    def __init__(self, channels: Sequence[grpc.aio.Channel]) -> None:
        self._channels = tuple(channels)
        self._turn = 0

    def pick(self) -> int:
        """The place of the channel whose turn it is."""
        count = len(self._channels)
        self._turn = (self._turn + 1) % count
        coming: int | None = None
        for place in ((self._turn + step) % count for step in range(count)):
            state = self._channels[place].get_state(try_to_connect=True)
            if state is _READY:
                self._turn = place
                return place
            if coming is None and state in _COMING:
                coming = place
        return self._turn if coming is None else coming

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever gRPC takes
        return self._each("unary_unary", arguments, options)

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        return self._each("unary_stream", arguments, options)

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        return self._each("stream_unary", arguments, options)

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        return self._each("stream_stream", arguments, options)

    def _each(self, kind: str, arguments: Any, options: Any) -> "_Method":  # noqa: ANN401
        return _Method(self, [getattr(channel, kind)(*arguments, **options) for channel in self._channels])

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        states = [channel.get_state(try_to_connect) for channel in self._channels]
        return next((state for state in _BEST_FIRST if state in states), states[0])

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        while self.get_state() is last_observed_state:
            await first_of(
                *(channel.wait_for_state_change(channel.get_state()) for channel in self._channels)
            )

    async def channel_ready(self) -> None:
        """Return once one of them is connected."""
        await first_of(*(channel.channel_ready() for channel in self._channels))

    async def close(self, grace: float | None = None) -> None:
        await asyncio.gather(*(channel.close(grace) for channel in self._channels))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class _Method:
    """A method of a service at each of the channels."""

    def __init__(self, channel: SpreadChannel, methods: Sequence[Any]) -> None:
        self._channel = channel
        self._methods = methods

    def __call__(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever gRPC takes
        return self._methods[self._channel.pick()](*arguments, **options)
