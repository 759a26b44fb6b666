"""SQLite as the services use it: each commit fsynced, one writer thread a file, waiting writes share one."""

import asyncio
import contextlib
import os
import queue
import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, TypeAlias, TypeVar

from tidemill.errors import TidemillError
from tidemill.storage import StorageRefusedError, StorageUnavailableError

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

# Above this size a check of the whole file would hold up the start; SQLite still notices damage as it reads.
INTEGRITY_CHECK_BYTES_MAX: Final = 256 * 1024 * 1024
GROUP_JOBS_MAX: Final = 1024
# Few sizes, so that prepared statements are found again.
ROWS_A_STATEMENT: Final = (256, 64, 16, 4, 1)
WAL_AUTOCHECKPOINT_PAGES: Final = 4096
_PAGE_BYTES: Final = 4096
# What a checkpoint leaves of the write-ahead log: its header, and the pages with a header each.
WAL_BYTES: Final = 32 + WAL_AUTOCHECKPOINT_PAGES * (24 + _PAGE_BYTES)
# The log is laid out only where the disk has room for so many of it.
_WAL_ROOM: Final = 20
CACHE_KIBIBYTES: Final = 65_536
# For the schema of a connection that appends alone, or reads what the system's cache has: it needs few pages.
SMALL_CACHE: Final = "PRAGMA cache_size = -8192;"
BUSY_TIMEOUT_SECONDS: Final = 10.0
# What SQLite answers when the data itself is at fault, rather than the disk or the file.
_DATA_ERRORS: Final = (
    sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.InterfaceError,
    OverflowError, UnicodeError, TypeError, ValueError,
)  # fmt: skip


def open_database(
    path: Path, *, part: str, schema: str, page_count_max: int = 0, verify: bool = True
) -> sqlite3.Connection:
    """Open or create the file with durable settings and bring its tables into being.

    Raises StorageUnavailableError when the file is damaged, is no database, or cannot be opened.
    `page_count_max` bounds the file's size in pages (0: none), for tests of a full disk; `verify` looks
    through the file for damage and lays out its log, which a second connection of the same process need not
    repeat.
    """
    try:
        connection = sqlite3.connect(
            path,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_TIMEOUT_SECONDS,
            cached_statements=256,
        )
        _configure(connection, page_count_max)
        if verify:
            if path.stat().st_size <= INTEGRITY_CHECK_BYTES_MAX:
                _check_integrity(connection)
            lay_out_wal(path)
        connection.executescript(schema)
    except sqlite3.Error as error:
        raise StorageUnavailableError(part, f"{path.name}: {error}") from error
    return connection


def open_read_only(path: Path, *, part: str) -> sqlite3.Connection:
    """Open a file that another process may be writing, as it is now: one long read transaction.

    Raises StorageUnavailableError.
    """
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        connection.execute("BEGIN")
        # The transaction begins with the first read.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        raise StorageUnavailableError(part, f"{path.name}: {error}") from error
    return connection


def _configure(connection: sqlite3.Connection, page_count_max: int) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_AUTOCHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
    connection.execute("PRAGMA temp_store = MEMORY")
    if page_count_max:
        connection.execute(f"PRAGMA max_page_count = {page_count_max}")


def lay_out_wal(path: Path) -> None:
    """Give the database's write-ahead log its full size on the disk, as far as there is room.

    A commit that makes a file longer has the file system sync its own journal as well, which takes several
    times as long as one that overwrites. Behind the last frame whose checksum and salt are right, nothing
    counts (SQLite's file format, "The WAL File Format"), so that zeros may stand there.
    """
    wal = path.with_name(f"{path.name}-wal")
    # Nothing here is needed for the data, and a disk that refuses is met again where it is.
    with contextlib.suppress(OSError), wal.open("ab") as file:
        size = file.tell()
        if size >= WAL_BYTES or shutil.disk_usage(path.parent).free < _WAL_ROOM * WAL_BYTES:
            return
        try:
            file.write(bytes(WAL_BYTES - size))
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            file.truncate(size)
            raise


