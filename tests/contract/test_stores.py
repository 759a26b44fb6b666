"""All stores pass the one suite; the embedded one also survives, refuses clearly, and is fenced for real."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.following_suite import FollowingSuite
from tests.contract.lane_suite import LaneSuite
from tests.contract.membership_suite import MembershipSuite, MovedClock
from tests.contract.retention_suite import RetentionSuite
from tests.contract.store_databases import PassedTime
from tests.contract.store_suite import SHARDS, StoreSuite, commit, execution, execution_id, history
from tidemill.clock import ManualClock
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.postgres.store import PostgresStore
from tidemill.engine.store.sqlite.store import SqliteStore
from tidemill.storage import StorageRefusedError, StorageUnavailableError


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def time(clock: ManualClock) -> MovedClock:
    return MovedClock(clock)


class TestMemoryStore(StoreSuite, LaneSuite, FollowingSuite, MembershipSuite, RetentionSuite):
    @pytest.fixture
    def store(self, clock: ManualClock) -> MemoryStore:
        return MemoryStore(SHARDS, clock)


class TestSqliteStore(StoreSuite, LaneSuite, FollowingSuite, MembershipSuite, RetentionSuite):
    @pytest.fixture
    async def store(self, tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
        store = SqliteStore(tmp_path / "state.db", SHARDS, clock=clock)
        yield store
        await store.close()


class TestPostgresStore(StoreSuite, LaneSuite, FollowingSuite, MembershipSuite, RetentionSuite):
    @pytest.fixture
    def store(self, postgres_store: PostgresStore) -> PostgresStore:
        return postgres_store

    @pytest.fixture
    def time(self) -> PassedTime:
        return PassedTime()


async def test_what_was_committed_is_there_after_a_restart(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db", SHARDS)
    await store.take([0], "a")
    await store.commit([commit(histories=[history(1, 1, 2)], executions=[execution(1)])])
    await store.close()
    again = SqliteStore(tmp_path / "state.db", SHARDS)
    assert set(await again.load([execution_id(1)])) == {execution_id(1)}
    assert (await again.take([0], "b"))[0].epoch == 2
    await again.close()


async def test_two_connections_are_fenced_against_each_other(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "state.db", SHARDS)
    second = SqliteStore(tmp_path / "state.db", SHARDS)
    await first.take([0], "a")
    await second.take([0], "b")
    assert await first.commit([commit(epoch=1, histories=[history(1, 1, 1)])]) == set()
    assert await second.commit([commit(epoch=2, histories=[history(1, 1, 1)])]) == {0}
    await first.close()
    await second.close()


async def test_a_full_disk_refuses_the_whole_batch(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db", SHARDS, page_count_max=60)
    await store.take([0], "a")
    big = history(1, 1, 1, b"x" * 400_000)
    with pytest.raises(StorageUnavailableError, match="full"):
        await store.commit([commit(histories=[history(2, 1, 1), big])])
    assert await store.load([execution_id(1), execution_id(2)]) == {}
    assert await store.commit([commit(histories=[history(2, 1, 1)])]) == {0}
    await store.close()


async def test_data_that_the_file_cannot_hold_is_told_from_a_disk_that_fails(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db", SHARDS)
    await store.take([0], "a")
    with pytest.raises(StorageRefusedError):
        await store.commit([commit(histories=[history(1, 2**70, 2**70)])])
    with pytest.raises(StorageRefusedError):
        await store.commit([commit(histories=[history(1, 1, 1), history(1, 1, 1)])])
    assert await store.load([execution_id(1)]) == {}
    await store.close()


async def test_a_damaged_file_is_refused_clearly(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = SqliteStore(path, SHARDS)
    await store.close()
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    path.write_bytes(data)
    with pytest.raises(StorageUnavailableError, match=r"state\.db"):
        SqliteStore(path, SHARDS)
