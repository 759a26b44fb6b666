"""Lanes in SQL: one statement for all lanes of a batch, since each waits for the interpreter."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

from tidemill.engine.store.packing import pack_id, unpack_id
from tidemill.engine.store.rows import (
    LaneEventRow,
    LaneQuery,
    LaneRows,
    ShardCommit,
    SubscriberQuery,
    SubscriptionRow,
    first_subscribers,
)
from tidemill.sqlite import delete_many, insert_many

T = TypeVar("T")
# So many values of a query at once, that their number stays below what SQLite allows.
_ROWS_A_QUERY_MAX: Final = 1_000

_SHAPE: Final = "INSERT OR IGNORE INTO shape (shape_id, text)"
_SUBSCRIPTION: Final = (
    "INSERT OR REPLACE INTO subscription "
    "(lane, shape_id, key, execution_id, subscription_id, shard, since_us)"
)
_EVENT: Final = "INSERT OR REPLACE INTO lane_event (lane, digest, shard, received_at_us, expires_at_us, data)"
_SEEN: Final = "INSERT OR REPLACE INTO lane_seen (lane, digest, shard, expires_at_us)"
_COUNTER: Final = "INSERT OR REPLACE INTO counter (lane, name, shard, value)"

# A CROSS JOIN keeps the order of its tables: from what is wanted into the index.
# The shapes of a lane are found by leaps from one to the next, however many subscriptions each has.
_READ_SHAPES: Final = """
WITH RECURSIVE wanted (lane) AS (VALUES {}), found (lane, shape_id) AS (
  SELECT lane, (SELECT min(s.shape_id) FROM subscription s WHERE s.lane = wanted.lane) FROM wanted
  UNION ALL
  SELECT lane, (
    SELECT min(s.shape_id) FROM subscription s WHERE s.lane = found.lane AND s.shape_id > found.shape_id
  ) FROM found WHERE shape_id IS NOT NULL
)
SELECT found.lane, shape.shape_id, shape.text FROM found CROSS JOIN shape ON shape.shape_id = found.shape_id
"""
_READ_SEEN: Final = """
WITH wanted (lane, digest) AS (VALUES {})
SELECT s.lane, s.digest
FROM wanted CROSS JOIN lane_seen s ON s.lane = wanted.lane AND s.digest = wanted.digest
"""
_READ_COUNTERS: Final = """
WITH wanted (lane, name) AS (VALUES {})
SELECT c.lane, c.name, c.value
FROM wanted CROSS JOIN counter c ON c.lane = wanted.lane AND c.name = wanted.name
"""
_COUNT_EVENTS: Final = """
WITH wanted (lane) AS (VALUES {})
SELECT lane, (SELECT count(*) FROM lane_event e WHERE e.lane = wanted.lane) FROM wanted
"""
_READ_EVENTS: Final = """
WITH wanted (lane, since_us) AS (VALUES {})
SELECT e.lane, e.shard, e.digest, e.received_at_us, e.expires_at_us, e.data
FROM wanted CROSS JOIN lane_event e ON e.lane = wanted.lane AND e.received_at_us >= wanted.since_us
"""
# Of each pair so many executions as make the limit, the last one whole.
_READ_SUBSCRIBERS: Final = """
WITH wanted (number, lane, shape_id, key, after) AS (VALUES {})
SELECT wanted.number, s.shard, s.shape_id, s.key, s.execution_id, s.subscription_id, s.since_us
FROM wanted CROSS JOIN subscription s
  ON s.lane = wanted.lane AND s.shape_id = wanted.shape_id AND s.key = wanted.key
  AND s.execution_id > wanted.after AND s.execution_id <= coalesce((
    SELECT b.execution_id FROM subscription b
    WHERE b.lane = wanted.lane AND b.shape_id = wanted.shape_id AND b.key = wanted.key
      AND b.execution_id > wanted.after
    ORDER BY b.execution_id LIMIT 1 OFFSET ?
  ), x'ffffffffffffffffffffffffffffffffffffffffff')
