"""What one batch reads of a lane and does to it, gathered until it becomes rows of the commit."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tidemill.engine.core.payload import Payload
from tidemill.engine.store.rows import (
    CounterRow,
    LaneEventRow,
    LaneRows,
    LaneSeenRow,
    ShardCommit,
    SubscriptionRow,
)
from tidemill.events.shapes import Shape, compile_shape, correlation_key
from tidemill.json import Json

# A pair finds subscriptions: the filter that they share, and the digest of the values that they expect.
Pair = tuple[bytes, bytes]
ANY_KEY: Final = b""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How long and how much a lane remembers."""

    event_us: int
    seen_us: int
    events_max: int


class LaneTurn:
    """One lane during one batch. What it is asked for must have been read before, with `take`."""

    def __init__(self, shard: int, lane: bytes, limits: LaneLimits) -> None:
        self.shard = shard
        self.lane = lane
        self._limits = limits
        self._shapes: dict[bytes, Shape] = {}
        self._seen: set[bytes] = set()
        self._events: dict[bytes, LaneEventRow] = {}
        self._buffered = 0
        self._counters: dict[str, bytes] = {}
        self._added: dict[tuple[str, str], SubscriptionRow] = {}
        self._gone: dict[tuple[str, str], None] = {}
        self._shape_texts: dict[bytes, bytes] = {}
        self._new_events: dict[bytes, LaneEventRow] = {}
        self._events_gone: dict[bytes, None] = {}
        self._new_seen: list[LaneSeenRow] = []
        self._counted: dict[str, bytes] = {}

    def take(self, rows: LaneRows) -> None:
        """Take over what the store holds; what the batch has changed since stays changed."""
        for identity, text in rows.shapes.items():
            if identity not in self._shapes:
                self._shapes[identity] = compile_shape(text)
        self._seen |= rows.seen
        for event in rows.events:
            if event.digest not in self._events_gone:
                self._events.setdefault(event.digest, event)
        self._buffered = rows.buffered
        self._counters = {**rows.counters, **self._counters}

    def has_heard(self, digest: bytes) -> bool:
        """Whether the lane knows an event already."""
        return digest in self._seen

    def hear(self, digest: bytes, data: bytes, heard_us: int) -> None:
        """Remember an event that is new; each is heard at a later time than the one before it."""
        self._seen.add(digest)
        self._new_seen.append(LaneSeenRow(self.shard, self.lane, digest, heard_us + self._limits.seen_us))
        expires_at_us = heard_us + self._limits.event_us
        row = LaneEventRow(self.shard, self.lane, digest, heard_us, expires_at_us, data)
        self._events[digest] = self._new_events[digest] = row

    @property
    def is_full(self) -> bool:
        """Whether the lane holds more events than it may; `forget_oldest` needs all of them read."""
        return self._excess() > 0

    def _excess(self) -> int:
        held = self._buffered + len(self._new_events) - len(self._events_gone)
        return held - self._limits.events_max

    def forget_oldest(self) -> int:
        """Forget the oldest events: those that are too many, and a tenth of what the lane may hold; returns
        how many."""
        oldest = sorted(self._events.values(), key=lambda row: (row.received_at_us, row.digest))
        forgotten = oldest[: max(self._excess(), 0) + self._limits.events_max // 10]
        for row in forgotten:
            del self._events[row.digest]
            if self._new_events.pop(row.digest, None) is None:
                self._events_gone[row.digest] = None
        return len(forgotten)

    def pairs(self, envelope: dict[str, Json], now_us: int) -> tuple[Pair, ...]:
        """Where to look for those who wait for an event: one evaluation a filter, not a subscription."""
        found: list[Pair] = []
        for identity, shape in self._shapes.items():
            found.extend((identity, key) for key in _keys(shape, envelope, now_us))
        return tuple(found)

    def subscribers(
        self, stored: Iterable[SubscriptionRow], pairs: Iterable[Pair], after: str
    ) -> list[SubscriptionRow]:
        """The subscriptions of the pairs: those of the store, and as the batch has changed them."""
        wanted = set(pairs)
        found = [row for row in stored if (row.execution_id, row.subscription_id) not in self._gone]
        found += [
            row
            for row in self._added.values()
            if (row.shape_id, row.key) in wanted and row.execution_id > after
        ]
        return sorted(found, key=lambda row: (row.execution_id, row.subscription_id))

    def subscribe(self, row: SubscriptionRow, shape: bytes, now_us: int) -> list[LaneEventRow]:
        """Keep a subscription; returns the events that came before it and that it wants, oldest first."""
        compiled = self._shapes.get(row.shape_id)
        if compiled is None:
            compiled = self._shapes[row.shape_id] = compile_shape(shape)
        self._shape_texts[row.shape_id] = shape
        self._added[row.execution_id, row.subscription_id] = row
        early = [
            event
            for event in self._events.values()
            if event.received_at_us >= row.since_us and _wants(compiled, row.key, event, now_us=now_us)
        ]
        return sorted(early, key=lambda event: (event.received_at_us, event.digest))

    def unsubscribe(self, execution_id: str, subscription_id: str) -> None:
        """Forget a subscription."""
        key = (execution_id, subscription_id)
        if self._added.pop(key, None) is None:
            self._gone[key] = None

    def knows(self, name: str) -> bool:
        """Whether a counter was read or counted."""
        return name in self._counters

    def note(self, name: str) -> None:
        """The store was asked for a counter: without a value it was never counted."""
        self._counters.setdefault(name, b"")

    def counter(self, name: str) -> bytes:
        """A counter's value; empty when it was never counted."""
        return self._counters.get(name, b"")

    def count(self, name: str, value: bytes) -> None:
        """Give a counter a new value."""
        self._counters[name] = self._counted[name] = value

    def changes_nothing(self) -> bool:
        """Whether the batch has left the lane as it was."""
        return not (
            self._added
            or self._gone
            or self._new_events
            or self._events_gone
            or self._new_seen
            or self._counted
        )

    def add_to(self, commit: ShardCommit) -> None:
        """Write down what has changed."""
        shapes = {row.shape_id for row in self._added.values()}
        commit.shapes.update((identity, self._shape_texts[identity]) for identity in shapes)
        commit.subscriptions.extend(self._added.values())
        commit.subscriptions_gone.extend((self.lane, *key) for key in self._gone)
        commit.lane_events.extend(self._new_events.values())
        commit.lane_events_gone.extend((self.lane, digest) for digest in self._events_gone)
        commit.lanes_seen.extend(self._new_seen)
        commit.counters.extend(
            CounterRow(self.shard, self.lane, name, value) for name, value in self._counted.items()
        )


def _keys(shape: Shape, envelope: dict[str, Json], now_us: int) -> tuple[bytes, ...]:
    """The keys under which an event is wanted, by those who know what they expect and those who do not."""
    if not shape.passes(envelope, now_us):
        return ()
    if not shape.names:
        return (ANY_KEY,)
    values = shape.values(envelope, now_us)
    return () if values is None else (correlation_key(values), ANY_KEY)


def _wants(shape: Shape, key: bytes, event: LaneEventRow, *, now_us: int) -> bool:
    envelope = Payload.encoded(event.data).value
    assert isinstance(envelope, dict)
    return key in _keys(shape, envelope, now_us)
