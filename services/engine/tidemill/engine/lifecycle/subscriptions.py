"""Subscribers: each reads the store at its own pace, from its own position, and is kept in no table."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Final

from tidemill.api.engine.v1 import lifecycle_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.engine.lifecycle.cloud_events import message_of
from tidemill.engine.lifecycle.projection import LifecycleEvent
from tidemill.engine.lifecycle.reading import LifecycleReader, Page, Wanted
from tidemill.engine.lifecycle.types import ALL_TYPES
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.progress import Watchers
from tidemill.errors import InvalidRequestError, OverloadedError, TidemillError
from tidemill.namespaces import ANY_NAMESPACE
from tidemill.telemetry import names

RECEIVER: Final = "stream"


class Subscriptions:
    """Streams events to subscribers. Memory holds a page for each; a slow one makes it wait, not grow."""

    def __init__(self, reader: LifecycleReader, watchers: Watchers, environment: Environment) -> None:
        self._reader = reader
        self._watchers = watchers
        self._environment = environment
        self._open = 0
        self._subscribers = environment.metrics.gauge(names.ENGINE_LIFECYCLE_SUBSCRIBERS)

    async def subscribe(self, request: pb.SubscribeRequest) -> AsyncGenerator[pb.SubscribeResponse, None]:
        """The events that the request wants, until the caller or the process ends.

        Raises InvalidRequestError for what is no such request, OverloadedError above `subscribers_max`.
        """
        settings = self._environment.settings
        wanted = _wanted(request)
        if self._open >= settings.subscribers_max:
            raise OverloadedError(
                "subscribers_max",
                limit_value=settings.subscribers_max,
                retry_delay_us=settings.overload_retry_delay_us,
            )
        wake = self._watchers.follow_all()
        self._count(1)
        try:
            position = _start(request, await self._reader.last_commits())
            stream = _Stream(self._reader, self._environment, wanted, position)
            async for response in self._follow(stream, wake):
                yield response
        finally:
            self._count(-1)
            self._watchers.leave_all(wake)

    def _count(self, change: int) -> None:
        self._open += change
        self._subscribers.set(self._open)

    async def _follow(
        self, stream: "_Stream", wake: asyncio.Event
    ) -> AsyncGenerator[pb.SubscribeResponse, None]:
        # Whoever asks for what comes from now on learns by this that now has been.
        yield stream.message([])
        while True:
            wake.clear()
            if self._watchers.closed:
                raise TidemillError(
                    reasons.ERROR_REASON_NOT_READY, "the engine is stopping", {"part": "subscribe"}
                )
            behind = await stream.behind()
            for shard, last_commit in behind.items():
                for response in await stream.page(shard, last_commit):
                    yield response
            if not behind:
                await self._changed(wake)
            if stream.is_silent():
                yield stream.message([])

    async def _changed(self, wake: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._environment.settings.lifecycle_heartbeat_us / 1_000_000):
                await wake.wait()
        except TimeoutError:
            return


class _Stream:
    """How far one subscriber has come, and when it last heard something."""

    def __init__(
        self, reader: LifecycleReader, environment: Environment, wanted: Wanted, position: dict[int, int]
    ) -> None:
        self._reader = reader
        self._clock = environment.clock
        self._settings = environment.settings
        self._wanted = wanted
        self._position = position
        self._sent_us = 0
        self._delivered = environment.metrics.counter(names.ENGINE_LIFECYCLE_DELIVERED, receiver=RECEIVER)

    async def behind(self) -> dict[int, int]:
        """The shards that have commits which were not read, with the last one of each."""
        last = await self._reader.last_commits()
        return {shard: commit for shard, commit in last.items() if commit > self._position[shard]}

    async def page(self, shard: int, last_commit: int) -> Iterator[pb.SubscribeResponse]:
        """One page of a shard in messages of bounded size; the position moves with the last of them."""
        page = await self._reader.page(shard, self._position[shard], last_commit, self._wanted)
        return self._messages(shard, page)

    def _messages(self, shard: int, page: Page) -> Iterator[pb.SubscribeResponse]:
        size = self._settings.lifecycle_message_events_max
        parts = [page.events[first : first + size] for first in range(0, len(page.events), size)]
        for part in parts[:-1]:
            yield self.message(part)
        self._position[shard] = page.last_commit
        if parts:
            yield self.message(parts[-1])

    def message(self, events: list[LifecycleEvent]) -> pb.SubscribeResponse:
        """A message of these events, with the position behind them."""
        self._sent_us = self._clock.monotonic_us()
        self._delivered.add(len(events))
        position = pb.LifecyclePosition(commits=self._position)
        return pb.SubscribeResponse(events=map(message_of, events), position=position)

    def is_silent(self) -> bool:
        """Whether a heartbeat is due: nothing was said for so long, though the position may have moved."""
        return self._clock.monotonic_us() - self._sent_us >= self._settings.lifecycle_heartbeat_us


def _start(request: pb.SubscribeRequest, last: Mapping[int, int]) -> dict[int, int]:
    """Where a subscriber begins; a position ahead of the store comes from another one."""
    if request.WhichOneof("from") != "after":
        is_beginning = request.start == pb.LIFECYCLE_START_BEGINNING
        return dict.fromkeys(last, 0) if is_beginning else dict(last)
    for shard, commit in request.after.commits.items():
        if not 0 <= commit <= last.get(shard, -1):
            raise InvalidRequestError(
                "after", f"shard {shard} has no commit {commit}: the position is not one of this engine"
            )
    return {shard: request.after.commits.get(shard, 0) for shard in last}


def _wanted(request: pb.SubscribeRequest) -> Wanted:
    if not request.namespace:
        raise InvalidRequestError("namespace", 'namespace is missing; "-" means all')
    for name in request.types:
        if name not in ALL_TYPES:
            raise InvalidRequestError("types", f"{name[:80]!r} is no type of lifecycle events")
    namespace = "" if request.namespace == ANY_NAMESPACE else request.namespace
    return Wanted(namespace, request.workflow, frozenset(request.types))
