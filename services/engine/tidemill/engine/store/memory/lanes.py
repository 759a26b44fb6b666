"""The part of the store in memory that lanes use."""

from collections.abc import Mapping, Sequence

from tidemill.engine.store.rows import (
    LaneEventRow,
    LaneQuery,
    LaneRows,
    LaneSeenRow,
    ShardCommit,
    SubscriberQuery,
    SubscriptionRow,
)


class MemoryLanes:
    """Implements LaneStore in dictionaries, searched from end to end."""

    def __init__(self) -> None:
        super().__init__()
        self._shapes: dict[bytes, bytes] = {}
        self._subscriptions: dict[tuple[bytes, str, str], SubscriptionRow] = {}
        self._events: dict[tuple[bytes, bytes], LaneEventRow] = {}
        self._seen: dict[tuple[bytes, bytes], LaneSeenRow] = {}
        self._counters: dict[tuple[bytes, str], bytes] = {}

    def _write_lanes(self, commit: ShardCommit) -> None:
        for key in commit.subscriptions_gone:
            self._subscriptions.pop(key, None)
        for gone in commit.lane_events_gone:
            self._events.pop(gone, None)
        for identity, text in commit.shapes.items():
            self._shapes.setdefault(identity, text)
        self._subscriptions.update(
            ((row.lane, row.execution_id, row.subscription_id), row) for row in commit.subscriptions
        )
        self._events.update(((event.lane, event.digest), event) for event in commit.lane_events)
        self._seen.update(((seen.lane, seen.digest), seen) for seen in commit.lanes_seen)
        for counter in commit.counters:
            self._counters[counter.lane, counter.name] = counter.value

    async def read_lanes(self, wanted: Sequence[LaneQuery]) -> Mapping[bytes, LaneRows]:
        return {query.lane: self._read(query) for query in wanted}

    def _read(self, query: LaneQuery) -> LaneRows:
        lane = query.lane
        events = [event for event in self._events.values() if event.lane == lane]
        since_us = query.events_since_us
        wanted = [event for event in events if since_us is not None and event.received_at_us >= since_us]
        shapes = {row.shape_id for row in self._subscriptions.values() if row.lane == lane}
        counters = {name: self._counters.get((lane, name), b"") for name in query.counters}
        return LaneRows(
            shapes={identity: self._shapes[identity] for identity in shapes},
            seen=frozenset(digest for digest in query.digests if (lane, digest) in self._seen),
            counters={name: value for name, value in counters.items() if value},
            events=sorted(wanted, key=lambda event: (event.received_at_us, event.digest)),
            buffered=len(events),
        )

    async def subscribers(self, wanted: Sequence[SubscriberQuery]) -> list[list[SubscriptionRow]]:
        return [self._subscribers(query) for query in wanted]

    def _subscribers(self, query: SubscriberQuery) -> list[SubscriptionRow]:
        found = sorted(
            (
                row
                for row in self._subscriptions.values()
                if row.lane == query.lane
                and (row.shape_id, row.key) in query.pairs
                and row.execution_id > query.after
            ),
            key=lambda row: (row.execution_id, row.subscription_id),
        )
        last = found[min(query.limit, len(found)) - 1].execution_id if found else ""
        return [row for row in found if row.execution_id <= last]

    async def expire_lanes(self, before_us: int, limit: int) -> int:
        events = [key for key, event in self._events.items() if event.expires_at_us < before_us][:limit]
        seen = [key for key, row in self._seen.items() if row.expires_at_us < before_us][:limit]
        for key in events:
            del self._events[key]
        for key in seen:
            del self._seen[key]
        return len(events) + len(seen)
