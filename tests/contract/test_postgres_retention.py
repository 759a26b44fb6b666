"""History in partitions: made ahead, written and read across, and dropped when nobody needs them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from tests.contract.store_databases import make_store_tables
from tests.contract.store_suite import SHARDS, commit, execution, execution_id, history
from tidemill.engine.store.postgres.store import PostgresStore, open_store
from tidemill.engine.store.retention import NamespaceRow, RetentionTerms
from tidemill.engine.store.rows import SnapshotRow, StoredExecution
from tidemill.storage import StorageRefusedError, StorageUnavailableError

DAY_US = 86_400_000_000
WEEK_US = 7 * DAY_US
# The first partition of a store that begins now.
NOW_US = 100 * WEEK_US + DAY_US
FIRST_US = 100 * WEEK_US
MONTH = RetentionTerms(history_us=30 * DAY_US)
# When the first partition may go.
TIME_US = FIRST_US + WEEK_US + DAY_US + 30 * DAY_US


@pytest.fixture
async def url(postgres_url: str) -> str:
    await make_store_tables(postgres_url)
    return postgres_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    """A store with its first partitions, shard 0 taken."""
    store = await open_store(url, SHARDS)
    await store.take([0], "a")
    await store.prepare_history(NOW_US, WEEK_US)
    yield store
    await store.close()


async def partitions(url: str) -> dict[str, int]:
    """The partitions by name, with the number of their rows."""
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = 'history'::regclass ORDER BY 1"
        )
        return {row[0]: await connection.fetchval(f"SELECT count(*) FROM {row[0]}") for row in names}
    finally:
        await connection.close()


def named(weeks: int) -> str:
    first_us = FIRST_US + weeks * WEEK_US
    return f"history_{first_us}_{first_us + WEEK_US}"


async def test_partitions_are_made_ahead_and_none_twice(store: PostgresStore, url: str) -> None:
    assert await partitions(url) == {named(0): 0, named(1): 0, named(2): 0, "history_rest": 0}
    assert await store.prepare_history(NOW_US, WEEK_US) == 0
    assert await store.prepare_history(NOW_US + WEEK_US, WEEK_US) == 1
    assert await store.prepare_history(NOW_US + 20 * WEEK_US, WEEK_US) == 3
    assert {named(3), named(20), named(22)} <= set(await partitions(url))
    # Another length goes on where the last one ends.
    assert await store.prepare_history(NOW_US + 22 * WEEK_US, DAY_US) == 0
    assert await store.prepare_history(NOW_US + 23 * WEEK_US - 2 * DAY_US, DAY_US) == 1


async def test_commits_go_to_the_partition_of_their_time(store: PostgresStore, url: str) -> None:
    rows = [history(1, 1, 2), history(1, 3, 4), history(1, 5, 6)]
    for row, clock_us in zip(rows, (77, FIRST_US + WEEK_US - 1, FIRST_US + WEEK_US), strict=True):
        await store.commit([commit(clock_us=clock_us, histories=[row])])
    counts = await partitions(url)
    assert (counts["history_rest"], counts[named(0)], counts[named(1)]) == (1, 1, 1)
    assert await store.load([execution_id(1)]) == {execution_id(1): StoredExecution(None, rows)}
    assert await store.history(execution_id(1), 3, 9) == rows[1:]
    assert await store.page_commits(0, 0, 9) == rows
    with pytest.raises(StorageRefusedError):
        await store.commit([commit(clock_us=FIRST_US + WEEK_US, histories=[history(1, 5, 5)])])


async def test_what_came_before_its_partition_stays_where_it_is(store: PostgresStore, url: str) -> None:
    late_us = FIRST_US + 5 * WEEK_US
    await store.commit([commit(clock_us=late_us, histories=[history(1, 1, 2)])])
    assert await store.prepare_history(late_us, WEEK_US) == 1
    counts = await partitions(url)
    assert (counts["history_rest"], named(5) in counts, counts[named(6)]) == (1, False, 0)
    assert set(await store.load([execution_id(1)])) == {execution_id(1)}


async def run(store: PostgresStore, number: int, closed_at_us: int, **changes: Any) -> None:  # noqa: ANN401
    """An execution that began in the first partition and whose last event was at its end, or is open."""
    row = execution(number, started_at_us=NOW_US, owes=False, sequence=4, **changes)
    await store.commit([commit(clock_us=NOW_US, histories=[history(number, 1, 2)], executions=[row])])
    ended = replace(row, closed_at_us=closed_at_us, phase=7 if closed_at_us else row.phase)
    clock_us = closed_at_us or NOW_US + 1
    await store.commit([commit(clock_us=clock_us, histories=[history(number, 3, 4)], executions=[ended])])


async def test_a_partition_goes_when_all_that_ended_in_it_is_past_its_time(
    store: PostgresStore, url: str
) -> None:
    await run(store, 1, NOW_US + 5)
    assert await store.drop_histories(MONTH, TIME_US - 1) == 0
    assert named(0) in await partitions(url)
    assert await store.drop_histories(MONTH, TIME_US) == 0
    assert named(0) not in await partitions(url)
    assert await store.load([execution_id(1)]) == {}
    # The row knows what a repeated start belongs to.
    assert (await store.get([execution_id(1)]))[execution_id(1)].sequence == 4
    assert await store.expire_histories(MONTH, TIME_US, 9) == 0


async def test_one_that_ended_long_after_holds_its_beginning_and_goes_as_a_whole(
    store: PostgresStore, url: str
) -> None:
    ended_us = NOW_US + 2 * WEEK_US
    await run(store, 1, ended_us)
    await store.commit([commit(clock_us=NOW_US, snapshots=[SnapshotRow(execution_id(1), 2, b"state")])])
    past_us = ended_us + 30 * DAY_US
    assert await store.drop_histories(MONTH, past_us) == 0
    assert named(0) in await partitions(url)
    assert await store.drop_histories(MONTH, past_us + 1) == 0
    assert named(0) not in await partitions(url)
    # Its last events are there still, but nobody takes them for all there is.
    assert (await partitions(url))[named(2)] == 1
    assert await store.load([execution_id(1)]) == {}


async def test_an_open_execution_lets_go_by_a_snapshot(store: PostgresStore, url: str) -> None:
    await run(store, 1, 0)
    until_us = FIRST_US + WEEK_US
    assert await store.drop_histories(MONTH, TIME_US) == until_us
    assert await store.page_holding(0, until_us, None, 9) == [(NOW_US, execution_id(1))]
    snapshot = SnapshotRow(execution_id(1), 4, b"state")
    await store.commit([commit(clock_us=until_us - 1, snapshots=[snapshot])])
    assert await store.drop_histories(MONTH, TIME_US) == until_us
    later = history(1, 5, 5)
    await store.commit([commit(clock_us=TIME_US, histories=[later], snapshots=[snapshot])])
    assert await store.page_holding(0, until_us, None, 9) == []
    assert await store.drop_histories(MONTH, TIME_US) == 0
    assert named(0) not in await partitions(url)
    assert await store.load([execution_id(1)]) == {execution_id(1): StoredExecution(snapshot, [later])}


async def test_one_that_owes_holds_its_partition(store: PostgresStore, url: str) -> None:
    await run(store, 1, NOW_US + 5)
    owing = execution(1, started_at_us=NOW_US, closed_at_us=NOW_US + 5, phase=7, owes=True)
    await store.commit([commit(clock_us=NOW_US, executions=[owing])])
    assert await store.drop_histories(MONTH, TIME_US) == 0
    assert named(0) in await partitions(url)


async def test_partitions_wait_for_the_namespace_that_keeps_longest(store: PostgresStore, url: str) -> None:
    await run(store, 1, NOW_US + 5)
    await run(store, 2, NOW_US + 5, namespace="bank")
    await store.set_namespace(NamespaceRow("bank", history_retention_us=60 * DAY_US))
    assert await store.drop_histories(MONTH, TIME_US) == 0
    assert named(0) in await partitions(url)
    # What is kept for less goes row by row, what is kept longest waits for its partition.
    assert await store.expire_histories(MONTH, TIME_US, 9) == 1
    assert set(await store.load([execution_id(1), execution_id(2)])) == {execution_id(2)}
    assert await store.drop_histories(MONTH, TIME_US + 30 * DAY_US) == 0
    assert named(0) not in await partitions(url)


async def test_for_ever_in_one_namespace_keeps_all_partitions(store: PostgresStore, url: str) -> None:
    await run(store, 1, NOW_US + 5)
    await store.set_namespace(NamespaceRow("bank", history_retention_us=0))
    assert await store.drop_histories(MONTH, TIME_US * 2) == 0
    assert named(0) in await partitions(url)
    assert await store.expire_histories(MONTH, TIME_US, 9) == 1


async def test_rows_take_along_what_partitions_hold_of_them(store: PostgresStore, url: str) -> None:
    await run(store, 1, NOW_US + 5)
    assert await store.expire_executions(RetentionTerms(0, 30 * DAY_US), TIME_US, 9) == 1
    assert (await partitions(url))[named(0)] == 0
    assert await store.get([execution_id(1)]) == {}


async def test_a_table_in_use_is_left_for_the_next_round(store: PostgresStore, url: str) -> None:
    await run(store, 1, NOW_US + 5)
    reader = await asyncpg.connect(url)
    async with reader.transaction():
        await reader.fetch("SELECT count(*) FROM history")
        with pytest.raises(StorageUnavailableError):
            await store.drop_histories(MONTH, TIME_US)
        assert set(await store.load([execution_id(1)])) == {execution_id(1)}
    await reader.close()
    await store.drop_histories(MONTH, TIME_US)
    assert named(0) not in await partitions(url)
