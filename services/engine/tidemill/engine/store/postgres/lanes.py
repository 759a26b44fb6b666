"""Lanes in Postgres: all that a batch asks of them in one statement."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tidemill.engine.store.packing import pack_id, unpack_id
from tidemill.engine.store.rows import (
    LaneEventRow,
    LaneQuery,
    LaneRows,
    SubscriberQuery,
    SubscriptionRow,
    first_subscribers,
)

if TYPE_CHECKING:
    from tidemill.postgres import Connection

_SHAPE, _SEEN, _COUNTER, _COUNT, _EVENT = range(5)
# OFFSET 0 has each row looked up: by a plan that was made while a table was small, a join might go on to read
# all of it. Shapes of a lane are found by leaps from one to the next, however many subscriptions each has.
_READ: Final = f"""
WITH RECURSIVE found (lane, shape_id) AS (
  SELECT w.lane, (
    SELECT s.shape_id FROM subscription s WHERE s.lane = w.lane ORDER BY s.shape_id LIMIT 1
  ) FROM unnest($1::bytea[]) AS w (lane)
  UNION ALL
  SELECT f.lane, (
    SELECT s.shape_id FROM subscription s WHERE s.lane = f.lane AND s.shape_id > f.shape_id
    ORDER BY s.shape_id LIMIT 1
  ) FROM found f WHERE f.shape_id IS NOT NULL
)
SELECT {_SHAPE} AS kind, f.lane, h.shape_id AS key, h.text AS value, 0::bigint AS number,
  0::bigint AS received_at_us, 0::bigint AS expires_at_us
FROM found f CROSS JOIN LATERAL (SELECT * FROM shape WHERE shape_id = f.shape_id OFFSET 0) AS h
UNION ALL
SELECT {_SEEN}, s.lane, s.digest, NULL, 0, 0, 0
FROM unnest($2::bytea[], $3::bytea[]) AS w (lane, digest)
CROSS JOIN LATERAL (SELECT * FROM lane_seen WHERE lane = w.lane AND digest = w.digest OFFSET 0) AS s
UNION ALL
SELECT {_COUNTER}, c.lane, convert_to(c.name, 'UTF8'), c.value, 0, 0, 0
FROM unnest($4::bytea[], $5::text[]) AS w (lane, name)
CROSS JOIN LATERAL (SELECT * FROM counter WHERE lane = w.lane AND name = w.name OFFSET 0) AS c
UNION ALL
SELECT {_COUNT}, w.lane, NULL, NULL, (SELECT count(*) FROM lane_event e WHERE e.lane = w.lane), 0, 0
FROM unnest($1::bytea[]) AS w (lane)
UNION ALL
SELECT {_EVENT}, e.lane, e.digest, e.data, e.shard, e.received_at_us, e.expires_at_us
FROM unnest($6::bytea[], $7::bigint[]) AS w (lane, since_us)
CROSS JOIN LATERAL (
  SELECT * FROM lane_event WHERE lane = w.lane AND received_at_us >= w.since_us OFFSET 0
) AS e
"""
# Of each pair so many executions as make the limit, the last one whole.
_SUBSCRIBERS: Final = """
SELECT w.number, s.shard, s.shape_id, s.key, s.execution_id, s.subscription_id, s.since_us
FROM unnest($1::int[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[])
  AS w (number, lane, shape_id, key, after)
CROSS JOIN LATERAL (
  SELECT s.* FROM subscription s
  WHERE s.lane = w.lane AND s.shape_id = w.shape_id AND s.key = w.key AND s.execution_id > w.after
    AND s.execution_id <= coalesce((
      SELECT b.execution_id FROM subscription b
      WHERE b.lane = w.lane AND b.shape_id = w.shape_id AND b.key = w.key AND b.execution_id > w.after
      ORDER BY b.execution_id LIMIT 1 OFFSET $6
    ), '\\xffffffffffffffffffffffffffffffffffffffffff'::bytea)
  OFFSET 0
) AS s
"""
_EXPIRE: Final = """
WITH gone AS (
  DELETE FROM {table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {table} WHERE expires_at_us < $1 ORDER BY expires_at_us LIMIT $2 FOR UPDATE SKIP LOCKED
  )) RETURNING 1
) SELECT count(*) FROM gone
"""


async def read_lanes(connection: "Connection", wanted: Sequence[LaneQuery]) -> dict[bytes, LaneRows]:
    """What each lane asked for holds; see the port."""
    if not wanted:
        return {}
    digests = [(query.lane, digest) for query in wanted for digest in query.digests]
    names = [(query.lane, name) for query in wanted for name in query.counters]
    since = [(query.lane, query.events_since_us) for query in wanted if query.events_since_us is not None]
    lanes = [query.lane for query in wanted]
    rows = await connection.fetch(_READ, lanes, *_columns(digests), *_columns(names), *_columns(since))
    shapes: dict[bytes, dict[bytes, bytes]] = defaultdict(dict)
    seen: dict[bytes, set[bytes]] = defaultdict(set)
    counters: dict[bytes, dict[str, bytes]] = defaultdict(dict)
    buffered: dict[bytes, int] = defaultdict(int)
    events: dict[bytes, list[LaneEventRow]] = defaultdict(list)
    for kind, lane, key, value, number, received_at_us, expires_at_us in rows:
        if kind == _SHAPE:
            shapes[lane][key] = value
        elif kind == _SEEN:
            seen[lane].add(key)
        elif kind == _COUNTER:
            counters[lane][key.decode()] = value
        elif kind == _COUNT:
            buffered[lane] = number
        else:
            events[lane].append(LaneEventRow(number, lane, key, received_at_us, expires_at_us, value))
    for found in events.values():
        found.sort(key=lambda event: (event.received_at_us, event.digest))
    return {
        lane: LaneRows(shapes[lane], frozenset(seen[lane]), counters[lane], events[lane], buffered[lane])
        for lane in lanes
    }


def _columns(pairs: Sequence[tuple[object, object]]) -> tuple[list[object], list[object]]:
    return [first for first, _ in pairs], [second for _, second in pairs]


async def read_subscribers(
    connection: "Connection", wanted: Sequence[SubscriberQuery]
) -> list[list[SubscriptionRow]]:
    """For each query those who wait; see the port."""
    pairs = [
        (number, query.lane, shape_id, key, pack_id(query.after))
        for number, query in enumerate(wanted)
        for shape_id, key in set(query.pairs)
    ]
    found: list[list[SubscriptionRow]] = [[] for _ in wanted]
    if pairs:
        limit_max = max(query.limit for query in wanted)
        rows = await connection.fetch(_SUBSCRIBERS, *zip(*pairs, strict=True), limit_max - 1)
        for number, shard, shape_id, key, packed, *values in rows:
            lane = wanted[number].lane
            found[number].append(SubscriptionRow(shard, lane, shape_id, key, unpack_id(packed), *values))
    return [first_subscribers(rows, query.limit) for rows, query in zip(found, wanted, strict=True)]


async def expire_lanes(connection: "Connection", before_us: int, limit: int) -> int:
    """Forget events and digests whose time has come; see the port."""
    gone = 0
    for table in ("lane_event", "lane_seen"):
        gone += await connection.fetchval(_EXPIRE.format(table=table), before_us, limit)
    return gone
