"""What a commit changes in lanes, table by table; see `postgres_parts`."""

from typing import Final

from tidemill.engine.store.packing import pack_id
from tidemill.engine.store.postgres.parts import Commits, Part, Row, gone


def _shapes(commits: Commits) -> list[Row]:
    """In the order of their ids: others may write the same ones meanwhile."""
    first: dict[bytes, Row] = {}
    for slot, commit in enumerate(commits):
        for identity, text in commit.shapes.items():
            first.setdefault(identity, (slot, identity, text))
    return [first[identity] for identity in sorted(first)]


def _subscriptions(commits: Commits) -> list[Row]:
    last = {
        (row.lane, row.execution_id, row.subscription_id): (
            slot, row.lane, pack_id(row.execution_id), row.subscription_id, row.shape_id, row.key,
            row.since_us,
        )
        for slot, commit in enumerate(commits)
        for row in commit.subscriptions
    }  # fmt: skip
    return [*last.values()]


def _subscriptions_gone(commits: Commits) -> list[Row]:
    added = {
        (row.lane, row.execution_id, row.subscription_id)
        for commit in commits
        for row in commit.subscriptions
    }
    return [
        (slot, lane, pack_id(execution_id), subscription_id)
        for slot, commit in enumerate(commits)
        for lane, execution_id, subscription_id in commit.subscriptions_gone
        if (lane, execution_id, subscription_id) not in added
    ]


def _lane_events(commits: Commits) -> list[Row]:
    last = {
        (row.lane, row.digest): (slot, row.lane, row.digest, row.received_at_us, row.expires_at_us, row.data)
        for slot, commit in enumerate(commits)
        for row in commit.lane_events
    }
    return [*last.values()]


def _lane_events_gone(commits: Commits) -> list[Row]:
    added = {(row.lane, row.digest) for commit in commits for row in commit.lane_events}
    return [
        (slot, *key)
        for slot, commit in enumerate(commits)
        for key in commit.lane_events_gone
        if key not in added
    ]


def _lanes_seen(commits: Commits) -> list[Row]:
    last = {
        (row.lane, row.digest): (slot, row.lane, row.digest, row.expires_at_us)
        for slot, commit in enumerate(commits)
        for row in commit.lanes_seen
    }
    return [*last.values()]


def _last_counters(commits: Commits) -> list[tuple[int, bytes, str, bytes]]:
    last = {
        (row.lane, row.name): (slot, row.lane, row.name, row.value)
        for slot, commit in enumerate(commits)
        for row in commit.counters
    }
    return [*last.values()]


def _counters(commits: Commits) -> list[Row]:
    return [row for row in _last_counters(commits) if row[3]]


def _counters_empty(commits: Commits) -> list[Row]:
    return [row[:3] for row in _last_counters(commits) if not row[3]]


LANE_PARTS: Final = (
    Part(
        "INSERT INTO shape ({names}) SELECT {values} FROM {rows} WHERE {held} "
        "ON CONFLICT (shape_id) DO NOTHING",
        "shape_id bytea, text bytea",
        _shapes,
    ),
    Part(
        gone(
            "subscription",
            "s.lane = r.lane AND s.execution_id = r.execution_id AND s.subscription_id = r.subscription_id",
        ),
        "lane bytea, execution_id bytea, subscription_id text",
        _subscriptions_gone,
    ),
    Part(
        "INSERT INTO subscription ({names}, shard) SELECT {values}, {shard} FROM {rows} WHERE {held} "
        "ON CONFLICT (lane, execution_id, subscription_id) DO UPDATE SET shape_id = excluded.shape_id, "
        "key = excluded.key, since_us = excluded.since_us",
        "lane bytea, execution_id bytea, subscription_id text, shape_id bytea, key bytea, since_us bigint",
        _subscriptions,
    ),
    Part(
        gone("lane_event", "e.lane = r.lane AND e.digest = r.digest"),
        "lane bytea, digest bytea",
        _lane_events_gone,
    ),
    Part(
        "INSERT INTO lane_event ({names}, shard) SELECT {values}, {shard} FROM {rows} WHERE {held} "
        "ON CONFLICT (lane, digest) DO UPDATE SET received_at_us = excluded.received_at_us, "
        "expires_at_us = excluded.expires_at_us, data = excluded.data",
        "lane bytea, digest bytea, received_at_us bigint, expires_at_us bigint, data bytea",
        _lane_events,
    ),
    Part(
        "INSERT INTO lane_seen ({names}, shard) SELECT {values}, {shard} FROM {rows} WHERE {held} "
        "ON CONFLICT (lane, digest) DO UPDATE SET expires_at_us = excluded.expires_at_us",
        "lane bytea, digest bytea, expires_at_us bigint",
        _lanes_seen,
    ),
    Part(
        gone("counter", "c.lane = r.lane AND c.name = r.name"),
        "lane bytea, name text",
        _counters_empty,
    ),
    Part(
        "INSERT INTO counter ({names}, shard) SELECT {values}, {shard} FROM {rows} WHERE {held} "
        "ON CONFLICT (lane, name) DO UPDATE SET value = excluded.value",
        "lane bytea, name text, value bytea",
        _counters,
    ),
)
