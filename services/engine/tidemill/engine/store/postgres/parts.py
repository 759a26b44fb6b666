"""What a commit changes, table by table: the SQL of each share and its rows.

The parts of a statement have no order among them, and none may write a row twice: so what goes and comes in
one commit only comes, and of several that come the last one does.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from tidemill.engine.store.packing import pack_id
from tidemill.engine.store.rows import ExecutionRow, ShardCommit

Row: TypeAlias = tuple[object, ...]
Commits: TypeAlias = Sequence[ShardCommit]

_EXECUTION_COLUMNS: Final = (
    "execution_id bytea, namespace text, workflow text, version text, subject text, shard int, phase int, "
    "owes bool, started_at_us bigint, closed_at_us bigint, output bytea, error bytea, reason text, "
    "request_id text, input_digest bytea, parent_execution_id bytea, kind int, sequence bigint"
)


class Part(NamedTuple):
    """A table's share of the statement.

    In `sql` stand {rows} for the rows, which are called r and begin with the slot of their commit, {names}
    for their other columns, {held} for what keeps rows of fenced shards out, {shard} and {clock} for what the
    commit says of both.
    """

    sql: str
    columns: str
    rows: Callable[[Commits], list[Row]]


def gone(table: str, condition: str) -> str:
    """The SQL of rows that go. Each is looked up: from a plan that was made while the table was small, a join
    might go on to read all of it."""
    alias = condition[0]
    return (
        f"DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT found.ctid FROM {{rows}} CROSS JOIN LATERAL "
        f"(SELECT ctid FROM {table} {alias} WHERE {condition} OFFSET 0) AS found WHERE {{held}}))"
    )


def _histories(commits: Commits) -> list[Row]:
    return [
        (slot, pack_id(row.execution_id), row.sequence, row.last_sequence, row.commit_number, row.data)
        for slot, commit in enumerate(commits)
        for row in commit.histories
    ]


def _executions(commits: Commits) -> list[Row]:
    last = {row.execution_id: (slot, row) for slot, commit in enumerate(commits) for row in commit.executions}
    return [(slot, *_execution_values(row)) for slot, row in last.values()]


def _execution_values(row: ExecutionRow) -> Row:
    return (
        pack_id(row.execution_id), row.namespace, row.workflow, row.version, row.subject, row.shard,
        row.phase, row.owes, row.started_at_us, row.closed_at_us, row.output, row.error, row.reason,
        row.request_id, row.input_digest, pack_id(row.parent_execution_id), row.kind, row.sequence,
    )  # fmt: skip


def _snapshots(commits: Commits) -> list[Row]:
    last = {
        row.execution_id: (slot, pack_id(row.execution_id), row.sequence, row.data)
        for slot, commit in enumerate(commits)
        for row in commit.snapshots
    }
    return [*last.values()]


def _timers_gone(commits: Commits) -> list[Row]:
    armed = {(row.execution_id, row.timer_id) for commit in commits for row in commit.timers_armed}
    return [
        (slot, pack_id(execution_id), timer_id)
        for slot, commit in enumerate(commits)
        for execution_id, timer_id in commit.timers_gone
        if (execution_id, timer_id) not in armed
    ]


def _timers_armed(commits: Commits) -> list[Row]:
    last = {
        (row.execution_id, row.timer_id): (slot, pack_id(row.execution_id), row.timer_id, row.due_at_us)
        for slot, commit in enumerate(commits)
        for row in commit.timers_armed
    }
    return [*last.values()]


def _rejections(commits: Commits) -> list[Row]:
    last = {
        (slot, row.offset): (slot, row.offset, row.time_us, row.error)
        for slot, commit in enumerate(commits)
        for row in commit.rejections
    }
    return [*last.values()]


def _dead_letters(commits: Commits) -> list[Row]:
    return [
        (slot, row.execution_id, row.namespace, row.kind, row.item, row.error, row.time_us)
        for slot, commit in enumerate(commits)
        for row in commit.dead_letters
    ]


def _dead_letters_gone(commits: Commits) -> list[Row]:
    return [(slot, number) for slot, commit in enumerate(commits) for number in commit.dead_letters_gone]


def _outbox(commits: Commits) -> list[Row]:
    return [
        (slot, row.sequence, row.target_shard, row.data)
        for slot, commit in enumerate(commits)
        for row in commit.outbox
    ]


def _outbox_gone(commits: Commits) -> list[Row]:
    return [(slot, sequence) for slot, commit in enumerate(commits) for sequence in commit.outbox_gone]


def _peers(commits: Commits) -> list[Row]:
    return [
        (slot, source, sequence)
        for slot, commit in enumerate(commits)
        for source, sequence in commit.peers.items()
    ]


EXECUTION_PARTS: Final = (
    Part(
        "INSERT INTO history ({names}, shard, committed_at_us) SELECT {values}, {shard}, {clock} "
        "FROM {rows} WHERE {held}",
        "execution_id bytea, sequence bigint, last_sequence bigint, commit_number bigint, data bytea",
        _histories,
    ),
    Part(
        "INSERT INTO execution ({names}) SELECT {values} FROM {rows} WHERE {held} "
        "ON CONFLICT (execution_id) DO UPDATE SET phase = excluded.phase, owes = excluded.owes, "
        "closed_at_us = excluded.closed_at_us, output = excluded.output, error = excluded.error, "
        "reason = excluded.reason, sequence = excluded.sequence",
        _EXECUTION_COLUMNS,
        _executions,
    ),
    Part(
        "INSERT INTO snapshot ({names}, committed_at_us) SELECT {values}, {clock} FROM {rows} WHERE {held} "
        "ON CONFLICT (execution_id) DO UPDATE SET sequence = excluded.sequence, data = excluded.data, "
        "committed_at_us = excluded.committed_at_us",
        "execution_id bytea, sequence bigint, data bytea",
        _snapshots,
    ),
    Part(
        gone("timer", "t.execution_id = r.execution_id AND t.timer_id = r.timer_id"),
        "execution_id bytea, timer_id text",
        _timers_gone,
    ),
    Part(
        "INSERT INTO timer ({names}, shard) SELECT {values}, {shard} FROM {rows} WHERE {held} "
        "ON CONFLICT (execution_id, timer_id) DO UPDATE SET due_at_us = excluded.due_at_us",
        "execution_id bytea, timer_id text, due_at_us bigint",
        _timers_armed,
    ),
    Part(
        "INSERT INTO rejection ({names}, shard) SELECT {values}, {shard} FROM {rows} WHERE {held} "
        "ON CONFLICT (shard, log_offset) DO UPDATE SET time_us = excluded.time_us, error = excluded.error",
        "log_offset bigint, time_us bigint, error bytea",
        _rejections,
    ),
    Part(
        "INSERT INTO dead_letter ({names}, shard) SELECT {values}, {shard} FROM {rows} WHERE {held}",
        "execution_id text, namespace text, kind text, item bytea, error text, time_us bigint",
        _dead_letters,
    ),
    Part(
        gone("dead_letter", "d.number = r.number"),
        "number bigint",
        _dead_letters_gone,
    ),
    Part(
        "INSERT INTO outbox ({names}, shard) SELECT {values}, {shard} FROM {rows} WHERE {held}",
        "sequence bigint, target_shard int, data bytea",
        _outbox,
    ),
    Part(
        gone("outbox", "o.shard = {shard} AND o.sequence = r.sequence"),
        "sequence bigint",
        _outbox_gone,
    ),
    Part(
        "INSERT INTO peer ({names}, shard) SELECT {values}, {shard} FROM {rows} WHERE {held} "
        "ON CONFLICT (shard, source_shard) DO UPDATE SET sequence = excluded.sequence",
        "source_shard int, sequence bigint",
        _peers,
    ),
)
