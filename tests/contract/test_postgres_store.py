"""What only a server does to a store: keeps it waiting, lets two write at once, breaks off, comes back."""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg
import pytest

from tests.contract.following_suite import message
from tests.contract.lane_suite import LANE, SHAPES, event, seen, subscription
from tests.contract.store_suite import SHARDS, commit, execution, execution_id, history
from tests.waiting import eventually
from tidemill.engine.store.postgres.commit import write_commits
from tidemill.engine.store.postgres.membership import take
from tidemill.engine.store.postgres.store import PostgresStore, open_store
from tidemill.engine.store.rows import (
    CounterRow,
    DeadLetterRow,
    DefinitionRow,
    RejectionRow,
    ShardCommit,
    SnapshotRow,
    TimerRow,
)
from tidemill.errors import InvalidRequestError
from tidemill.postgres import PostgresOptions
from tidemill.storage import StorageRefusedError, StorageUnavailableError
from tidemill.testing.servers import PostgresServer

Raw: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
TRIES = 500


@pytest.fixture
async def other(store_url: str) -> AsyncIterator["Raw"]:
    """A connection beside those of the store."""
    connection = await asyncpg.connect(store_url)
    yield connection
    await connection.close()


async def waiting(connection: "Raw") -> int:
    """The process of the server that waits for a lock; there is one before long."""
    query = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    for _ in range(TRIES):
        if (pid := await connection.fetchval(query)) is not None:
            return int(pid)
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


def full(shard: int, number: int, epoch: int = 1) -> ShardCommit:
    """A commit of a shard that writes to every table."""
    key = execution_id(number)
    return commit(
        shard=shard, epoch=epoch, histories=[history(number, 1, 2)],
        executions=[execution(number, shard=shard)], snapshots=[SnapshotRow(key, 1, b"state")],
        timers_armed=[TimerRow(shard, 5, key, "t")], rejections=[RejectionRow(shard, 4, 5, b"why")],
        dead_letters=[DeadLetterRow(0, shard, key, "shop", "command", b"item", "trace", 5)], shapes=SHAPES,
        subscriptions=[subscription(number)], lane_events=[event(number)], lanes_seen=[seen(b"%d" % number)],
        counters=[CounterRow(shard, LANE, str(number), b"1")], outbox=[message(number, shard=shard)],
        outbox_sequence=number, peers={shard: number},
    )  # fmt: skip


async def contents(connection: "Raw") -> dict[str, int]:
    """How many rows each table has that a full commit writes to."""
    tables = (
        "history", "execution", "snapshot", "timer", "rejection", "dead_letter", "shape", "subscription",
        "lane_event", "lane_seen", "counter", "outbox", "peer",
    )  # fmt: skip
    return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables}


async def test_a_batch_writes_all_of_the_shards_that_are_held_and_nothing_of_the_others(
    postgres_store: PostgresStore, other: "Raw"
) -> None:
    await postgres_store.take([0, 1, 2, 3], "a")
    await postgres_store.take([1], "b")
    batch = [full(3, 13), full(1, 11), full(0, 10), full(2, 12)]
    assert await postgres_store.commit(batch) == {0, 2, 3}
    rows = await contents(other)
    assert rows.pop("shape") == len(SHAPES)
    assert set(rows.values()) == {3}
    assert await postgres_store.last_commits() == {0: 1, 1: 0, 2: 1, 3: 1}
    assert [row.shard for row in await postgres_store.dead_letters("", 0, 9)] == [3, 0, 2]
    assert [await postgres_store.page_timers(shard, 9, None, 9) for shard in range(SHARDS)] == [
        [TimerRow(0, 5, execution_id(10), "t")],
        [],
        [TimerRow(2, 5, execution_id(12), "t")],
        [TimerRow(3, 5, execution_id(13), "t")],
    ]


