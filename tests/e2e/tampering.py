"""Ways to spoil what a stack has stored, each the trace of a fault that must never happen."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tidemill.api.events.v1.history_pb2 import HistoryBatch

EXPECTED_WORKFLOW = "every-kind"
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Files:
    """The files of a stack, open for writing."""

    store: sqlite3.Connection
    log: sqlite3.Connection
    ledger: sqlite3.Connection

    def one(self, sql: str, *arguments: object) -> tuple[object, ...]:
        """The first row of a query of the store."""
        row: tuple[object, ...] = self.store.execute(sql, arguments).fetchone()
        assert row is not None, sql
        return row

    def history(self) -> Iterator[tuple[int, int, HistoryBatch]]:
        """Row number, shard and batch of each row of history, by shard and commit."""
        rows = self.store.execute(
            "SELECT rowid, shard, data FROM history ORDER BY shard, commit_number, rowid"
        )
        for rowid, shard, data in rows.fetchall():
            yield rowid, shard, HistoryBatch.FromString(data)

    def write(self, rowid: int, batch: HistoryBatch) -> None:
        """Put another batch in the place of a row's."""
        data = batch.SerializeToString()
        self.store.execute("UPDATE history SET data = ? WHERE rowid = ?", (data, rowid))


def tamper(data: Path, how: Callable[[Files], None]) -> None:
    """Spoil the files below a directory."""
    store, log = data / "engine" / "state.db", data / "engine" / "log.db"
    with (
        closing(sqlite3.connect(store)) as state,
        closing(sqlite3.connect(log)) as records,
        closing(sqlite3.connect(data / "actions" / "ledger.db")) as ledger,
    ):
        how(Files(state, records, ledger))
        for connection in (state, records, ledger):
            connection.commit()


def _victim(files: Files) -> object:
    (execution_id,) = files.one(
        "SELECT execution_id FROM execution WHERE workflow = ? AND closed_at_us > 0", EXPECTED_WORKFLOW
    )
    return execution_id


def _delete_row(files: Files, order: str, skip: int) -> None:
    files.store.execute(
        "DELETE FROM history WHERE rowid = (SELECT rowid FROM history WHERE execution_id = ? "
        f"ORDER BY sequence {order} LIMIT 1 OFFSET {skip})",
        (_victim(files),),
    )


def middle_row_is_gone(files: Files) -> None:
    _delete_row(files, "ASC", 3)


def first_row_is_gone(files: Files) -> None:
    _delete_row(files, "ASC", 0)


def last_row_is_gone(files: Files) -> None:
    _delete_row(files, "DESC", 0)


def _two_logged(files: Files) -> tuple[tuple[int, HistoryBatch], tuple[int, HistoryBatch]]:
    """Two rows of one shard that begin with commands of the log."""
    held: dict[int, tuple[int, HistoryBatch]] = {}
    for rowid, shard, batch in files.history():
        if batch.causes[0].WhichOneof("source") != "log_offset":
            continue
        if shard in held:
            return held[shard], (rowid, batch)
        held[shard] = (rowid, batch)
    raise LookupError("no shard has applied two commands")


def causes_are_swapped(files: Files) -> None:
    (one, first), (other, second) = _two_logged(files)
    offsets = first.causes[0].log_offset, second.causes[0].log_offset
    second.causes[0].log_offset, first.causes[0].log_offset = offsets
    files.write(one, first)
    files.write(other, second)


def command_is_applied_twice(files: Files) -> None:
    (_, first), (other, second) = _two_logged(files)
    second.causes[0].log_offset = first.causes[0].log_offset
    files.write(other, second)


def commits_are_swapped(files: Files) -> None:
    rows = files.store.execute(
        "SELECT rowid, commit_number FROM history WHERE execution_id = ? ORDER BY sequence LIMIT 2",
        (_victim(files),),
    ).fetchall()
    for (rowid, _), (_, commit) in zip(rows, reversed(rows), strict=True):
        files.store.execute("UPDATE history SET commit_number = ? WHERE rowid = ?", (commit, rowid))


def _with_outcome(files: Files) -> tuple[int, HistoryBatch, int]:
    """A row, and which of its events is an outcome."""
    for rowid, _, batch in files.history():
        for index, event in enumerate(batch.events):
            if event.HasField("action_completed") and event.action_completed.HasField("output"):
                return rowid, batch, index
    raise LookupError("no call has ended")


def outcome_is_there_twice(files: Files) -> None:
    rowid, batch, index = _with_outcome(files)
    batch.events.add().CopyFrom(batch.events[index])
    batch.causes[-1].events += 1
    files.write(rowid, batch)


