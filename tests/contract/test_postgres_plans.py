"""How Postgres goes about queries of busy tables, new or full: by indexes, never through a whole one."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import asyncpg
import pytest

from tests.contract.lane_suite import LANE, ORDERS, OTHER_LANE, PAYMENTS
from tests.contract.store_suite import commit, execution_id, history
from tests.contract.test_postgres_store import full
from tidemill.engine.store.packing import pack_id
from tidemill.engine.store.postgres import catalogue as postgres_catalogue
from tidemill.engine.store.postgres import lanes as postgres_lanes
from tidemill.engine.store.postgres import membership as postgres_membership
from tidemill.engine.store.postgres import reads as postgres_reads
from tidemill.engine.store.postgres import retention as postgres_retention
from tidemill.engine.store.postgres import store as postgres
from tidemill.engine.store.postgres.commit import write_commits
from tidemill.engine.store.postgres.store import SESSION
from tidemill.engine.store.retention import RetentionTerms
from tidemill.engine.store.rows import (
    CounterRow,
    ExecutionFilter,
    LaneQuery,
    ShardCommit,
    SubscriberQuery,
)

# Partitions of history as time makes them, and a store's worth of rows.
PARTITIONS = [(0, 1_000), (1_000, 2_000), (2_000, 3_000)]
ROWS = 3_000
_KEY = "decode(lpad(to_hex(n), 40, '0'), 'hex')"
_LANE = "convert_to('lane' || n % 9, 'UTF8')"
FILL = f"""
INSERT INTO history SELECT {_KEY}, 1, 1, n, 0, n % 4000, 'events' FROM generate_series(1, {ROWS}) n;
INSERT INTO snapshot SELECT {_KEY}, 1, n % 4000, 'state' FROM generate_series(1, {ROWS}) n WHERE n % 7 = 0;
INSERT INTO execution SELECT {_KEY}, 'shop', 'cart' || n % 500, '1.0.0', n::text, n % 4, n % 8, n % 9 = 0, n,
  0, '', '', '', '', '', '', 0, 1 FROM generate_series(1, {ROWS}) n;
INSERT INTO timer SELECT {_KEY}, 't', n % 4, n FROM generate_series(1, {ROWS}) n;
INSERT INTO subscription SELECT {_LANE}, {_KEY}, 's', convert_to('shape' || n % 3, 'UTF8'), '', 0, n
  FROM generate_series(1, {ROWS}) n;
INSERT INTO lane_event SELECT {_LANE}, {_KEY}, 0, n, n, '' FROM generate_series(1, {ROWS}) n;
INSERT INTO lane_seen SELECT {_LANE}, {_KEY}, 0, n FROM generate_series(1, {ROWS}) n;
INSERT INTO counter SELECT {_KEY}, 'c', 0, '1' FROM generate_series(1, {ROWS}) n;
INSERT INTO outbox SELECT n % 4, n, 0, '' FROM generate_series(1, {ROWS}) n;
INSERT INTO rejection SELECT n % 4, n, n, '' FROM generate_series(1, {ROWS}) n;
ANALYZE;
"""


class Explaining:
    """A connection that notes the plan of each statement, as it stands for whatever parameters."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self.steps: list[str] = []

    async def fetch(self, query: str, *arguments: object) -> Sequence[object]:
        prepared = await self._connection.prepare(query)
        kinds = [
            f"{kind.name.removesuffix('[]')}[]" if kind.kind == "array" else kind.name
            for kind in prepared.get_parameters()
        ]
        await self._connection.execute(f"PREPARE explained ({', '.join(kinds)}) AS {query}")
        nulls = ", ".join(["NULL"] * len(kinds))
        rows = await self._connection.fetch(f"EXPLAIN (COSTS off) EXECUTE explained ({nulls})")
        await self._connection.execute("DEALLOCATE explained")
        self.steps += [str(row[0]).strip() for row in rows]
        return await self._connection.fetch(query, *arguments)

    async def fetchval(self, query: str, *arguments: object) -> object:
        rows = await self.fetch(query, *arguments)
        return rows[0][0] if rows else None  # type: ignore[index]

    def indexes(self) -> set[str]:
        """The indexes that the plans search."""
        pattern = re.compile(r"Index (?:Only )?Scan (?:Backward )?using (\w+)")
        return {match[1] for step in self.steps if (match := pattern.search(step))}

    def whole_tables(self) -> list[str]:
        """The steps that go through a whole table or index, or sort what an index should give in order."""
        found = [step for step in self.steps if "Seq Scan" in step or "Hash" in step or "Merge Join" in step]
        for number, step in enumerate(self.steps):
            if "Index Scan" in step or "Index Only Scan" in step:
                condition = self.steps[number + 1] if number + 1 < len(self.steps) else ""
                if not condition.startswith("Index Cond") and "on shard" not in step:
                    found.append(step)
        return found