"""
_EXPIRE_EVENTS: Final = (
    "DELETE FROM lane_event WHERE rowid IN (SELECT rowid FROM lane_event WHERE expires_at_us < ? LIMIT ?)"
)
_EXPIRE_SEEN: Final = (
    "DELETE FROM lane_seen WHERE (lane, digest) IN "
    "(SELECT lane, digest FROM lane_seen WHERE expires_at_us < ? LIMIT ?)"
)


def write_lanes(connection: sqlite3.Connection, commits: Sequence[ShardCommit]) -> None:
    """Write what commits change in lanes: what goes before what comes."""
    _write_subscriptions(connection, commits)
    events_gone = [key for commit in commits for key in commit.lane_events_gone]
    delete_many(connection, "lane_event", "lane, digest", events_gone)
    events = [
        (row.lane, row.digest, row.shard, row.received_at_us, row.expires_at_us, row.data)
        for commit in commits
        for row in commit.lane_events
    ]
    insert_many(connection, _EVENT, events)
    seen = [
        (row.lane, row.digest, row.shard, row.expires_at_us)
        for commit in commits
        for row in commit.lanes_seen
    ]
    insert_many(connection, _SEEN, seen)
    _write_counters(connection, commits)


def _write_subscriptions(connection: sqlite3.Connection, commits: Sequence[ShardCommit]) -> None:
    gone = [
        (lane, pack_id(execution_id), subscription_id)
        for commit in commits
        for lane, execution_id, subscription_id in commit.subscriptions_gone
    ]
    delete_many(connection, "subscription", "lane, execution_id, subscription_id", gone)
    shapes = [shape for commit in commits for shape in commit.shapes.items()]
    insert_many(connection, _SHAPE, shapes)
    added = [
        (
            row.lane, row.shape_id, row.key, pack_id(row.execution_id), row.subscription_id, row.shard,
            row.since_us,
        )
        for commit in commits
        for row in commit.subscriptions
    ]  # fmt: skip
    insert_many(connection, _SUBSCRIPTION, added)


def _write_counters(connection: sqlite3.Connection, commits: Sequence[ShardCommit]) -> None:
    last = {(row.lane, row.name): row for commit in commits for row in commit.counters}
    empty = [key for key, row in last.items() if not row.value]
    delete_many(connection, "counter", "lane, name", empty)
    kept = [(row.lane, row.name, row.shard, row.value) for row in last.values() if row.value]
    insert_many(connection, _COUNTER, kept)


def read_lanes(connection: sqlite3.Connection, wanted: Sequence[LaneQuery]) -> dict[bytes, LaneRows]:
    """What each lane asked for holds; see the port."""
    lanes = [(query.lane,) for query in wanted]
    digests = [(query.lane, digest) for query in wanted for digest in query.digests]
    names = [(query.lane, name) for query in wanted for name in query.counters]
    shapes: dict[bytes, dict[bytes, bytes]] = defaultdict(dict)
    for lane, identity, text in _select(connection, _READ_SHAPES, lanes):
        shapes[lane][identity] = text
    seen: dict[bytes, set[bytes]] = defaultdict(set)
    for lane, digest in _select(connection, _READ_SEEN, digests):
        seen[lane].add(digest)
    counters: dict[bytes, dict[str, bytes]] = defaultdict(dict)
    for lane, name, value in _select(connection, _READ_COUNTERS, names):
        counters[lane][name] = value
    buffered: dict[bytes, int] = dict(_select(connection, _COUNT_EVENTS, lanes))
    events = _read_events(connection, wanted)
    return {
        lane: LaneRows(shapes[lane], frozenset(seen[lane]), counters[lane], events[lane], buffered[lane])
        for (lane,) in lanes
    }


def _read_events(
    connection: sqlite3.Connection, wanted: Sequence[LaneQuery]
) -> dict[bytes, list[LaneEventRow]]:
    asked = [(query.lane, query.events_since_us) for query in wanted if query.events_since_us is not None]
    events: dict[bytes, list[LaneEventRow]] = defaultdict(list)
    for lane, shard, *values in _select(connection, _READ_EVENTS, asked):
        events[lane].append(LaneEventRow(shard, lane, *values))
    for found in events.values():
        found.sort(key=lambda event: (event.received_at_us, event.digest))
    return events


def read_subscribers(
    connection: sqlite3.Connection, wanted: Sequence[SubscriberQuery]
) -> list[list[SubscriptionRow]]:
    """For each query those who wait; see the port."""
    pairs = [
        (number, query.lane, shape_id, key, pack_id(query.after))
        for number, query in enumerate(wanted)
        for shape_id, key in set(query.pairs)
    ]
    limit_max = max((query.limit for query in wanted), default=1)
    found: list[list[SubscriptionRow]] = [[] for _ in wanted]
    for number, shard, shape_id, key, packed, *values in _select(
        connection, _READ_SUBSCRIBERS, pairs, limit_max - 1
    ):
        lane = wanted[number].lane
        found[number].append(SubscriptionRow(shard, lane, shape_id, key, unpack_id(packed), *values))
    return [first_subscribers(rows, query.limit) for rows, query in zip(found, wanted, strict=True)]


def expire_lanes(connection: sqlite3.Connection, before_us: int, limit: int) -> int:
    """Forget events and digests whose time has come; see the port."""
    events = connection.execute(_EXPIRE_EVENTS, (before_us, limit)).rowcount
    return events + connection.execute(_EXPIRE_SEEN, (before_us, limit)).rowcount


def _select(
    connection: sqlite3.Connection, query: str, wanted: Sequence[tuple[object, ...]], *more: object
) -> list[tuple[Any, ...]]:
    """All rows of the query, with `wanted` in the place of its VALUES."""
    rows: list[tuple[Any, ...]] = []
    for chunk in _chunks(wanted):
        marks = ",".join([f"({','.join('?' * len(chunk[0]))})"] * len(chunk))
        values = [value for row in chunk for value in row]
        rows += connection.execute(query.format(marks), (*values, *more)).fetchall()
    return rows


def _chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[start : start + _ROWS_A_QUERY_MAX] for start in range(0, len(rows), _ROWS_A_QUERY_MAX))
