"""Leases of engines, owners of shards, and messages between shards, in Postgres."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.store.rows import LeaseRow, OutboxRow, ShardRow

if TYPE_CHECKING:
    from tidemill.postgres import Connection

_SHARD_COLUMNS: Final = "id, epoch, log_offset, clock_us, commit_number, outbox_sequence, owner, log_ahead"
_NOW_US: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
# Leases that somebody renews this very moment are passed over.
_RENEW: Final = f"""
WITH moment AS MATERIALIZED (
  SELECT {_NOW_US} AS now_us
), renewed AS (
  INSERT INTO lease (engine, expires_at_us, revision) SELECT $1, now_us + $2, $3 FROM moment
  ON CONFLICT (engine) DO UPDATE SET expires_at_us = excluded.expires_at_us, revision = excluded.revision
  RETURNING engine, revision
), gone AS (
  DELETE FROM lease l USING (
    SELECT e.engine FROM lease e, moment WHERE e.expires_at_us <= now_us AND e.engine <> $1
    FOR UPDATE OF e SKIP LOCKED
  ) AS silent WHERE l.engine = silent.engine
)
SELECT engine, revision FROM renewed
UNION ALL
SELECT l.engine, l.revision FROM lease l, moment WHERE l.expires_at_us > now_us AND l.engine <> $1
ORDER BY engine
"""
_TAKE: Final = f"""
WITH wanted AS (
  SELECT t.id FROM shard t WHERE t.id = ANY($1::int[]) ORDER BY t.id FOR UPDATE
), taken AS (
  UPDATE shard s SET epoch = s.epoch + 1, owner = $2 FROM wanted WHERE s.id = wanted.id
  RETURNING {", ".join(f"s.{name}" for name in _SHARD_COLUMNS.split(", "))}
)
SELECT {_SHARD_COLUMNS} FROM taken ORDER BY id
"""
_RELEASE: Final = """
WITH held AS (
  SELECT t.id, g.epoch FROM unnest($1::int[], $2::bigint[]) AS g (id, epoch)
  JOIN shard t ON t.id = g.id AND t.epoch = g.epoch
  ORDER BY t.id FOR UPDATE OF t
)
UPDATE shard s SET owner = '' FROM held WHERE s.id = held.id AND s.epoch = held.epoch RETURNING s.id
"""
_REBIND: Final = """
WITH wanted AS (
  SELECT t.id, g.log_offset, g.log_ahead
  FROM unnest($1::int[], $2::bigint[], $3::bytea[]) AS g (id, log_offset, log_ahead)
  JOIN shard t ON t.id = g.id
  ORDER BY t.id FOR UPDATE OF t
)
UPDATE shard s
SET epoch = s.epoch + 1, log_offset = wanted.log_offset, log_ahead = wanted.log_ahead, owner = ''
FROM wanted WHERE s.id = wanted.id
"""
_DISCARD: Final = """
WITH held AS (
  SELECT t.id FROM unnest($1::int[], $2::bigint[]) AS g (id, epoch)
  JOIN shard t ON t.id = g.id AND t.epoch = g.epoch
  ORDER BY t.id FOR SHARE OF t
), gone AS (
  DELETE FROM outbox WHERE ctid = ANY (ARRAY(
    SELECT found.ctid FROM unnest($3::int[], $4::bigint[]) AS g (shard, sequence) CROSS JOIN LATERAL (
      SELECT ctid FROM outbox o WHERE o.shard = g.shard AND o.sequence = g.sequence OFFSET 0
    ) AS found
    WHERE g.shard = ANY(ARRAY(SELECT id FROM held))
  ))
)
SELECT id FROM held
"""
_PAGE_OUTBOX: Final = (
    "SELECT shard, sequence, target_shard, data FROM outbox WHERE shard = $1 AND sequence > $2 "
    "ORDER BY sequence LIMIT $3"
)


async def renew_lease(connection: "Connection", engine: str, *, ttl_us: int, revision: int) -> list[LeaseRow]:
    """Let an engine live on; those that live, see the port."""
    return [LeaseRow(*row) for row in await connection.fetch(_RENEW, engine, ttl_us, revision)]


async def take(connection: "Connection", shards: Sequence[int], owner: str) -> list[ShardRow]:
    """Give shards a new owner and epoch; see the port."""
    return [ShardRow(*row) for row in await connection.fetch(_TAKE, [*shards], owner)]


async def read_shards(connection: "Connection") -> list[ShardRow]:
    """Every shard, by number."""
    rows = await connection.fetch(f"SELECT {_SHARD_COLUMNS} FROM shard ORDER BY id")
    return [ShardRow(*row) for row in rows]


async def release(connection: "Connection", items: Sequence[tuple[int, int]]) -> set[int]:
    """Take away the owners of shards whose epoch holds; see the port."""
    rows = await connection.fetch(_RELEASE, [shard for shard, _ in items], [epoch for _, epoch in items])
    return {shard for (shard,) in rows}


async def claim_log(connection: "Connection", identity: str) -> str:
    """Bind the store to a log, in a transaction; see the port."""
    await connection.execute("INSERT INTO log (identity) VALUES ($1) ON CONFLICT DO NOTHING", identity)
    return str(await connection.fetchval("SELECT identity FROM log"))


async def rebind_log(connection: "Connection", identity: str, places: Mapping[int, AppliedOffsets]) -> None:
    """Bind the store to another log, in a transaction; see the port."""
    offsets = [place.next for place in places.values()]
    ahead = [place.ahead_bytes() for place in places.values()]
    await connection.execute(_REBIND, [*places], offsets, ahead)
    await connection.execute(
        "INSERT INTO log (identity) VALUES ($1) ON CONFLICT (only_one) DO UPDATE SET identity = $1", identity
    )


async def read_peers(connection: "Connection", shards: Sequence[int]) -> dict[tuple[int, int], int]:
    """The last applied message by (shard, source shard)."""
    rows = await connection.fetch(
        "SELECT shard, source_shard, sequence FROM peer WHERE shard = ANY($1::int[])", [*shards]
    )
    return {(shard, source): sequence for shard, source, sequence in rows}


async def page_outbox(
    connection: "Connection", shard: int, after_sequence: int, limit: int
) -> list[OutboxRow]:
    """Messages of the shard after the given number."""
    return [OutboxRow(*row) for row in await connection.fetch(_PAGE_OUTBOX, shard, after_sequence, limit)]


async def discard_outbox(
    connection: "Connection", items: Sequence[tuple[int, int, Sequence[int]]]
) -> set[int]:
    """Forget messages of the shards whose epoch holds; see the port."""
    gone = [(shard, sequence) for shard, _, sequences in items for sequence in sequences]
    rows = await connection.fetch(
        _DISCARD,
        [shard for shard, _, _ in items],
        [epoch for _, epoch, _ in items],
        [shard for shard, _ in gone],
        [sequence for _, sequence in gone],
    )
    return {shard for (shard,) in rows}