@pytest.fixture(params=["new", "full"])
async def explaining(store_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Explaining]:
    """A database of several partitions, as its tables are at first and as they are later."""
    connection = await asyncpg.connect(store_url, server_settings={**dict(SESSION), "jit": "off"})
    try:
        await connection.execute("BEGIN")
        for first, last in PARTITIONS:
            name = f"history_{first}"
            await connection.execute(
                f"CREATE TABLE {name} PARTITION OF history FOR VALUES FROM ({first}) TO ({last});"
                f"CREATE UNIQUE INDEX {name}_by_execution ON {name} (execution_id, sequence) "
                "INCLUDE (last_sequence)"
            )
        if request.param == "full":
            await connection.execute(FILL)
        await connection.execute("UPDATE shard SET epoch = 1")
        yield Explaining(connection)
    finally:
        await connection.close()


BY_EXECUTION = {f"history_{first}_by_execution" for first, _ in PARTITIONS} | {"history_rest_by_execution"}
BY_COMMIT = {f"history_{first}_shard_commit_number_idx" for first, _ in PARTITIONS} | {
    "history_rest_shard_commit_number_idx"
}
KEYS = [execution_id(number) for number in (1, 2, 3)]
Read = Callable[[Explaining], Awaitable[object]]


@pytest.mark.parametrize(
    ("read", "indexes"),
    [
        (lambda c: postgres_reads.load(c, KEYS, whole=False), BY_EXECUTION | {"snapshot_pkey"}),
        (lambda c: postgres_reads.load(c, KEYS, whole=True), BY_EXECUTION),
        (lambda c: postgres_reads.read_history(c, KEYS[0], 5, 10), BY_EXECUTION),
        (lambda c: postgres_reads.page_commits(c, 0, 5, 10), BY_COMMIT),
        (lambda c: postgres_reads.get_executions(c, KEYS), BY_EXECUTION | {"execution_pkey"}),
        (lambda c: c.fetch(postgres.OWING, 0, -1, b"", 10), {"execution_owing"}),
        (lambda c: c.fetch(postgres.TIMERS, 0, 50, -1, b"", "", 10), {"timer_by_due"}),
        (lambda c: c.fetchval(postgres.EXPIRE_REJECTIONS, 5, 10), {"rejection_by_time"}),
        (
            lambda c: postgres_lanes.expire_lanes(c, 5, 10),
            {"lane_event_by_expiry", "lane_seen_by_expiry"},
        ),
        (lambda c: postgres_catalogue.read_contents(c, ["a", "b"]), {"document_pkey"}),
        (lambda c: postgres_membership.page_outbox(c, 0, 5, 10), {"outbox_pkey"}),
        (lambda c: postgres_membership.discard_outbox(c, [(0, 1, [1, 2])]), {"outbox_pkey", "shard_pkey"}),
        (lambda c: postgres_membership.take(c, [0, 1], "a"), {"shard_pkey"}),
        (
            lambda c: postgres_retention.page_holding(c, 0, 50, None, 10),
            {"execution_open", "snapshot_pkey"},
        ),
        (
            lambda c: postgres_retention.expire_executions(c, RetentionTerms(5, 5), 1, 10),
            BY_EXECUTION
            | {"execution_by_end", "execution_pkey", "namespace_settings_pkey", "snapshot_pkey"},
        ),
    ],
    ids=[
        "load", "load whole", "history", "commits", "get", "owing", "timers", "rejections", "lanes expire",
        "contents", "outbox", "discard", "take", "holding", "expire",
    ],
)  # fmt: skip
async def test_what_owners_and_clients_read_is_searched(
    explaining: Explaining, read: Read, indexes: set[str]
) -> None:
    await read(explaining)
    assert explaining.whole_tables() == []
    assert explaining.indexes() == indexes


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (ExecutionFilter(), "execution_by_time"),
        (ExecutionFilter(before=(5, execution_id(1))), "execution_by_time"),
        (ExecutionFilter(namespace="shop", workflow="cart", phases=(2,)), "execution_by_workflow"),
        (ExecutionFilter(namespace="shop", subject="ada"), "execution_by_subject"),
    ],
)
async def test_lists_are_ranges_of_an_index(
    explaining: Explaining, wanted: ExecutionFilter, index: str
) -> None:
    await postgres_reads.page_executions(explaining, wanted, 10)  # type: ignore[arg-type]
    assert index in explaining.indexes()
    assert [step for step in explaining.steps if "Seq Scan" in step] == []


