"""The audits of both stores pass the one suite; files are read beside their process, or refused clearly."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.audit_suite import HOUR, AuditSuite, Open, filled
from tests.contract.log_topics import kafka_settings
from tests.contract.store_suite import SHARDS, execution_id
from tests.waiting import eventually
from tidemill.engine.audit.kept import Kept
from tidemill.engine.audit.log_files import LogFiles
from tidemill.engine.audit.log_kafka import LogTopic
from tidemill.engine.audit.port import AuditStore
from tidemill.engine.log.kafka.log import KafkaLog
from tidemill.engine.log.port import LogGapError, LogRecord
from tidemill.engine.log.sqlite import SqliteLog
from tidemill.engine.store.postgres.audit import PostgresAudit
from tidemill.engine.store.postgres.store import PostgresStore
from tidemill.engine.store.retention import RetentionTerms
from tidemill.engine.store.sqlite.audit import SqliteAudit
from tidemill.engine.store.sqlite.store import SqliteStore
from tidemill.storage import StorageUnavailableError


class TestSqliteAudit(AuditSuite):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SqliteStore]:
        store = SqliteStore(tmp_path / "state.db", SHARDS)
        yield store
        await store.close()

    @pytest.fixture
    def audit(self, tmp_path: Path) -> Open:
        async def open_audit() -> AuditStore:
            return SqliteAudit(tmp_path / "state.db")

        return open_audit


class TestPostgresAudit(AuditSuite):
    @pytest.fixture
    def store(self, postgres_store: PostgresStore) -> PostgresStore:
        return postgres_store

    @pytest.fixture
    def audit(self, store_url: str) -> Open:
        async def open_audit() -> AuditStore:
            return await PostgresAudit.open(store_url)

        return open_audit

    async def test_partitions_say_how_far_history_goes_back(self, store: PostgresStore, audit: Open) -> None:
        await store.prepare_history(100 * HOUR, HOUR)
        view = await audit()
        assert await view.kept(RetentionTerms(), 200 * HOUR) == Kept(100 * HOUR, False)
        await view.close()
        # What is from before the oldest partition shows that none was dropped.
        await filled(store)
        whole = await audit()
        assert await whole.kept(RetentionTerms(), 200 * HOUR) == Kept(0, False)
        await whole.close()


def test_files_are_only_read(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableError, match=r"state\.db"):
        SqliteAudit(tmp_path / "state.db")
    assert list(tmp_path.iterdir()) == []


async def test_tables_of_another_release_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    await SqliteStore(path, SHARDS).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(StorageUnavailableError, match="version 1 of the tables"):
        SqliteAudit(path)


async def test_more_values_than_one_statement_takes_are_asked_about(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db", SHARDS)
    await filled(store)
    audit = SqliteAudit(tmp_path / "state.db")
    wanted = [execution_id(number) for number in range(20_000)]
    assert len(await audit.phases(wanted)) == 5
    await audit.close()
    await store.close()


async def test_the_log_is_read_beside_its_writer(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", SHARDS)
    await log.append([(1, b"a"), (1, b"b"), (0, b"c")])
    read = LogFiles(tmp_path / "log.db")
    await log.append([(1, b"later")])
    await log.trim(1, 1)
    extent = (await read.extents())[1]
    assert (extent.first, extent.next) == (0, 2)
    assert [record.data for record in await read.read(1, 0, 9)] == [b"a", b"b"]
    assert [record.offset for record in await read.read(1, 1, 9)] == [1]
    assert await read.read(1, 2, 9) == []
    with pytest.raises(LogGapError):
        await read.read(1, 3, 9)
    await read.close()
    again = LogFiles(tmp_path / "log.db")
    with pytest.raises(LogGapError):
        await again.read(1, 0, 9)
    await again.close()
    await log.close()


async def test_shards_in_kafka_are_read_one_by_one_without_a_wait_for_more(kafka_bootstrap: str) -> None:
    """However long the engines' own fetches wait for what is not there yet."""
    settings = kafka_settings(kafka_bootstrap, shards=32, log_fetch_wait_us=2_000_000)
    log = await KafkaLog.open(settings)
    await log.append([(shard, b"a") for shard in range(settings.shards)])
    read = await LogTopic.open(settings)
    found: list[LogRecord] = []

    async def complete() -> bool:
        found.extend(await read.read(len(found), 0, 9))
        return len(found) == settings.shards

    await eventually(complete, seconds=10)
    assert [(record.shard, record.data) for record in found] == [(shard, b"a") for shard in range(32)]
    await read.close()
    await log.close()