async def test_a_commit_that_waits_for_a_taker_is_fenced(postgres_store: PostgresStore, other: "Raw") -> None:
    await postgres_store.take([0, 1], "a")
    async with other.transaction():
        assert [row.epoch for row in await take(other, [1], "b")] == [2]
        committing = asyncio.ensure_future(postgres_store.commit([full(0, 10), full(1, 11)]))
        await waiting(other)
    assert await committing == {0}
    rows = await contents(other)
    assert rows.pop("shape") == len(SHAPES)
    assert set(rows.values()) == {1}
    assert set(await postgres_store.load([execution_id(10), execution_id(11)])) == {execution_id(10)}
    assert [row.epoch for row in await postgres_store.shards()] == [1, 2, 0, 0]


async def test_a_taker_that_waits_for_a_commit_sees_all_of_it(
    postgres_store: PostgresStore, other: "Raw"
) -> None:
    await postgres_store.take([0], "a")
    async with other.transaction():
        assert await write_commits(other, [full(0, 10)]) == {0}
        taking = asyncio.ensure_future(postgres_store.take([0], "b"))
        await waiting(other)
    [row] = await taking
    assert (row.epoch, row.commit_number, row.outbox_sequence) == (2, 1, 10)
    assert set(await postgres_store.load([execution_id(10)])) == {execution_id(10)}
    assert await postgres_store.page_timers(0, 9, None, 9) == [TimerRow(0, 5, execution_id(10), "t")]
    assert await postgres_store.commit([full(0, 11)]) == set()


async def test_a_commit_that_breaks_off_in_the_middle_leaves_nothing_to_its_taker(
    postgres_store: PostgresStore, store_url: str, other: "Raw"
) -> None:
    await postgres_store.take([0], "a")
    dying = await asyncpg.connect(store_url)
    transaction = dying.transaction()
    await transaction.start()
    assert await write_commits(dying, [full(0, 10)]) == {0}
    taking = asyncio.ensure_future(postgres_store.take([0], "b"))
    await waiting(other)
    dying.terminate()
    [row] = await taking
    assert (row.epoch, row.commit_number) == (2, 0)
    assert set((await contents(other)).values()) == {0}


async def test_batches_that_overlap_wait_for_each_other(postgres_store: PostgresStore, other: "Raw") -> None:
    await postgres_store.take([0, 1, 2, 3], "a")
    rounds = [
        postgres_store.commit([full(shard, 4 * number + shard) for shard in order])
        for number, order in enumerate(((0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1), (1, 3, 0, 2)), 3)
    ]
    assert await asyncio.gather(*rounds) == [{0, 1, 2, 3}] * 4
    assert (await contents(other))["history"] == 16


async def test_a_connection_that_is_lost_leaves_the_outcome_open_and_the_next_goes_on(
    postgres_store: PostgresStore, other: "Raw"
) -> None:
    await postgres_store.take([0], "a")
    async with other.transaction():
        await other.execute("SELECT FROM shard WHERE id = 0 FOR UPDATE")
        committing = asyncio.ensure_future(postgres_store.commit([full(0, 10)]))
        await other.execute("SELECT pg_terminate_backend($1)", await waiting(other))
        with pytest.raises(StorageUnavailableError):
            await committing
    assert set((await contents(other)).values()) == {0}
    assert await postgres_store.commit([full(0, 10)]) == {0}


async def test_a_server_that_takes_too_long_is_unavailable(store_url: str, other: "Raw") -> None:
    store = await open_store(store_url, SHARDS, PostgresOptions(command_timeout_us=200_000))
    await store.take([0], "a")
    async with other.transaction():
        await other.execute("SELECT FROM shard WHERE id = 0 FOR UPDATE")
        with pytest.raises(StorageUnavailableError, match="in time"):
            await store.commit([full(0, 10)])
    assert await store.commit([full(0, 10)]) == {0}
    await store.close()