async def test_what_a_lane_remembers_is_searched(explaining: Explaining) -> None:
    queries = [LaneQuery(lane, (b"d", b"e"), ("slot", "open"), 5) for lane in (LANE, OTHER_LANE)]
    await postgres_lanes.read_lanes(explaining, queries)  # type: ignore[arg-type]
    assert explaining.whole_tables() == []
    assert {"subscription_by_shape", "shape_pkey", "lane_seen_pkey", "counter_pkey"} <= explaining.indexes()
    assert "lane_event_by_time" in explaining.indexes()


async def test_subscribers_are_a_range_of_one_index(explaining: Explaining) -> None:
    query = SubscriberQuery(LANE, ((ORDERS, b"k"), (PAYMENTS, b"")), execution_id(4), 10)
    await postgres_lanes.read_subscribers(explaining, [query])  # type: ignore[arg-type]
    assert explaining.whole_tables() == []
    assert explaining.indexes() == {"subscription_by_shape"}


async def test_what_a_batch_writes_is_found_by_keys(explaining: Explaining) -> None:
    made: ShardCommit = full(0, 10)
    made.timers_gone.append((execution_id(3), "t"))
    made.subscriptions_gone.append((LANE, execution_id(3), "a"))
    made.lane_events_gone.append((LANE, b"gone"))
    made.counters.append(CounterRow(0, LANE, "gone", b""))
    made.outbox_gone.append(99)
    made.dead_letters_gone.append(99)
    await write_commits(explaining, [made, commit(shard=1, histories=[history(9, 1, 1)])])  # type: ignore[arg-type]
    assert explaining.whole_tables() == []
    assert explaining.indexes() == {
        "shard_pkey", "timer_pkey", "dead_letter_pkey", "outbox_pkey", "subscription_pkey", "lane_event_pkey",
        "counter_pkey",
    }  # fmt: skip


async def test_a_snapshot_spares_the_partitions_before_it(explaining: Explaining, store_url: str) -> None:
    """A plan passes over partitions that end before the snapshot, when it runs."""
    connection = explaining._connection
    key = pack_id(execution_id(1))
    await connection.execute("DELETE FROM snapshot")
    await connection.execute("INSERT INTO snapshot VALUES ($1, 5, 2500, 'state')", key)
    rows = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS off) {postgres_reads.LOAD}", [key])
    ran = [str(row[0]) for row in rows if "by_execution" in str(row[0])]
    assert [("never executed" in step) for step in ran] == [True, True, False, False]
