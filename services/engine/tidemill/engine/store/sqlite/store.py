"""The embedded store: `state.db`, one writer thread, one reader thread."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tidemill.applied_offsets import AppliedOffsets
from tidemill.clock import Clock, SystemClock
from tidemill.engine.settings import SHARDS_VARIABLE
from tidemill.engine.store.leases import Leases
from tidemill.engine.store.packing import pack_id, unpack_id
from tidemill.engine.store.port import NO_CONTENTS
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
from tidemill.engine.store.sqlite import catalogue, lanes, membership, outbox, reads, retention
from tidemill.engine.store.sqlite.commit import write_commits
from tidemill.engine.store.sqlite.migration import migrate
from tidemill.errors import InvalidRequestError
from tidemill.sqlite import SMALL_CACHE, SqliteThread, insert_many, open_database

_PART: Final = "store"
# All at once, and only into a new file.
_SHARDS: Final = """
WITH RECURSIVE numbers (id) AS (VALUES (0) UNION ALL SELECT id + 1 FROM numbers WHERE id + 1 < {})
INSERT INTO shard (id, epoch, owner, log_offset, clock_us, commit_number)
SELECT id, 0, '', 0, 0, 0 FROM numbers WHERE NOT EXISTS (SELECT 1 FROM shard);
"""


class SqliteStore:
    """Implements all ports of the store on one file."""

    is_shared = False

    def __init__(
        self, path: Path, shards: int, *, page_count_max: int = 0, clock: Clock | None = None
    ) -> None:
        """Open or create the file. Leases are in memory alone: its directory has one engine at most.

        Raises StorageUnavailableError for a damaged one, StoreTooNewError for one of a later release,
        InvalidRequestError for one with another number of shards: executions would not be found in the shards
        that their ids lead to.
        """
        writing = open_database(path, part=_PART, schema="", page_count_max=page_count_max)
        migrate(writing, path)
        writing.execute(_SHARDS.format(shards))
        (found,) = writing.execute("SELECT count(*) FROM shard").fetchone()
        if found != shards:
            raise InvalidRequestError(
                SHARDS_VARIABLE,
                f"{SHARDS_VARIABLE} is {shards}, but {path.name} was made with {found} shards",
            )
        self._clock = clock or SystemClock()
        self._leases = Leases()
        schema = f"PRAGMA query_only = ON;{SMALL_CACHE}"
        reading = open_database(path, part=_PART, schema=schema, verify=False)
        self._writer = SqliteThread(writing, part=_PART)
        self._reader = SqliteThread(reading, part=_PART)

    async def take(self, shards: Sequence[int], owner: str) -> list[ShardRow]:
        return await self._writer.write(lambda connection: membership.take(connection, shards, owner))

    async def renew_lease(self, engine: str, *, ttl_us: int, revision: int) -> list[LeaseRow]:
        return self._leases.renew(LeaseRow(engine, revision), now_us=self._clock.now_us(), ttl_us=ttl_us)

    async def end_lease(self, engine: str) -> None:
        self._leases.end(engine)

    async def shards(self) -> list[ShardRow]:
        return await self._reader.read(membership.read_shards)

    async def release(self, items: Sequence[tuple[int, int]]) -> set[int]:
        return await self._writer.write(lambda connection: membership.release(connection, items))

    async def claim_log(self, identity: str) -> str:
        return await self._writer.write(lambda connection: membership.claim_log(connection, identity))

    async def rebind_log(self, identity: str, places: Mapping[int, AppliedOffsets]) -> None:
        await self._writer.write(lambda connection: membership.rebind_log(connection, identity, places))

    async def commit(self, commits: Sequence[ShardCommit]) -> set[int]:
        return await self._writer.commit(lambda connection: write_commits(connection, commits))

    async def load(
        self, execution_ids: Sequence[str], *, whole: bool = False
    ) -> Mapping[str, StoredExecution]:
        return await self._reader.read(lambda connection: reads.load(connection, execution_ids, whole=whole))

    async def peers(self, shards: Sequence[int]) -> Mapping[tuple[int, int], int]:
        return await self._reader.read(lambda connection: outbox.read_peers(connection, shards))

    async def page_outbox(self, shard: int, after_sequence: int, limit: int) -> list[OutboxRow]:
        return await self._reader.read(
            lambda connection: outbox.page_outbox(connection, shard, after_sequence, limit)
        )

    async def discard_outbox(self, items: Sequence[tuple[int, int, Sequence[int]]]) -> set[int]:
        return await self._writer.write(lambda connection: outbox.discard_outbox(connection, items))

    async def read_lanes(self, wanted: Sequence[LaneQuery]) -> Mapping[bytes, LaneRows]:
        return await self._reader.read(lambda connection: lanes.read_lanes(connection, wanted))

    async def subscribers(self, wanted: Sequence[SubscriberQuery]) -> list[list[SubscriptionRow]]:
        return await self._reader.read(lambda connection: lanes.read_subscribers(connection, wanted))

    async def expire_lanes(self, before_us: int, limit: int) -> int:
        return await self._writer.write(lambda connection: lanes.expire_lanes(connection, before_us, limit))

    async def page_owing(
        self, shard: int, after: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        started_at_us, execution_id = after or (-1, "")
        rows = await self._reader.read(
            lambda connection: connection.execute(
                "SELECT started_at_us, execution_id FROM execution WHERE owes AND shard = ? "
                "AND (started_at_us, execution_id) > (?, ?) ORDER BY started_at_us, execution_id LIMIT ?",
                (shard, started_at_us, pack_id(execution_id), limit),
            ).fetchall()
        )
        return [(row[0], unpack_id(row[1])) for row in rows]

    async def page_timers(
        self, shard: int, until_us: int, after: TimerRow | None, limit: int
    ) -> list[TimerRow]:
        return await self._reader.read(
            lambda connection: reads.page_timers(connection, shard, until_us, after, limit)
        )

    async def expire_rejections(self, before_us: int, limit: int) -> int:
        return await self._writer.write(
            lambda connection: (
                connection.execute(
                    "DELETE FROM rejection WHERE (shard, log_offset) IN "
                    "(SELECT shard, log_offset FROM rejection WHERE time_us < ? LIMIT ?)",
                    (before_us, limit),
                ).rowcount
            )
        )

    async def get(self, execution_ids: Sequence[str]) -> Mapping[str, ExecutionRow]:
        return await self._reader.read(lambda connection: reads.get_executions(connection, execution_ids))

    async def page_executions(self, wanted: ExecutionFilter, limit: int) -> list[ExecutionRow]:
        return await self._reader.read(lambda connection: reads.page_executions(connection, wanted, limit))

    async def page_commits(self, shard: int, after_commit: int, limit: int) -> list[HistoryRow]:
        return await self._reader.read(
            lambda connection: reads.page_commits(connection, shard, after_commit, limit)
        )

    async def last_commits(self) -> Mapping[int, int]:
        query = "SELECT id, commit_number FROM shard"
        return await self._reader.read(lambda connection: dict(connection.execute(query).fetchall()))

    async def cursors(self, name: str) -> Mapping[int, int]:
        query = "SELECT shard, commit_number FROM cursor WHERE name = ?"
        return await self._reader.read(lambda connection: dict(connection.execute(query, (name,)).fetchall()))

    async def move_cursors(self, name: str, positions: Mapping[int, int]) -> None:
        rows = [(name, shard, position) for shard, position in positions.items()]
        into = "INSERT OR REPLACE INTO cursor (name, shard, commit_number)"
        await self._writer.write(lambda connection: insert_many(connection, into, rows))

    async def history(self, execution_id: str, sequence: int, limit: int) -> list[HistoryRow]:
        return await self._reader.read(
            lambda connection: reads.read_history(connection, execution_id, sequence, limit)
        )

    async def rejection(self, shard: int, offset: int) -> RejectionRow | None:
        row = await self._reader.read(
            lambda connection: connection.execute(
                "SELECT shard, log_offset, time_us, error FROM rejection WHERE shard = ? AND log_offset = ?",
                (shard, offset),
            ).fetchone()
        )
        return RejectionRow(*row) if row else None

    async def dead_letters(self, namespace: str, after: int, limit: int) -> list[DeadLetterRow]:
        rows = await self._reader.read(
            lambda connection: connection.execute(
                "SELECT number, shard, execution_id, namespace, kind, item, error, time_us FROM dead_letter "
                "WHERE number > ? AND (? = '' OR namespace = ?) ORDER BY number LIMIT ?",
                (after, namespace, namespace, limit),
            ).fetchall()
        )
        return [DeadLetterRow(*row) for row in rows]

    async def publish(self, row: DefinitionRow, contents: Mapping[str, bytes] = NO_CONTENTS) -> DefinitionRow:
        return await self._writer.write(lambda connection: catalogue.publish(connection, row, contents))

    async def contents(self, digests: Sequence[str]) -> Mapping[str, bytes]:
        return await self._reader.read(lambda connection: catalogue.read_contents(connection, digests))

    async def definitions(self, after_revision: int) -> list[DefinitionRow]:
        return await self._reader.read(
            lambda connection: catalogue.read_definitions(connection, after_revision)
        )

    async def set_namespace(self, row: NamespaceRow) -> None:
        await self._writer.write(lambda connection: retention.set_namespace(connection, row))

    async def namespaces(self) -> list[NamespaceRow]:
        return await self._reader.read(retention.read_namespaces)

    async def prepare_history(self, now_us: int, partition_us: int) -> int:
        return 0

    async def expire_histories(self, terms: RetentionTerms, now_us: int, limit: int) -> int:
        return await self._writer.write(
            lambda connection: retention.expire_histories(connection, terms, now_us, limit)
        )

    async def expire_executions(self, terms: RetentionTerms, now_us: int, limit: int) -> int:
        return await self._writer.write(
            lambda connection: retention.expire_executions(connection, terms, now_us, limit)
        )

    async def drop_histories(self, terms: RetentionTerms, now_us: int) -> int:
        return 0

    async def page_holding(
        self, shard: int, before_us: int, after: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        return await self._reader.read(
            lambda connection: retention.page_holding(connection, shard, before_us, after, limit)
        )

    async def close(self) -> None:
        """Finish what is under way and let go of the file."""
        await self._reader.close()
        await self._writer.close()
