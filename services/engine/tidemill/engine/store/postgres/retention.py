"""What is forgotten of executions that have ended, in Postgres: rows in portions, histories by partitions."""

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import asyncpg

from tidemill.engine.store.packing import pack_id, unpack_id
from tidemill.engine.store.retention import FOR_EVER, LONG_US, NamespaceRow, RetentionTerms
from tidemill.telemetry.logging import get_logger

if TYPE_CHECKING:
    from tidemill.postgres import Connection

_log = get_logger(__name__)

# One process at a time makes and drops partitions: "history" in ASCII.
_LOCK: Final = 0x686973746F7279
# Whoever waits for a table has all others wait behind it: rather try again in the next round.
_LOCK_TIMEOUT: Final = "500ms"
# What looks through many rows may take longer than what a client waits for.
_TIMEOUT_SECONDS: Final = 600.0
_PARTITION_NAME: Final = re.compile(r"history_(\d+)_(\d+)")
_PARTITIONS_AHEAD: Final = 2
_BIGINT_MAX: Final = 2**63 - 1

# Namespaces by leaps from one to the next, however many executions each has; their terms; what is due.
_EXPIRE: Final = """
WITH RECURSIVE found (name) AS (
  (SELECT namespace FROM execution WHERE closed_at_us > 0 AND namespace >= '' ORDER BY namespace LIMIT 1)
  UNION ALL
  SELECT (
    SELECT e.namespace FROM execution e WHERE e.closed_at_us > 0 AND e.namespace > found.name
    ORDER BY e.namespace LIMIT 1
  ) FROM found WHERE name IS NOT NULL
), term AS (
  SELECT found.name, coalesce(own.{retention}, $1) AS kept_us
  FROM found LEFT JOIN LATERAL (
    SELECT * FROM namespace_settings WHERE name = found.name OFFSET 0
  ) AS own ON true
  WHERE found.name IS NOT NULL
), due AS MATERIALIZED (
  SELECT d.execution_id FROM term CROSS JOIN unnest({gone}) AS v (gone) CROSS JOIN LATERAL (
    SELECT e.execution_id FROM execution e
    WHERE e.namespace = term.name AND e.history_gone = v.gone AND e.closed_at_us > 0
      AND e.closed_at_us < $2 - term.kept_us AND NOT e.owes
    ORDER BY e.closed_at_us LIMIT $3 FOR UPDATE SKIP LOCKED
  ) AS d
  WHERE term.kept_us > 0 AND term.kept_us < $4 LIMIT $3
), histories AS (
  DELETE FROM history WHERE execution_id = ANY (ARRAY(SELECT execution_id FROM due))
), snapshots AS (
  DELETE FROM snapshot WHERE execution_id = ANY (ARRAY(SELECT execution_id FROM due))
), executions AS (
  {last} WHERE execution_id = ANY (ARRAY(SELECT execution_id FROM due)) RETURNING 1
)
SELECT count(*) FROM executions
"""
_EXPIRE_HISTORIES: Final = _EXPIRE.format(
    retention="history_retention_us",
    gone="ARRAY[false]",
    last="UPDATE execution SET history_gone = true",
)
_EXPIRE_EXECUTIONS: Final = _EXPIRE.format(
    retention="execution_retention_us", gone="ARRAY[true, false]", last="DELETE FROM execution"
)
_HOLDING: Final = """
SELECT e.started_at_us, e.execution_id FROM execution e LEFT JOIN LATERAL (
  SELECT committed_at_us FROM snapshot WHERE execution_id = e.execution_id OFFSET 0
) AS s ON true
WHERE e.shard = $1 AND e.closed_at_us = 0 AND e.started_at_us < $2
  AND (e.started_at_us, e.execution_id) > ($3, $4) AND coalesce(s.committed_at_us, -1) < $2
ORDER BY e.started_at_us, e.execution_id LIMIT $5
"""
_OPEN_HOLDS: Final = """
SELECT EXISTS (
  SELECT 1 FROM shard h CROSS JOIN LATERAL (
    SELECT 1 FROM execution e LEFT JOIN LATERAL (
      SELECT committed_at_us FROM snapshot WHERE execution_id = e.execution_id OFFSET 0
    ) AS s ON true
    WHERE e.shard = h.id AND e.closed_at_us = 0 AND e.started_at_us < $1
      AND coalesce(s.committed_at_us, -1) < $1
    LIMIT 1
  ) AS holding
)
"""
_CLOSED_HOLDS: Final = f"""
SELECT EXISTS (
  SELECT 1 FROM execution e LEFT JOIN LATERAL (
    SELECT * FROM namespace_settings WHERE name = e.namespace OFFSET 0
  ) AS own ON true
  WHERE e.closed_at_us > 0 AND e.closed_at_us - e.started_at_us > {LONG_US}
    AND e.closed_at_us >= $2::bigint - $4::bigint
    AND e.started_at_us < $1 AND e.closed_at_us >= $2::bigint - coalesce(own.history_retention_us, $3::bigint)
) OR EXISTS (
  SELECT 1 FROM shard h CROSS JOIN LATERAL (
    SELECT 1 FROM execution e
    WHERE e.shard = h.id AND e.owes AND e.started_at_us < $1 AND e.closed_at_us > 0 LIMIT 1
  ) AS owing
)
"""
# The state of a closed execution would be an old one, once what came after its snapshot is gone.
_DROP_SNAPSHOTS: Final = """
DELETE FROM snapshot WHERE execution_id = ANY (ARRAY(
  SELECT s.execution_id FROM snapshot s CROSS JOIN LATERAL (
    SELECT closed_at_us FROM execution WHERE execution_id = s.execution_id OFFSET 0
  ) AS e
  WHERE s.committed_at_us < $1 AND e.closed_at_us > 0
))
"""
_PARTITIONS: Final = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = 'history'::regclass"
)


