"""The sink's loop: what histories say goes out in their order, and the cursor follows the answers."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tidemill.engine.lifecycle.cloud_events import json_of
from tidemill.engine.lifecycle.reading import LifecycleReader, Wanted
from tidemill.engine.store.port import CursorStore
from tidemill.telemetry import names
from tidemill.telemetry.logging import get_logger
from tidemill.telemetry.metrics import Metrics

_log = get_logger(__name__)
RECEIVER: Final = "sink"
_ALL: Final = Wanted()
# The comma, and as much again for the brackets.
_BYTES_AROUND_EVENT: Final = 2


class SinkError(Exception):
    """The receiver did not take a request, and may take it later. `failure` is its kind, for metrics."""

    def __init__(self, failure: str, message: str) -> None:
        super().__init__(message)
        self.failure = failure


class RefusedError(SinkError):
    """The receiver does not want a request, and will not want the same one later."""


class StoppedError(Exception):
    """The process stops; whether the receiver has taken the request is not known."""


class Owner(Protocol):
    """Knows which shards are owned by this process now."""

    @property
    def owned(self) -> Mapping[int, object]:
        """What is held for each of them."""
        ...


class Post(Protocol):
    """Delivers encoded events in one request."""

    async def __call__(self, events: Sequence[bytes]) -> None:
        """Return once they are taken; raises SinkError, RefusedError, StoppedError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkLimits:
    """How large the sink's requests may be, and what becomes of refused events."""

    events_max: int
    bytes_max: int
    passes_over_refused: bool


class Sink:
    """Delivers each event at least once, those of a shard in the order of its commits; nothing overtakes.

    What the receiver does not take is sent again, for ever: the step raises, and the loop that runs it waits
    and tries again. Only a process that owns a shard delivers for it.
    """

    def __init__(self, feed: "SinkFeed", post: Post, limits: SinkLimits, metrics: Metrics) -> None:
        self._feed = feed
        self._post = post
        self._limits = limits
        self._metrics = metrics
        # Requests that are still to be sent, and where the cursors stand once all of them are taken.
        self._requests: deque[list[bytes]] = deque()
        self._positions: Mapping[int, int] = {}
        self._delivered = metrics.counter(names.ENGINE_LIFECYCLE_DELIVERED, receiver=RECEIVER)
        self._passed_over = metrics.counter(names.ENGINE_LIFECYCLE_PASSED_OVER)
        self._lag = metrics.gauge(names.ENGINE_LIFECYCLE_LAG)
        self._blocked = metrics.gauge(names.ENGINE_LIFECYCLE_BLOCKED)

    async def run_once(self) -> bool:
        """Deliver one request of what has been committed; False when there was nothing.

        Raises SinkError when the receiver does not take it. One request a step: each that is taken ends a row
        of failures, and with it the growth of the pauses.
        """
        standing = await self._feed.standing()
        self._lag.set(standing.lag)
        if not self._positions:
            events, self._positions = await self._feed.next_page(standing, self._limits.events_max)
            self._requests.extend(_requests(events, self._limits))
        if not self._positions:
            return False
        try:
            if self._requests:
                await self._send(self._requests[0])
        except StoppedError:
            return False
        if not self._requests:
            await self._feed.move(self._positions)
            self._positions = {}
        return True

    async def _send(self, request: list[bytes]) -> None:
        """Send the first request, and forget it once it is taken or passed over."""
        try:
            await self._post(request)
        except SinkError as error:
            self._metrics.counter(names.ENGINE_LIFECYCLE_FAILURES, failure=error.failure).add()
            if not isinstance(error, RefusedError):
                raise
            if not self._limits.passes_over_refused:
                self._blocked.set(1)
                raise
            self._pass_over(request, error)
            return
        self._blocked.set(0)
        self._delivered.add(len(request))
        self._requests.popleft()

    def _pass_over(self, request: list[bytes], error: RefusedError) -> None:
        """Halve a refused request until the event that is not wanted is alone, and go on behind that one."""
        self._requests.popleft()
        if len(request) > 1:
            middle = len(request) // 2
            self._requests.extendleft((request[middle:], request[:middle]))
            return
        self._passed_over.add()
        _log.error("the sink refuses an event, which is passed over", reason=str(error))


@dataclass(frozen=True, slots=True)
class Standing:
    """Of each shard owned here, the cursor and the number of the last commit."""

    shards: Mapping[int, tuple[int, int]]

    @property
    def lag(self) -> int:
        """How many commits the receiver has not been told of."""
        return sum(last - cursor for cursor, last in self.shards.values())


class SinkFeed:
    """What a sink has to deliver, and its cursors: rows of the store, by shard."""

    def __init__(self, reader: LifecycleReader, store: CursorStore, name: str, ownership: Owner) -> None:
        self._reader = reader
        self._store = store
        self._name = name
        self._ownership = ownership
        # Shards take turns: this one's comes last.
        self._last_read = -1

    async def open(self) -> None:
        """Begin, in shards where the sink has no cursor yet, with what is committed from now on.

        The cursors are written before anything is: a crash in between must not make the sink begin later.
        """
        known = await self._store.cursors(self._name)
        last = await self._reader.last_commits()
        fresh = {shard: commit for shard, commit in last.items() if shard not in known}
        if fresh:
            await self._store.move_cursors(self._name, fresh)

    async def standing(self) -> Standing:
        """How far each shard is, and how far its cursor."""
        cursors = await self._store.cursors(self._name)
        last = await self._reader.last_commits()
        return Standing({shard: (cursors.get(shard, 0), last[shard]) for shard in self._ownership.owned})

    async def next_page(self, standing: Standing, events_max: int) -> tuple[list[bytes], dict[int, int]]:
        """Encoded events behind the cursors, of few pages if they make so many; where the cursors go then."""
        events: list[bytes] = []
        positions: dict[int, int] = {}
        for shard in sorted(standing.shards, key=lambda shard: (shard <= self._last_read, shard)):
            cursor, last = standing.shards[shard]
            if cursor < last and len(events) < events_max:
                page = await self._reader.page(shard, cursor, last, _ALL)
                events.extend(map(json_of, page.events))
                positions[shard] = page.last_commit
        if positions:
            self._last_read = [*positions][-1]
        return events, positions

    async def move(self, positions: Mapping[int, int]) -> None:
        """Remember what is delivered, of the shards that are still owned here."""
        owned = self._ownership.owned
        moved = {shard: position for shard, position in positions.items() if shard in owned}
        if moved:
            await self._store.move_cursors(self._name, moved)


def _requests(events: Iterable[bytes], limits: SinkLimits) -> Iterator[list[bytes]]:
    """Cut to the limits; an event that is larger than a request may be goes alone."""
    request: list[bytes] = []
    size_bytes = 0
    for event in events:
        event_bytes = len(event) + _BYTES_AROUND_EVENT
        if request and (len(request) >= limits.events_max or size_bytes + event_bytes > limits.bytes_max):
            yield request
            request, size_bytes = [], 0
        request.append(event)
        size_bytes += event_bytes
    if request:
        yield request