async def test_what_was_acknowledged_is_there_after_a_crash_of_the_server(
    postgres_server: PostgresServer, postgres_store: PostgresStore
) -> None:
    await postgres_store.take([0], "a")
    assert await postgres_store.commit([full(0, 10)]) == {0}
    postgres_server.kill()
    with pytest.raises(StorageUnavailableError):
        await postgres_store.commit([full(0, 11)])
    postgres_server.start()
    await eventually(lambda: answers(postgres_store))
    assert set(await postgres_store.load([execution_id(10), execution_id(11)])) == {execution_id(10)}
    assert await postgres_store.commit([full(0, 11)]) == {0}


async def answers(store: PostgresStore) -> bool:
    """Whether it does, which a connection does not that is just being lost."""
    with contextlib.suppress(StorageUnavailableError):
        await store.last_commits()
        return True
    return False


@pytest.mark.parametrize(
    "refused",
    [
        commit(histories=[history(1, 2**70, 2**70)]),
        commit(histories=[history(1, 1, 1), history(1, 1, 1)]),
        commit(executions=[execution(1, reason="a\0b")]),
        commit(executions=[execution(1, subject="\ud800")]),
        commit(executions=[execution(1, phase=2**31)]),
        commit(timers_armed=[TimerRow(0, 5, "no id", "t")]),
        commit(executions=[execution(1, workflow="".join(map(chr, range(300, 9_000))))]),
    ],
    ids=["long", "twice", "NUL", "surrogate", "wide", "no id", "index"],
)
async def test_data_that_cannot_be_kept_is_told_from_a_server_that_fails(
    postgres_store: PostgresStore, other: "Raw", refused: ShardCommit
) -> None:
    await postgres_store.take([0, 1], "a")
    with pytest.raises(StorageRefusedError):
        await postgres_store.commit([refused, full(1, 11)])
    assert set((await contents(other)).values()) == {0}
    assert await postgres_store.last_commits() == dict.fromkeys(range(SHARDS), 0)
    assert await postgres_store.commit([full(1, 11)]) == {1}


async def test_revisions_have_no_gap_when_many_publish_at_once(
    postgres_store: PostgresStore, store_url: str
) -> None:
    second = await open_store(store_url, SHARDS)
    row = DefinitionRow("shop", "cart", "", "digest", b"document", 7, "profile", 0, b"listens")
    published = await asyncio.gather(
        *(
            store.publish(DefinitionRow("shop", "cart", f"1.{number}.0", *_after_version(row)))
            for number in range(10)
            for store in (postgres_store, second)
        )
    )
    await second.close()
    found = await postgres_store.definitions(0)
    assert [definition.revision for definition in found] == list(range(1, 11))
    assert {definition.version: definition for definition in published} == {
        definition.version: definition for definition in found
    }


def _after_version(row: DefinitionRow) -> tuple[str, bytes, int, str, int, bytes]:
    return row.digest, row.document, row.published_at_us, row.profile, row.revision, row.listens


async def test_another_number_of_shards_is_refused(store_url: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"made with {SHARDS} shards"):
        await open_store(store_url, SHARDS + 1)


async def test_a_server_that_may_forget_is_refused_unless_that_is_wanted(store_url: str) -> None:
    weak = (("synchronous_commit", "off"),)
    with pytest.raises(StorageUnavailableError, match=r"synchronous_commit = off.*allow_weak_store"):
        await open_store(store_url, SHARDS, PostgresOptions(session=weak))
    store = await open_store(store_url, SHARDS, PostgresOptions(session=weak, allow_weak_store=True))
    await store.close()


async def test_no_error_tells_the_password(store_url: str) -> None:
    secret = "hunter2"
    host = store_url.partition("@")[2].partition("/")[0]
    for url in (
        f"postgresql://tidemill:{secret}@{host}/nowhere",
        f"postgresql://tidemill:{secret}@127.0.0.1:1/store",
        f"postgresql://tidemill:{secret}/@{host}/store",
        f"kafka://tidemill:{secret}@{host}/store",
    ):
        with pytest.raises(StorageUnavailableError) as raised:
            await open_store(url, SHARDS)
        shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value.metadata)
        assert secret not in shown