class _Partition(NamedTuple):
    until_us: int
    from_us: int

    @property
    def name(self) -> str:
        return f"history_{self.from_us}_{self.until_us}"


async def set_namespace(connection: "Connection", row: NamespaceRow) -> None:
    """Keep a namespace's own terms."""
    await connection.execute(
        "INSERT INTO namespace_settings (name, history_retention_us, execution_retention_us) "
        "VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET "
        "history_retention_us = excluded.history_retention_us, "
        "execution_retention_us = excluded.execution_retention_us",
        row.name, row.history_retention_us, row.execution_retention_us,
    )  # fmt: skip


async def read_namespaces(connection: "Connection") -> list[NamespaceRow]:
    """The namespaces that have terms of their own, by name."""
    rows = await connection.fetch(
        "SELECT name, history_retention_us, execution_retention_us FROM namespace_settings ORDER BY name"
    )
    return [NamespaceRow(*row) for row in rows]


async def expire_histories(connection: "Connection", terms: RetentionTerms, now_us: int, limit: int) -> int:
    """Forget histories that do not go with their partitions, those kept for the longest; see the port."""
    longest_us = terms.longest_history_us(await read_namespaces(connection))
    bound_us = _BIGINT_MAX if longest_us == FOR_EVER else longest_us
    return int(await connection.fetchval(_EXPIRE_HISTORIES, terms.history_us, now_us, limit, bound_us))


async def expire_executions(connection: "Connection", terms: RetentionTerms, now_us: int, limit: int) -> int:
    """Forget executions whose time has come; see the port."""
    return int(await connection.fetchval(_EXPIRE_EXECUTIONS, terms.execution_us, now_us, limit, _BIGINT_MAX))


async def page_holding(
    connection: "Connection", shard: int, before_us: int, after: tuple[int, str] | None, limit: int
) -> list[tuple[int, str]]:
    """Open executions without a snapshot from the time on; see the port."""
    started_at_us, execution_id = after or (-1, "")
    rows = await connection.fetch(_HOLDING, shard, before_us, started_at_us, pack_id(execution_id), limit)
    return [(row[0], unpack_id(row[1])) for row in rows]


async def prepare_history(connection: "Connection", now_us: int, partition_us: int) -> int:
    """Make partitions for this time and ahead, in a transaction; see the port."""
    if not await _locked(connection):
        return 0
    newest_us = max((partition.until_us for partition in await _partitions(connection)), default=0)
    first_us = max(newest_us, now_us // partition_us * partition_us)
    made = 0
    for from_us in range(first_us, now_us + _PARTITIONS_AHEAD * partition_us, partition_us):
        made += await _make(connection, _Partition(from_us + partition_us, from_us))
    return made


async def _make(connection: "Connection", partition: _Partition) -> bool:
    name = partition.name
    try:
        async with connection.transaction():
            # Made beside the others and attached then: so nobody who reads or writes waits for it.
            await connection.execute(
                f"CREATE TABLE {name} (LIKE history INCLUDING DEFAULTS INCLUDING CONSTRAINTS);"
                f"CREATE INDEX {name}_by_commit ON {name} (shard, commit_number);"
                f"CREATE UNIQUE INDEX {name}_by_execution ON {name} (execution_id, sequence) "
                f"INCLUDE (last_sequence);"
                f"ALTER TABLE history ATTACH PARTITION {name} "
                f"FOR VALUES FROM ({partition.from_us}) TO ({partition.until_us})"
            )
    except asyncpg.CheckViolationError:
        _log.warning("histories of this time are there already, outside of a partition", partition=name)
        return False
    return True


async def drop_histories(connection: "Connection", terms: RetentionTerms, now_us: int) -> int:
    """Drop the oldest partition if its histories may all go, in a transaction; see the port."""
    longest_us = terms.longest_history_us(await read_namespaces(connection))
    if longest_us == FOR_EVER or not await _locked(connection):
        return 0
    partition = min(await _partitions(connection), default=None)
    if partition is None or partition.until_us + LONG_US + longest_us > now_us:
        return 0
    until_us = partition.until_us
    arguments = (until_us, now_us, terms.history_us, longest_us)
    if await connection.fetchval(_CLOSED_HOLDS, *arguments, timeout=_TIMEOUT_SECONDS):
        return 0
    if await connection.fetchval(_OPEN_HOLDS, until_us, timeout=_TIMEOUT_SECONDS):
        return until_us
    await connection.execute(_DROP_SNAPSHOTS, until_us, timeout=_TIMEOUT_SECONDS)
    await connection.execute(f"DROP TABLE {partition.name}")
    _log.info("histories dropped", partition=partition.name)
    return 0


async def _locked(connection: "Connection") -> bool:
    """Whether no other process makes or drops partitions until the transaction ends."""
    await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
    return bool(await connection.fetchval(f"SELECT pg_try_advisory_xact_lock({_LOCK})"))


async def _partitions(connection: "Connection") -> list[_Partition]:
    names = [str(row[0]) for row in await connection.fetch(_PARTITIONS)]
    found = [match for name in names if (match := _PARTITION_NAME.fullmatch(name))]
    return [_Partition(int(match[2]), int(match[1])) for match in found]
