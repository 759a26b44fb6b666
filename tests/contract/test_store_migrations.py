"""Files of former releases are brought up to date in place; files of later ones are left alone."""

import sqlite3
from pathlib import Path

import pytest

from tests.contract.store_suite import commit, execution, execution_id, history, turned_id
from tidemill.engine.store.packing import pack_id
from tidemill.engine.store.rows import DefinitionRow, HistoryRow, ShardRow, StoredExecution, TimerRow
from tidemill.engine.store.sqlite.migration import migrate, steps
from tidemill.engine.store.sqlite.store import SqliteStore
from tidemill.storage import StorageUnavailableError, StoreTooNewError

UNNUMBERED = Path(__file__).with_name("unnumbered_state.sql").read_text()
SHARDS = 2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file as the first release left it."""
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    connection.executescript(UNNUMBERED)
    connection.close()
    return path


def shape_of(path: Path) -> list[tuple[object, ...]]:
    """The version of a file's tables, and all their columns and indexes."""
    connection = sqlite3.connect(path)
    try:
        version = connection.execute("PRAGMA user_version").fetchall()
        columns = connection.execute(
            'SELECT t.name, c.name, c.type, c."notnull", c.dflt_value, c.pk FROM sqlite_schema t '
            "JOIN pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY 1, c.cid"
        ).fetchall()
        indexes = connection.execute(
            "SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' ORDER BY 1"
        ).fetchall()
    finally:
        connection.close()
    return [*version, *columns, *indexes]


async def test_what_the_first_release_wrote_is_all_there(path: Path) -> None:
    store = SqliteStore(path, SHARDS)
    number = 0xF1
    rows = [HistoryRow(execution_id(number), 1, 2, 4, b"a"), HistoryRow(execution_id(number), 3, 3, 5, b"b")]
    assert await store.load([execution_id(number)]) == {execution_id(number): StoredExecution(None, rows)}
    row = execution(number, shard=1, started_at_us=1000, sequence=3)
    assert await store.get([execution_id(number)]) == {execution_id(number): row}
    assert await store.definitions(0) == [
        DefinitionRow("shop", "cart", "1.0.0", "digest", b"{}", 7, "profile", 1, b"")
    ]
    assert await store.page_timers(1, 100, None, 9) == [TimerRow(1, 99, execution_id(number), "t")]
    assert [letter.namespace for letter in await store.dead_letters("", 0, 9)] == ["shop"]
    assert await store.rejection(0, 7) is not None
    assert await store.take([0, 1], "b") == [
        ShardRow(0, 4, 12, 70, 9, 0, "b"),
        ShardRow(1, 4, 4, 71, 5, 0, "b"),
    ]
    await store.close()


async def test_timers_and_histories_are_found_whatever_the_hash_of_their_lane(path: Path) -> None:
    ids = [turned_id(number) for number in (1, 2)]
    connection = sqlite3.connect(path)
    for key in map(pack_id, ids):
        connection.execute("INSERT INTO timer VALUES (0, 50, ?, 'u')", (key,))
        connection.execute("INSERT INTO history VALUES (?, 1, 1, 3, x'63')", (key,))
    connection.commit()
    connection.close()
    store = SqliteStore(path, SHARDS)
    assert await store.page_timers(0, 100, None, 9) == [TimerRow(0, 50, key, "u") for key in ids]
    stored = await store.load(ids)
    assert [stored[key].history for key in ids] == [[HistoryRow(key, 1, 1, 3, b"c")] for key in ids]
    await store.take([0], "b")
    assert await store.commit([commit(epoch=4, timers_gone=[(ids[0], "u")])]) == {0}
    assert await store.page_timers(0, 100, None, 9) == [TimerRow(0, 50, ids[1], "u")]
    await store.close()


async def test_commits_of_the_first_release_can_be_followed_by_shard(path: Path) -> None:
    store = SqliteStore(path, SHARDS)
    await store.take([1], "b")
    assert await store.commit([commit(epoch=4, shard=1, commit_number=6, histories=[history(9, 1, 1)])]) == {
        1
    }
    assert await store.page_commits(0, 0, 9) == []
    assert [row.data for row in await store.page_commits(1, 1, 9)] == [b"a", b"b"]
    await store.close()


async def test_a_migrated_file_has_the_tables_of_a_new_one(path: Path, tmp_path: Path) -> None:
    for migrated in (path, path, tmp_path / "new.db"):
        await SqliteStore(migrated, SHARDS).close()
    assert shape_of(path) == shape_of(tmp_path / "new.db")
    assert shape_of(path)[0] == (len(steps()),)


async def test_a_file_of_a_later_release_is_refused_and_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(steps()) + 1}")
    connection.close()
    before = shape_of(path)
    known = len(steps())
    with pytest.raises(
        StoreTooNewError, match=rf"state\.db has version {known + 1}.*up to {known}.*later one"
    ):
        SqliteStore(path, SHARDS)
    assert shape_of(path) == before


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    before = shape_of(path)
    connection = sqlite3.connect(path, isolation_level=None)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(StorageUnavailableError, match=r"state\.db.*full"):
        migrate(connection, path)
    connection.close()
    assert shape_of(path) == before
