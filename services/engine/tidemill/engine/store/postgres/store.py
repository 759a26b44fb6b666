"""The store in Postgres, which several engines share."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.store.packing import pack_id, unpack_id
from tidemill.engine.store.port import NO_CONTENTS
from tidemill.engine.store.postgres import catalogue, lanes, membership, reads, retention
from tidemill.engine.store.postgres.commit import write_commits
from tidemill.engine.store.postgres.tables import PART, check_shards, steps
from tidemill.engine.store.retention import NamespaceRow, RetentionTerms
from tidemill.engine.store.rows import (
    DeadLetterRow,
    DefinitionRow,
    ExecutionFilter,
    ExecutionRow,
    HistoryRow,
    LaneQuery,
    LaneRows,
    LeaseRow,
    OutboxRow,
    RejectionRow,
    ShardCommit,
    ShardRow,
    StoredExecution,
    SubscriberQuery,
    SubscriptionRow,
    TimerRow,
)
from tidemill.postgres import Postgres, PostgresOptions, open_postgres
from tidemill.postgres_migration import check_version

if TYPE_CHECKING:
    pass

# What writes has connections of its own, so that leases are renewed whatever is read.
WRITING_CONNECTIONS_MAX: Final = 4
# Each query has an index. A plan is made once, from tables that may be empty then: it must not go through a
# whole one, for that would grow.
SESSION: Final = (
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
)
OWING: Final = (
    "SELECT started_at_us, execution_id FROM execution WHERE owes AND shard = $1 "
    "AND (started_at_us, execution_id) > ($2, $3) ORDER BY started_at_us, execution_id LIMIT $4"
)
TIMERS: Final = (
    "SELECT due_at_us, execution_id, timer_id FROM timer WHERE shard = $1 AND due_at_us <= $2 "
    "AND (due_at_us, execution_id, timer_id) > ($3, $4, $5) "
    "ORDER BY due_at_us, execution_id, timer_id LIMIT $6"
)
EXPIRE_REJECTIONS: Final = """
WITH gone AS (
  DELETE FROM rejection WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM rejection WHERE time_us < $1 ORDER BY time_us LIMIT $2 FOR UPDATE SKIP LOCKED
  )) RETURNING 1
) SELECT count(*) FROM gone
"""
_DEAD_LETTERS: Final = (
    "SELECT number, shard, execution_id, namespace, kind, item, error, time_us FROM dead_letter "
    "WHERE number > $1 AND ($2 = '' OR namespace = $2) ORDER BY number LIMIT $3"
)
_MOVE_CURSORS: Final = (
    "INSERT INTO cursor (name, shard, commit_number) SELECT $1, * FROM unnest($2::int[], $3::bigint[]) "
    "ON CONFLICT (name, shard) DO UPDATE SET commit_number = excluded.commit_number"
)


async def open_store(url: str, shards: int, options: PostgresOptions | None = None) -> "PostgresStore":
    """Open the store of a database whose tables `tidemill migrate` has made.

    Raises what `open_postgres` raises, StoreTooOldError, StoreTooNewError, and InvalidRequestError for tables
    with another number of shards: executions would not be found in the shards that their ids lead to.
    """
    options = options or PostgresOptions()
    options = replace(options, session=(*options.session, *SESSION))
    reading = await open_postgres(url, part=PART, options=options)
    try:
        await check_version(reading, PART, len(steps()))
        await check_shards(reading, shards)
        fewer = replace(options, connections_max=WRITING_CONNECTIONS_MAX)
        writing = await open_postgres(url, part=PART, options=fewer)
    except BaseException:
        await reading.close()
        raise
    return PostgresStore(reading, writing)


class PostgresStore:
    """Implements all ports of the store on one database. Every read sees what was committed before it."""

    is_shared = True

    def __init__(self, reading: Postgres, writing: Postgres) -> None:
        self._reading = reading
        self._writing = writing

    async def take(self, shards: Sequence[int], owner: str) -> list[ShardRow]:
        return await self._writing.run(lambda connection: membership.take(connection, shards, owner))

    async def renew_lease(self, engine: str, *, ttl_us: int, revision: int) -> list[LeaseRow]:
        return await self._writing.run(
            lambda connection: membership.renew_lease(connection, engine, ttl_us=ttl_us, revision=revision)
        )

    async def end_lease(self, engine: str) -> None:
        await self._writing.run(
            lambda connection: connection.execute("DELETE FROM lease WHERE engine = $1", engine)
        )

    async def shards(self) -> list[ShardRow]:
        return await self._reading.run(membership.read_shards)

    async def release(self, items: Sequence[tuple[int, int]]) -> set[int]:
        return await self._writing.run(lambda connection: membership.release(connection, items))

    async def claim_log(self, identity: str) -> str:
        return await self._writing.transact(lambda connection: membership.claim_log(connection, identity))

    async def rebind_log(self, identity: str, places: Mapping[int, AppliedOffsets]) -> None:
        await self._writing.transact(lambda connection: membership.rebind_log(connection, identity, places))

    async def commit(self, commits: Sequence[ShardCommit]) -> set[int]:
        return await self._writing.run(lambda connection: write_commits(connection, commits))

    async def load(
        self, execution_ids: Sequence[str], *, whole: bool = False
    ) -> Mapping[str, StoredExecution]:
        return await self._reading.run(lambda connection: reads.load(connection, execution_ids, whole=whole))

    async def peers(self, shards: Sequence[int]) -> Mapping[tuple[int, int], int]:
        return await self._reading.run(lambda connection: membership.read_peers(connection, shards))

    async def page_outbox(self, shard: int, after_sequence: int, limit: int) -> list[OutboxRow]:
        return await self._reading.run(
            lambda connection: membership.page_outbox(connection, shard, after_sequence, limit)
        )

    async def discard_outbox(self, items: Sequence[tuple[int, int, Sequence[int]]]) -> set[int]:
        return await self._writing.run(lambda connection: membership.discard_outbox(connection, items))

    async def read_lanes(self, wanted: Sequence[LaneQuery]) -> Mapping[bytes, LaneRows]:
        return await self._reading.run(lambda connection: lanes.read_lanes(connection, wanted))

    async def subscribers(self, wanted: Sequence[SubscriberQuery]) -> list[list[SubscriptionRow]]:
        return await self._reading.run(lambda connection: lanes.read_subscribers(connection, wanted))

    async def expire_lanes(self, before_us: int, limit: int) -> int:
        return await self._writing.run(lambda connection: lanes.expire_lanes(connection, before_us, limit))

    async def page_owing(
        self, shard: int, after: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        started_at_us, execution_id = after or (-1, "")
        arguments = (shard, started_at_us, pack_id(execution_id), limit)
        rows = await self._reading.run(lambda connection: connection.fetch(OWING, *arguments))
        return [(row[0], unpack_id(row[1])) for row in rows]

    async def page_timers(
        self, shard: int, until_us: int, after: TimerRow | None, limit: int
    ) -> list[TimerRow]:
        position = (after.due_at_us, pack_id(after.execution_id), after.timer_id) if after else (-1, b"", "")
        arguments = (shard, until_us, *position, limit)
        rows = await self._reading.run(lambda connection: connection.fetch(TIMERS, *arguments))
        return [TimerRow(shard, row[0], unpack_id(row[1]), row[2]) for row in rows]

    async def expire_rejections(self, before_us: int, limit: int) -> int:
        return int(
            await self._writing.run(
                lambda connection: connection.fetchval(EXPIRE_REJECTIONS, before_us, limit)
            )
        )

    async def get(self, execution_ids: Sequence[str]) -> Mapping[str, ExecutionRow]:
        return await self._reading.run(lambda connection: reads.get_executions(connection, execution_ids))

    async def page_executions(self, wanted: ExecutionFilter, limit: int) -> list[ExecutionRow]:
        return await self._reading.run(lambda connection: reads.page_executions(connection, wanted, limit))

    async def page_commits(self, shard: int, after_commit: int, limit: int) -> list[HistoryRow]:
        return await self._reading.run(
            lambda connection: reads.page_commits(connection, shard, after_commit, limit)
        )

    async def last_commits(self) -> Mapping[int, int]:
        query = "SELECT id, commit_number FROM shard"
        rows = await self._reading.run(lambda connection: connection.fetch(query))
        return {row["id"]: row["commit_number"] for row in rows}

    async def cursors(self, name: str) -> Mapping[int, int]:
        query = "SELECT shard, commit_number FROM cursor WHERE name = $1"
        rows = await self._reading.run(lambda connection: connection.fetch(query, name))
        return {row["shard"]: row["commit_number"] for row in rows}

    async def move_cursors(self, name: str, positions: Mapping[int, int]) -> None:
        arguments = (name, [*positions], [*positions.values()])
        await self._writing.run(lambda connection: connection.execute(_MOVE_CURSORS, *arguments))

    async def history(self, execution_id: str, sequence: int, limit: int) -> list[HistoryRow]:
        return await self._reading.run(
            lambda connection: reads.read_history(connection, execution_id, sequence, limit)
        )

    async def rejection(self, shard: int, offset: int) -> RejectionRow | None:
        query = "SELECT shard, log_offset, time_us, error FROM rejection WHERE shard = $1 AND log_offset = $2"
        row = await self._reading.run(lambda connection: connection.fetchrow(query, shard, offset))
        return RejectionRow(*row) if row else None

    async def dead_letters(self, namespace: str, after: int, limit: int) -> list[DeadLetterRow]:
        arguments = (after, namespace, limit)
        rows = await self._reading.run(lambda connection: connection.fetch(_DEAD_LETTERS, *arguments))
        return [DeadLetterRow(*row) for row in rows]

    async def publish(self, row: DefinitionRow, contents: Mapping[str, bytes] = NO_CONTENTS) -> DefinitionRow:
        return await self._writing.transact(lambda connection: catalogue.publish(connection, row, contents))

    async def contents(self, digests: Sequence[str]) -> Mapping[str, bytes]:
        return await self._reading.run(lambda connection: catalogue.read_contents(connection, digests))

    async def definitions(self, after_revision: int) -> list[DefinitionRow]:
        return await self._reading.run(
            lambda connection: catalogue.read_definitions(connection, after_revision)
        )

    async def set_namespace(self, row: NamespaceRow) -> None:
        await self._writing.run(lambda connection: retention.set_namespace(connection, row))

    async def namespaces(self) -> list[NamespaceRow]:
        return await self._reading.run(retention.read_namespaces)

    async def prepare_history(self, now_us: int, partition_us: int) -> int:
        return await self._writing.transact(
            lambda connection: retention.prepare_history(connection, now_us, partition_us)
        )

    async def expire_histories(self, terms: RetentionTerms, now_us: int, limit: int) -> int:
        return await self._writing.run(
            lambda connection: retention.expire_histories(connection, terms, now_us, limit)
        )

    async def expire_executions(self, terms: RetentionTerms, now_us: int, limit: int) -> int:
        return await self._writing.run(
            lambda connection: retention.expire_executions(connection, terms, now_us, limit)
        )

    async def drop_histories(self, terms: RetentionTerms, now_us: int) -> int:
        return await self._writing.transact(
            lambda connection: retention.drop_histories(connection, terms, now_us)
        )

    async def page_holding(
        self, shard: int, before_us: int, after: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        return await self._reading.run(
            lambda connection: retention.page_holding(connection, shard, before_us, after, limit)
        )

    async def close(self) -> None:
        """Finish what is under way and let go of the connections."""
        await self._reading.close()
        await self._writing.close()
