"""SQLite under the services: durable, grouped, and honest about whose fault a failure is."""

import asyncio
import shutil
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tidemill.sqlite import (
    WAL_AUTOCHECKPOINT_PAGES,
    WAL_BYTES,
    SqliteThread,
    delete_many,
    insert_many,
    open_database,
)
from tidemill.storage import StorageRefusedError, StorageUnavailableError

SCHEMA = "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"


@pytest.fixture
async def thread(tmp_path: Path) -> AsyncIterator[SqliteThread]:
    thread = SqliteThread(open_database(tmp_path / "t.db", part="test", schema=SCHEMA), part="test")
    yield thread
    await thread.close()


def insert(number: int, text: str | None = "x") -> "InsertJob":
    return InsertJob(number, text)


class InsertJob:
    """A write that counts how often it ran."""

    def __init__(self, number: int, text: str | None) -> None:
        self.row = (number, text)
        self.runs = 0

    def __call__(self, connection: sqlite3.Connection) -> int:
        self.runs += 1
        connection.execute("INSERT INTO t VALUES (?, ?)", self.row)
        return self.row[0]


async def count(thread: SqliteThread) -> int:
    rows: int = await thread.read(
        lambda connection: connection.execute("SELECT count(*) FROM t").fetchone()[0]
    )
    return rows


# Both ways to write: all of it in the thread, or there the commit alone.
Way = Callable[[SqliteThread], Callable[["InsertJob"], Awaitable[int]]]
WAYS = [
    pytest.param(lambda thread: thread.write, id="write"),
    pytest.param(lambda thread: thread.commit, id="commit"),
]


@pytest.mark.parametrize("way", WAYS)
async def test_writes_that_wait_together_each_get_their_answer(thread: SqliteThread, way: Way) -> None:
    answers = await asyncio.gather(*(way(thread)(insert(number)) for number in range(300)))
    assert answers == list(range(300))
    assert await count(thread) == 300


@pytest.mark.parametrize("way", WAYS)
async def test_one_bad_write_of_a_group_fails_alone(thread: SqliteThread, way: Way) -> None:
    jobs = [insert(1), insert(2, None), insert(3)]
    answers = await asyncio.gather(*(way(thread)(job) for job in jobs), return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, StorageRefusedError, int]
    assert await count(thread) == 2


async def test_short_writes_run_where_no_other_thread_has_the_connection(thread: SqliteThread) -> None:
    ran_in: list[threading.Thread] = []

    def job(connection: sqlite3.Connection) -> None:
        ran_in.append(threading.current_thread())

    await thread.commit(job)
    writing = asyncio.ensure_future(thread.write(insert(1)))
    await asyncio.sleep(0)
    await thread.commit(job)
    await writing
    assert ran_in[0] is threading.main_thread()
    assert ran_in[1] is not threading.main_thread()


