"""The tables in Postgres read-only as they are at one moment, for the audit, while engines write."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self

from tidemill.engine.audit.kept import Kept, kept_by
from tidemill.engine.audit.port import NO_BOUND, Place
from tidemill.engine.store.packing import pack_id, unpack_id
from tidemill.engine.store.postgres import membership, reads, retention
from tidemill.engine.store.postgres.tables import PART, steps
from tidemill.engine.store.retention import RetentionTerms
from tidemill.engine.store.rows import (
    DeadLetterRow,
    ExecutionRow,
    HistoryRow,
    OutboxRow,
    ShardRow,
    SnapshotRow,
    TimerRow,
)
from tidemill.postgres import PostgresOptions, open_postgres
from tidemill.postgres_migration import check_version

if TYPE_CHECKING:
    from tidemill.postgres import Connection

_BEHIND_ALL_IDS: Final = b"\xff" * 21
# The lower bounds of partitions by time, of which the oldest are dropped when their time has come.
_OLDEST: Final = """
SELECT min(substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \\(''?(-?[0-9]+)''?\\)')::bigint)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'history'::regclass
"""
_BEFORE: Final = "SELECT EXISTS (SELECT 1 FROM history WHERE committed_at_us < $1)"
_EXECUTIONS: Final = (
    "SELECT execution_id, namespace, workflow, version, subject, shard, phase, owes, started_at_us, "
    "closed_at_us, reason, parent_execution_id, kind, sequence FROM execution "
    "WHERE execution_id > $1 ORDER BY execution_id LIMIT $2"
)
_HISTORY: Final = (
    "SELECT execution_id, sequence, last_sequence, commit_number, data FROM history "
    "WHERE (execution_id, sequence, last_sequence) > ($1, $2, $3) AND execution_id <= $4 "
    "ORDER BY execution_id, sequence, last_sequence LIMIT $5"
)
_TIMERS: Final = (
    "SELECT shard, due_at_us, execution_id, timer_id FROM timer "
    "WHERE execution_id > $1 AND execution_id <= $2 ORDER BY execution_id, timer_id"
)
_SNAPSHOTS: Final = (
    "SELECT execution_id, sequence, data FROM snapshot "
    "WHERE execution_id > $1 AND execution_id <= $2 ORDER BY execution_id"
)
_PHASES: Final = "SELECT execution_id, phase FROM execution WHERE execution_id = ANY($1::bytea[])"
_SUBSCRIBED: Final = (
    "SELECT lane, execution_id, subscription_id FROM unnest($1::bytea[], $2::bytea[], $3::text[]) "
    "AS wanted (lane, execution_id, subscription_id) JOIN subscription USING (lane, execution_id, "
    "subscription_id)"
)
_SEEN: Final = (
    "SELECT lane, digest FROM unnest($1::bytea[], $2::bytea[]) AS wanted (lane, digest) "
    "JOIN lane_seen USING (lane, digest)"
)
_REJECTIONS: Final = (
    "SELECT log_offset FROM rejection WHERE shard = $1 AND log_offset > $2 ORDER BY log_offset LIMIT $3"
)
_DEAD_LETTERS: Final = (
    "SELECT number, shard, execution_id, namespace, kind, item, error, time_us FROM dead_letter "
    "WHERE number > $1 ORDER BY number LIMIT $2"
)
_OUTBOX: Final = (
    "SELECT shard, sequence, target_shard, data FROM outbox WHERE shard = $1 AND sequence > $2 "
    "ORDER BY sequence LIMIT $3"
)
# Nobody waits for the audit, and whoever takes its lines may take their time.
_PATIENCE_US: Final = 600_000_000
_SESSION: Final = (("idle_in_transaction_session_timeout", "0"),)


class PostgresAudit:
    """Implements the port of the audit on one connection, in one transaction that sees one moment."""

    def __init__(self, connection: "Connection", held: AsyncExitStack) -> None:
        self._connection = connection
        self._held = held

    @classmethod
    async def open(cls, url: str, options: PostgresOptions | None = None) -> Self:
        """Raises what `open_postgres` raises, and what the store does for tables of another release."""
        options = options or PostgresOptions(application="tidemill-check")
        options = replace(
            options,
            connections_max=2,
            # What only reads does not care how what it reads was written.
            allow_weak_store=True,
            command_timeout_us=_PATIENCE_US,
            session=(*options.session, *_SESSION),
        )
        async with AsyncExitStack() as stack:
            postgres = await open_postgres(url, part=PART, options=options)
            stack.push_async_callback(postgres.close)
            await check_version(postgres, PART, len(steps()))
            connection = await stack.enter_async_context(postgres.held())
            transaction = connection.transaction(isolation="repeatable_read", readonly=True)
            await stack.enter_async_context(transaction)
            # The moment is that of the first query.
            await connection.fetchval("SELECT 1 FROM shard LIMIT 1")
            return cls(connection, stack.pop_all())

    async def kept(self, terms: RetentionTerms, now_us: int) -> Kept:
        own = await retention.read_namespaces(self._connection)
        kept = kept_by(terms, own, now_us)
        oldest = await self._connection.fetchval(_OLDEST)
        # Where something is from before the oldest partition, that is the first there ever was.
        if oldest is None or await self._connection.fetchval(_BEFORE, oldest):
            return kept
        return kept._replace(from_us=max(int(oldest), kept.from_us))

    async def page_executions(self, after: str, limit: int) -> list[ExecutionRow]:
        rows = await self._connection.fetch(_EXECUTIONS, pack_id(after), limit)
        return [_execution(dict(row.items())) for row in rows]

    async def page_history(self, after: Place, until: str, limit: int) -> list[HistoryRow]:
        execution_id, sequence, last_sequence = after
        rows = await self._connection.fetch(
            _HISTORY, pack_id(execution_id), sequence, last_sequence, _bound(until), limit
        )
        return [HistoryRow(unpack_id(packed), *values) for packed, *values in rows]

    async def timers(self, after: str, until: str) -> list[TimerRow]:
        rows = await self._connection.fetch(_TIMERS, pack_id(after), _bound(until))
        return [TimerRow(shard, due, unpack_id(packed), timer_id) for shard, due, packed, timer_id in rows]

    async def snapshots(self, after: str, until: str) -> list[SnapshotRow]:
        rows = await self._connection.fetch(_SNAPSHOTS, pack_id(after), _bound(until))
        return [SnapshotRow(unpack_id(packed), *values) for packed, *values in rows]

    async def phases(self, execution_ids: Sequence[str]) -> Mapping[str, int]:
        rows = await self._connection.fetch(_PHASES, [*map(pack_id, execution_ids)])
        return {unpack_id(packed): phase for packed, phase in rows}

    async def subscribed(self, wanted: Sequence[tuple[bytes, str, str]]) -> set[tuple[bytes, str, str]]:
        rows = await self._connection.fetch(
            _SUBSCRIBED,
            [lane for lane, _, _ in wanted],
            [pack_id(execution_id) for _, execution_id, _ in wanted],
            [identity for _, _, identity in wanted],
        )
        return {(lane, unpack_id(packed), identity) for lane, packed, identity in rows}

    async def shards(self) -> list[ShardRow]:
        return await membership.read_shards(self._connection)

    async def peers(self) -> Mapping[tuple[int, int], int]:
        rows = await self._connection.fetch("SELECT shard, source_shard, sequence FROM peer")
        return {(shard, source): sequence for shard, source, sequence in rows}

    async def page_dead_letters(self, after: int, limit: int) -> list[DeadLetterRow]:
        rows = await self._connection.fetch(_DEAD_LETTERS, after, limit)
        return [DeadLetterRow(*row) for row in rows]

    async def page_rejections(self, shard: int, after: int, limit: int) -> list[int]:
        rows = await self._connection.fetch(_REJECTIONS, shard, after, limit)
        return [offset for (offset,) in rows]

    async def page_commits(self, shard: int, after_commit: int, limit: int) -> list[HistoryRow]:
        return await reads.page_commits(self._connection, shard, after_commit, limit)

    async def page_outbox(self, shard: int, after_sequence: int, limit: int) -> list[OutboxRow]:
        rows = await self._connection.fetch(_OUTBOX, shard, after_sequence, limit)
        return [OutboxRow(*row) for row in rows]

    async def seen(self, wanted: Sequence[tuple[bytes, bytes]]) -> set[tuple[bytes, bytes]]:
        rows = await self._connection.fetch(
            _SEEN, [lane for lane, _ in wanted], [digest for _, digest in wanted]
        )
        return {(lane, digest) for lane, digest in rows}

    async def close(self) -> None:
        await self._held.aclose()


def _bound(until: str) -> bytes:
    return _BEHIND_ALL_IDS if until == NO_BOUND else pack_id(until)


def _execution(columns: dict[str, Any]) -> ExecutionRow:
    columns["execution_id"] = unpack_id(columns["execution_id"])
    columns["parent_execution_id"] = unpack_id(columns["parent_execution_id"])
    return ExecutionRow(**columns, output=b"", error=b"", request_id="", input_digest=b"")