def _check_integrity(connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"the file is damaged: {verdict}")


def insert_many(
    connection: sqlite3.Connection, into: str, rows: Sequence[tuple[object, ...]], suffix: str = ""
) -> None:
    """Run `{into} VALUES (...), (...) {suffix}` for all rows, in few statements.

    `executemany` hands the interpreter over once a row, and waits for it each time while the loop is busy.
    """
    done = 0
    while done < len(rows):
        left = len(rows) - done
        count = next(size for size in ROWS_A_STATEMENT if size <= left)
        chunk = rows[done : done + count]
        marks = f"({','.join('?' * len(chunk[0]))})"
        sql = f"{into} VALUES {','.join([marks] * count)} {suffix}"
        connection.execute(sql, [value for row in chunk for value in row])
        done += count


def delete_many(
    connection: sqlite3.Connection, table: str, columns: str, keys: Sequence[tuple[object, ...]]
) -> None:
    """Delete the rows of these keys, in few statements; `columns` are those of an index.

    Bare VALUES after IN would have SQLite go through the whole table.
    """
    insert_many(connection, f"DELETE FROM {table} WHERE ({columns}) IN (SELECT * FROM (", keys, "))")


@dataclass(slots=True)
class _Pending(Generic[T]):
    job: Job[T]
    future: asyncio.Future[T]
    write: bool


@dataclass(slots=True)
class _Executed:
    """Jobs whose statements have run in a transaction that is still open, and what they gave."""

    group: list[_Pending[Any]]
    results: list[Any]


# To whom an answer goes, and what it is: a result or an error.
_Answer: TypeAlias = tuple[asyncio.Future[Any], Any, Exception | None]
_Answers: TypeAlias = list[_Answer]


