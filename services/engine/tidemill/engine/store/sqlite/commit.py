"""One batch as SQL: the fence first, then the rows of the shards that passed it."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from tidemill.engine.store.packing import pack_by_time, pack_id, uuid_first
from tidemill.engine.store.rows import EXECUTION_FIELDS, ExecutionRow, ShardCommit
from tidemill.engine.store.sqlite.lanes import write_lanes
from tidemill.engine.store.sqlite.outbox import write_outbox
from tidemill.sqlite import delete_many, insert_many

_FENCE: Final = (
    "UPDATE shard SET log_offset = ?, log_ahead = ?, clock_us = ?, commit_number = ?, "
    "outbox_sequence = max(outbox_sequence, ?) WHERE id = ? AND epoch = ? RETURNING id"
)
_HISTORY: Final = "INSERT INTO history (execution_id, sequence, last_sequence, commit_number, data, shard)"
_EXECUTION: Final = f"INSERT INTO execution ({', '.join(EXECUTION_FIELDS)}, sequence)"
_EXECUTION_AGAIN: Final = (
    "ON CONFLICT (execution_id) DO UPDATE SET phase = excluded.phase, owes = excluded.owes, "
    "closed_at_us = excluded.closed_at_us, output = excluded.output, error = excluded.error, "
    "reason = excluded.reason, sequence = excluded.sequence"
)
_TIMER: Final = "INSERT OR REPLACE INTO timer (shard, due_at_us, execution_by_time, timer_id)"
_SNAPSHOT: Final = "INSERT OR REPLACE INTO snapshot (execution_id, sequence, data, committed_at_us)"
_REJECTION: Final = "INSERT OR REPLACE INTO rejection"
_DEAD_LETTER: Final = "INSERT INTO dead_letter (shard, execution_id, namespace, kind, item, error, time_us)"
_DEAD_LETTER_GONE: Final = "DELETE FROM dead_letter WHERE number = ?"


def write_commits(connection: sqlite3.Connection, commits: Sequence[ShardCommit]) -> set[int]:
    """Write the batch inside the open transaction; returns the shards whose epoch still held."""
    passed = [
        commit for commit in sorted(commits, key=lambda commit: commit.shard) if _fence(connection, commit)
    ]
    _write(connection, passed)
    return {commit.shard for commit in passed}


def _fence(connection: sqlite3.Connection, commit: ShardCommit) -> bool:
    values = (
        commit.log_offset, commit.log_ahead, commit.clock_us, commit.commit_number, commit.outbox_sequence,
        commit.shard, commit.epoch,
    )  # fmt: skip
    return connection.execute(_FENCE, values).fetchone() is not None


def _write(connection: sqlite3.Connection, commits: Sequence[ShardCommit]) -> None:
    histories = [
        (
            pack_id(row.execution_id), row.sequence, row.last_sequence, row.commit_number, row.data,
            commit.shard,
        )
        for commit in commits
        for row in commit.histories
    ]  # fmt: skip
    insert_many(connection, _HISTORY, sorted(histories, key=_by_time))
    executions = [_execution_values(row) for commit in commits for row in commit.executions]
    executions.sort(key=_by_time)
    insert_many(connection, _EXECUTION, executions, _EXECUTION_AGAIN)
    snapshots = [
        (pack_id(row.execution_id), row.sequence, row.data, commit.clock_us)
        for commit in commits
        for row in commit.snapshots
    ]
    insert_many(connection, _SNAPSHOT, snapshots)
    _write_timers(connection, commits)
    write_outbox(connection, commits)
    write_lanes(connection, commits)
    _write_troubles(connection, commits)


def _by_time(row: tuple[Any, ...]) -> bytes:
    """By execution whatever its shard, the uuid first: the order in which a herd of timers meets the rows."""
    return uuid_first(row[0])


def _write_troubles(connection: sqlite3.Connection, commits: Sequence[ShardCommit]) -> None:
    """Write what was rejected, and what could not be applied."""
    rejections = [
        (row.shard, row.offset, row.time_us, row.error) for commit in commits for row in commit.rejections
    ]
    insert_many(connection, _REJECTION, rejections)
    letters = [
        (row.shard, row.execution_id, row.namespace, row.kind, row.item, row.error, row.time_us)
        for commit in commits
        for row in commit.dead_letters
    ]
    insert_many(connection, _DEAD_LETTER, letters)
    gone = [(number,) for commit in commits for number in commit.dead_letters_gone]
    connection.executemany(_DEAD_LETTER_GONE, gone)


def _write_timers(connection: sqlite3.Connection, commits: Sequence[ShardCommit]) -> None:
    # A timer may be disarmed and armed again under the same id in one batch: what goes comes first.
    gone = [
        (pack_by_time(execution_id), timer_id)
        for commit in commits
        for execution_id, timer_id in commit.timers_gone
    ]
    armed = [
        (row.shard, row.due_at_us, pack_by_time(row.execution_id), row.timer_id)
        for commit in commits
        for row in commit.timers_armed
    ]
    delete_many(connection, "timer", "execution_by_time, timer_id", gone)
    insert_many(connection, _TIMER, armed)


def _execution_values(row: ExecutionRow) -> tuple[object, ...]:
    return (
        pack_id(row.execution_id), row.namespace, row.workflow, row.version, row.subject, row.shard,
        row.phase, row.owes, row.started_at_us, row.closed_at_us, row.output, row.error, row.reason,
        row.request_id, row.input_digest, pack_id(row.parent_execution_id), row.kind,
        row.sequence,
    )  # fmt: skip