async def test_answers_come_in_the_order_of_the_jobs_however_they_were_run(thread: SqliteThread) -> None:
    order: list[int] = []

    async def write(way: Callable[[InsertJob], Awaitable[int]], number: int) -> None:
        order.append(await way(insert(number)))

    # The first runs in the loop; the others find the connection taken, and run in the thread.
    writing = []
    for number, way in enumerate((thread.commit, thread.commit, thread.write, thread.commit)):
        writing.append(asyncio.create_task(write(way, number)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    # All are answered before the loop gets round to any of them.
    time.sleep(0.2)  # noqa: ASYNC251
    await asyncio.gather(*writing)
    assert order == [0, 1, 2, 3]


async def test_a_commit_that_fails_is_found_by_each_job_alone(thread: SqliteThread) -> None:
    # A deferred constraint is looked at by COMMIT, after every statement has succeeded.
    await thread.read(
        lambda connection: connection.executescript(
            "PRAGMA foreign_keys = ON; CREATE TABLE part (of REFERENCES t DEFERRABLE INITIALLY DEFERRED);"
        )
    )

    def part_of(number: int) -> Callable[[sqlite3.Connection], int]:
        return lambda connection: connection.execute("INSERT INTO part VALUES (?)", (number,)).rowcount

    answers = await asyncio.gather(
        thread.commit(insert(1)), thread.commit(part_of(1)), thread.commit(part_of(2)), return_exceptions=True
    )
    assert list(answers[:2]) == [1, 1]
    assert isinstance(answers[2], StorageRefusedError)
    assert await count(thread) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_read_sees_the_writes_before_it(thread: SqliteThread, way: Way) -> None:
    writing = asyncio.ensure_future(way(thread)(insert(1)))
    await asyncio.sleep(0)
    assert await count(thread) == 1
    await writing


@pytest.mark.parametrize("way", WAYS)
async def test_what_a_job_raises_reaches_its_caller(thread: SqliteThread, way: Way) -> None:
    class Broken(InsertJob):
        def __call__(self, connection: sqlite3.Connection) -> int:
            super().__call__(connection)
            raise LookupError("a bug")

    with pytest.raises(LookupError, match="a bug"):
        await way(thread)(Broken(1, "x"))
    assert await way(thread)(insert(1)) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_write_whose_caller_has_gone_away_is_written(thread: SqliteThread, way: Way) -> None:
    writing = asyncio.ensure_future(way(thread)(insert(1)))
    await asyncio.sleep(0)
    writing.cancel()
    assert await count(thread) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_closed_thread_refuses(thread: SqliteThread, way: Way) -> None:
    await thread.close()
    with pytest.raises(StorageUnavailableError, match="closed"):
        await way(thread)(insert(1))


@pytest.mark.parametrize("way", WAYS)
async def test_closing_finishes_what_waits(tmp_path: Path, way: Way) -> None:
    thread = SqliteThread(open_database(tmp_path / "t.db", part="test", schema=SCHEMA), part="test")
    writing = [asyncio.ensure_future(way(thread)(insert(number))) for number in range(20)]
    await asyncio.sleep(0)
    await thread.close()
    assert await asyncio.gather(*writing) == list(range(20))


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 255, 256, 700])
def test_many_rows_are_written_whatever_their_number(rows: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(SCHEMA)
    insert_many(connection, "INSERT INTO t", [(number, str(number)) for number in range(rows)])
    assert connection.execute("SELECT count(*) FROM t").fetchone()[0] == rows
    connection.close()


def test_many_rows_may_replace_what_is_there() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(SCHEMA)
    insert_many(connection, "INSERT INTO t", [(1, "a"), (2, "b")])
    insert_many(
        connection,
        "INSERT INTO t",
        [(2, "c"), (3, "d")],
        "ON CONFLICT (id) DO UPDATE SET text = excluded.text",
    )
    assert connection.execute("SELECT text FROM t ORDER BY id").fetchall() == [("a",), ("c",), ("d",)]
    connection.close()


def test_many_rows_go_by_their_keys() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(SCHEMA)
    insert_many(connection, "INSERT INTO t", [(number, str(number)) for number in range(300)])
    delete_many(connection, "t", "id", [(number,) for number in range(1, 400)])
    assert connection.execute("SELECT text FROM t").fetchall() == [("0",)]
    delete_many(connection, "t", "id", [])
    delete_many(connection, "t", "id, text", [(0, "1")])
    assert connection.execute("SELECT text FROM t").fetchall() == [("0",)]
    connection.close()


def open_file(path: Path) -> sqlite3.Connection:
    return open_database(path, part="tests", schema="CREATE TABLE IF NOT EXISTS item (name TEXT);")


def wal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def test_commits_never_make_the_log_longer(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    connection = open_file(path)
    assert wal_of(path).stat().st_size == WAL_BYTES
    for number in range(WAL_AUTOCHECKPOINT_PAGES + 500):
        connection.execute("INSERT INTO item VALUES (?)", (f"{number} {'x' * 2000}",))
    # The commit that reaches the limit of a checkpoint may be a few pages over it.
    assert wal_of(path).stat().st_size < WAL_BYTES * 1.01
    connection.close()


def test_what_a_crash_left_in_the_log_is_read_from_a_log_that_is_laid_out_anew(tmp_path: Path) -> None:
    path, crashed = tmp_path / "file.db", tmp_path / "crashed.db"
    connection = open_file(path)
    connection.execute("INSERT INTO item VALUES ('kept')")
    frames = wal_of(path).read_bytes().rstrip(b"\0")
    # The file and its log as a crash would leave them, the log as short as it can be.
    shutil.copy(path, crashed)
    wal_of(crashed).write_bytes(frames + bytes(-(len(frames) - 32) % (24 + 4096)))
    again = open_file(crashed)
    assert again.execute("SELECT name FROM item").fetchall() == [("kept",)]
    assert wal_of(crashed).stat().st_size == WAL_BYTES
    again.execute("INSERT INTO item VALUES ('later')")
    again.close()
    connection.close()
    assert open_file(crashed).execute("SELECT name FROM item").fetchall() == [("kept",), ("later",)]


def test_a_disk_that_has_little_room_keeps_it_for_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = WAL_BYTES * 10
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    path = tmp_path / "file.db"
    connection = open_file(path)
    assert wal_of(path).stat().st_size < WAL_BYTES
    connection.close()