class SqliteThread:
    """Runs jobs on one connection in the order they came; one thread waits for the disk.

    Jobs that write and wait together share one transaction and so one fsync; each is answered after it. When
    one of them fails, the group is rolled back and each runs again alone: only the offender fails. Answers
    come in the order of the jobs.
    """

    def __init__(self, connection: sqlite3.Connection, *, part: str) -> None:
        self._connection = connection
        self._part = part
        self._queue: queue.SimpleQueue[_Pending[Any] | _Executed | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        # Short jobs of this turn of the event loop.
        self._gathered: list[_Pending[Any]] = []
        # How many jobs the thread has and has not answered; the connection is the loop's while it has none.
        self._under_way = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"sqlite-{part}", daemon=True)
        self._thread.start()

    async def commit(self, job: Job[T]) -> T:
        """Run a job of a few short statements inside a transaction; returns when it is on disk.

        Its statements run in the event loop, once those who call in the same turn have come too, and only the
        disk is waited for in the thread: a thread would ask for the interpreter at each statement, and wait
        for it as long as the loop is busy. Raises as `write` does.
        """
        if self._closed:
            raise StorageUnavailableError(self._part, "it is closed")
        if not self._gathered:
            self._loop.call_soon(self._execute_gathered)
        future: asyncio.Future[T] = self._loop.create_future()
        self._gathered.append(_Pending(job, future, write=True))
        return await future

    async def write(self, job: Job[T]) -> T:
        """Run the job inside a transaction in the thread; returns when it is on disk.

        Raises StorageRefusedError (bad data), StorageUnavailableError (disk or file), or what the job raised.
        """
        return await self._submit(job, write=True)

    async def read(self, job: Job[T]) -> T:
        """Run the job outside a transaction, after all that was submitted before it."""
        return await self._submit(job, write=False)

    async def close(self) -> None:
        """Finish what waits, then close the connection."""
        if not self._closed:
            self._execute_gathered()
            self._closed = True
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)

    def _submit(self, job: Job[T], *, write: bool) -> asyncio.Future[T]:
        if self._closed:
            raise StorageUnavailableError(self._part, "it is closed")
        self._execute_gathered()
        future: asyncio.Future[T] = self._loop.create_future()
        self._put(_Pending(job, future, write))
        return future

    def _put(self, pending: _Pending[Any]) -> None:
        self._under_way += 1
        self._queue.put(pending)

    def _execute_gathered(self) -> None:
        """Run the short jobs that have come, here where the thread has no job, and have it commit them."""
        group, self._gathered = self._gathered, []
        if self._under_way == 0 and group:
            # Any failure is found again in the thread, by its own job alone.
            with contextlib.suppress(Exception):
                self._queue.put(_Executed(group, self._execute(group)))
                self._under_way += len(group)
                return
        for pending in group:
            self._put(pending)

    def _commit(self, executed: _Executed) -> _Answers:
        """Commit what the loop has executed; a commit that fails is found again by each job alone."""
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            self._roll_back()
            return self._run_each(executed.group)
        return _answers(executed.group, executed.results)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            if isinstance(first, _Executed):
                self._deliver(self._commit(first))
                continue
            group = [first]
            stopped = self._fill(group)
            self._deliver(self._run_group(group))
            if stopped:
                break
        self._connection.close()

    def _fill(self, group: list[_Pending[Any]]) -> bool:
        """Add what waits behind the first, as far as it can share a transaction; True when told to stop."""
        while group[-1].write and len(group) < GROUP_JOBS_MAX:
            try:
                pending = self._queue.get_nowait()
            except queue.Empty:
                return False
            if pending is None:
                return True
            assert isinstance(pending, _Pending), "the loop executes only while the thread has no job"
            group.append(pending)
        return False

    def _run_group(self, group: list[_Pending[Any]]) -> _Answers:
        writes = [pending for pending in group if pending.write]
        answers = self._run_writes(writes) if writes else []
        for pending in group[len(writes) :]:
            answers.append(self._attempt(pending, partial(pending.job, self._connection)))
        return answers

    def _run_writes(self, writes: list[_Pending[Any]]) -> _Answers:
        if len(writes) > 1:
            # Any failure is found again, by its own job alone, in the second pass.
            with contextlib.suppress(Exception):
                return _answers(writes, self._transact(writes))
        return self._run_each(writes)

    def _run_each(self, writes: list[_Pending[Any]]) -> _Answers:
        return [self._attempt(pending, partial(self._transact_one, pending)) for pending in writes]

    def _transact_one(self, pending: _Pending[Any]) -> object:
        return self._transact([pending])[0]

    def _transact(self, writes: list[_Pending[Any]]) -> list[Any]:
        results = self._execute(writes)
        try:
            self._connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return results

    def _execute(self, writes: list[_Pending[Any]]) -> list[Any]:
        """Run the jobs in a transaction that stays open; one that raises ends it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            return [pending.job(self._connection) for pending in writes]
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _attempt(self, pending: _Pending[Any], run: Callable[[], Any]) -> _Answer:
        try:
            return pending.future, run(), None
        except TidemillError as error:
            return pending.future, None, error
        except _DATA_ERRORS as error:
            return pending.future, None, StorageRefusedError(self._part, f"{type(error).__name__}: {error}")
        except sqlite3.Error as error:
            return pending.future, None, StorageUnavailableError(self._part, str(error))
        except Exception as error:  # a bug in a job must reach its caller, not end the thread
            return pending.future, None, error

    def _deliver(self, answers: _Answers) -> None:
        # The loop may be gone at the end of the process; nobody is left to be told then.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._delivered, answers)

    def _delivered(self, answers: _Answers) -> None:
        self._under_way -= len(answers)
        _resolve(answers)


def _answers(group: list[_Pending[Any]], results: list[Any]) -> _Answers:
    return [(pending.future, result, None) for pending, result in zip(group, results, strict=True)]


def _resolve(answers: _Answers) -> None:
    for future, result, error in answers:
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
