"""All command logs pass the one suite; the embedded one also survives."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.log_suite import SHARDS, LogSuite
from tests.contract.log_topics import kafka_settings
from tidemill.engine.log.kafka.log import KafkaLog
from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.log.sqlite import TAIL_RECORDS_MAX, SqliteLog
from tidemill.storage import StorageUnavailableError


class TestMemoryLog(LogSuite):
    @pytest.fixture
    def log(self) -> MemoryLog:
        return MemoryLog(SHARDS)


class TestSqliteLog(LogSuite):
    @pytest.fixture
    async def log(self, tmp_path: Path) -> AsyncIterator[SqliteLog]:
        log = SqliteLog(tmp_path / "log.db", SHARDS)
        yield log
        await log.close()


class TestKafkaLog(LogSuite):
    @pytest.fixture
    async def log(self, kafka_bootstrap: str) -> AsyncIterator[KafkaLog]:
        log = await KafkaLog.open(kafka_settings(kafka_bootstrap))
        yield log
        await log.close()


async def test_what_was_appended_is_there_after_a_restart(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", SHARDS)
    await log.append([(0, b"a"), (0, b"b"), (1, b"c")])
    await log.trim(0, 1)
    await log.close()
    again = SqliteLog(tmp_path / "log.db", SHARDS)
    assert [(r.offset, r.data) for r in await again.read(0, 1, 10)] == [(1, b"b")]
    assert await again.append([(0, b"d")]) == [2]
    await again.close()


async def test_reads_behind_the_tail_come_from_the_file(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", SHARDS)
    count = TAIL_RECORDS_MAX + 10
    await log.append([(0, b"%d" % number) for number in range(count)])
    records = await log.read(0, 0, count)
    assert [record.data for record in records[:3]] == [b"0", b"1", b"2"]
    await log.close()


async def test_a_full_disk_refuses_and_appends_nothing(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", SHARDS, page_count_max=12)
    with pytest.raises(StorageUnavailableError):
        await log.append([(0, b"x" * 100_000)])
    assert await log.append([(0, b"small")]) == [0]
    await log.close()


async def test_a_damaged_file_is_refused_clearly(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = SqliteLog(path, SHARDS)
    await log.append([(0, b"x" * 5000)] * 20)
    await log.close()
    data = bytearray(path.read_bytes())
    data[4096 : 4096 * 4] = b"\xff" * (4096 * 3)
    path.write_bytes(data)
    with pytest.raises(StorageUnavailableError, match=r"log\.db"):
        SqliteLog(path, SHARDS)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(StorageUnavailableError, match="not a database"):
        SqliteLog(path, SHARDS)


async def test_appends_are_synced_by_every_commit(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", SHARDS)
    pragma = await log._thread.read(lambda connection: connection.execute("PRAGMA synchronous").fetchone()[0])
    mode = await log._thread.read(lambda connection: connection.execute("PRAGMA journal_mode").fetchone()[0])
    assert (pragma, mode) == (2, "wal")
    await log.close()


def test_this_sqlite_has_what_the_store_needs() -> None:
    assert sqlite3.sqlite_version_info >= (3, 35)  # RETURNING