def outcome_is_another(files: Files) -> None:
    rowid, batch, index = _with_outcome(files)
    batch.events[index].action_completed.output.data = b'{"another":true}'
    files.write(rowid, batch)


def timer_was_due_later(files: Files) -> None:
    for rowid, _, batch in files.history():
        for event in batch.events:
            if event.task_started.due_at_us and event.task_started.reference.endswith("/rest"):
                event.task_started.due_at_us += HOUR_US
                files.write(rowid, batch)
                return


def record_says_failed(files: Files) -> None:
    files.ledger.execute(
        "UPDATE call SET state = 2 WHERE number = (SELECT min(number) FROM call WHERE state = 1)"
    )


def record_has_another_output(files: Files) -> None:
    files.ledger.execute(
        "UPDATE call SET output = ? WHERE number = (SELECT min(number) FROM call WHERE state = 1)",
        (b'{"x":1}',),
    )


def record_is_gone(files: Files) -> None:
    files.ledger.execute("DELETE FROM call WHERE number = (SELECT min(number) FROM call WHERE state = 1)")


def record_is_of_another_attempt(files: Files) -> None:
    files.ledger.execute(
        "INSERT INTO call (key_hash, key, attempt, digest, token, lease_until_us, state, output) "
        "SELECT key_hash, key, attempt + 7, digest, 0, 0, state, output FROM call "
        "WHERE number = (SELECT min(number) FROM call WHERE state = 1)"
    )


def record_is_of_no_execution(files: Files) -> None:
    files.ledger.execute(
        "INSERT INTO call (key_hash, key, attempt, digest, token, lease_until_us, state) "
        "SELECT 1, '7' || substr(key, 2), attempt, digest, 0, 0, 3 FROM call LIMIT 1"
    )


def row_has_another_phase(files: Files) -> None:
    files.store.execute("UPDATE execution SET phase = 5 WHERE execution_id = ?", (_victim(files),))


def row_is_gone(files: Files) -> None:
    files.store.execute("DELETE FROM execution WHERE execution_id = ?", (_victim(files),))


def execution_is_gone(files: Files) -> None:
    """As if its start had never been applied: no row, no history, no record."""
    (execution_id,) = files.one("SELECT execution_id FROM execution WHERE workflow = 'told'")
    assert isinstance(execution_id, bytes)
    for table in ("execution", "history"):
        files.store.execute(f"DELETE FROM {table} WHERE execution_id = ?", (execution_id,))
    files.ledger.execute(
        "DELETE FROM call WHERE key LIKE ?", (f"{execution_id.hex()[:8]}-{execution_id.hex()[8:16]}%",)
    )


def timer_is_gone(files: Files) -> None:
    files.store.execute(
        "DELETE FROM timer WHERE execution_by_time = (SELECT min(execution_by_time) FROM timer)"
    )


def subscription_is_gone(files: Files) -> None:
    files.store.execute("DELETE FROM subscription")


def event_was_never_heard(files: Files) -> None:
    files.store.execute("DELETE FROM lane_seen")


def record_of_the_log_is_gone(files: Files) -> None:
    files.log.execute(
        "DELETE FROM record WHERE (shard, log_offset) IN (SELECT shard, log_offset FROM record LIMIT 1)"
    )


def shard_is_ahead_of_the_log(files: Files) -> None:
    files.store.execute("UPDATE shard SET log_offset = log_offset + 50 WHERE id = 0")


def shard_is_behind_its_history(files: Files) -> None:
    files.store.execute("UPDATE shard SET log_offset = 0")


def message_is_not_applied(files: Files) -> None:
    files.store.execute("UPDATE peer SET sequence = 0")


def rejection_is_gone(files: Files) -> None:
    files.store.execute("DELETE FROM rejection")


TAMPERINGS: dict[str, tuple[Callable[[Files], None], ...]] = {
    "sequences": (middle_row_is_gone, first_row_is_gone, last_row_is_gone, commits_are_swapped),
    "order": (
        causes_are_swapped,
        command_is_applied_twice,
        execution_is_gone,
        event_was_never_heard,
        record_of_the_log_is_gone,
        shard_is_ahead_of_the_log,
        shard_is_behind_its_history,
        message_is_not_applied,
        rejection_is_gone,
    ),
    "state": (row_has_another_phase, row_is_gone, timer_is_gone),
    "outcomes": (outcome_is_there_twice,),
    "effects": (
        outcome_is_another,
        record_says_failed,
        record_has_another_output,
        record_is_gone,
        record_is_of_another_attempt,
        record_is_of_no_execution,
    ),
    "timers": (timer_was_due_later,),
    "messages": (subscription_is_gone,),
}
