"""How SQLite goes about the queries of busy tables: by their indexes, never through a whole table."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.lane_suite import LANE, ORDERS, OTHER_LANE, PAYMENTS
from tests.contract.store_suite import execution_id
from tidemill.engine.store.retention import RetentionTerms
from tidemill.engine.store.rows import (
    CounterRow,
    ExecutionFilter,
    LaneQuery,
    ShardCommit,
    SubscriberQuery,
    TimerRow,
)
from tidemill.engine.store.sqlite import catalogue as sqlite_catalogue
from tidemill.engine.store.sqlite import commit as sqlite_commit
from tidemill.engine.store.sqlite import lanes as sqlite_lanes
from tidemill.engine.store.sqlite import outbox as sqlite_outbox
from tidemill.engine.store.sqlite import reads as sqlite_reads
from tidemill.engine.store.sqlite import retention as sqlite_retention
from tidemill.engine.store.sqlite.migration import migrate

Job = Callable[[sqlite3.Connection], object]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A file with all tables."""
    connection = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    migrate(connection, tmp_path / "state.db")
    connection.execute(
        "INSERT INTO shard (id, epoch, owner, log_offset, clock_us, commit_number) VALUES (0, 1, '', 0, 0, 0)"
    )
    yield connection
    connection.close()


def plan(connection: sqlite3.Connection, job: Job) -> list[str]:
    """The steps of all statements that a job runs."""
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    job(connection)
    connection.set_trace_callback(None)
    rows = [row for sql in statements for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    return [str(row[3]) for row in rows]


def whole_tables(connection: sqlite3.Connection, steps: list[str]) -> list[str]:
    """The steps that go through a whole table or index of the file."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    aliases = tables | {"s", "c", "e", "b", "h"}
    return [step for step in steps if step.startswith("SCAN ") and step.split()[1] in aliases]


def test_the_filters_of_a_lane_are_found_by_leaps(connection: sqlite3.Connection) -> None:
    steps = plan(connection, lambda c: sqlite_lanes.read_lanes(c, [LaneQuery(LANE), LaneQuery(OTHER_LANE)]))
    assert whole_tables(connection, steps) == []
    assert "SEARCH s USING PRIMARY KEY (lane=?)" in steps
    assert "SEARCH s USING PRIMARY KEY (lane=? AND shape_id>?)" in steps


def test_what_a_lane_remembers_is_searched(connection: sqlite3.Connection) -> None:
    queries = [LaneQuery(lane, (b"d", b"e"), ("slot", "open"), 5) for lane in (LANE, OTHER_LANE)]
    steps = plan(connection, lambda c: sqlite_lanes.read_lanes(c, queries))
    assert whole_tables(connection, steps) == []
    assert "SEARCH s USING PRIMARY KEY (lane=? AND digest=?)" in steps
    assert "SEARCH c USING PRIMARY KEY (lane=? AND name=?)" in steps
    assert "SEARCH e USING INDEX lane_event_by_time (lane=? AND received_at_us>?)" in steps
    assert any(step.startswith("SEARCH e USING COVERING INDEX lane_event_by_") for step in steps)


def test_subscribers_are_a_range_of_one_index(connection: sqlite3.Connection) -> None:
    query = SubscriberQuery(LANE, ((ORDERS, b"k"), (PAYMENTS, b"")), execution_id(4), 10)
    steps = plan(connection, lambda c: sqlite_lanes.read_subscribers(c, [query]))
    assert whole_tables(connection, steps) == []
    within = "lane=? AND shape_id=? AND key=? AND execution_id>?"
    assert f"SEARCH s USING PRIMARY KEY ({within} AND execution_id<?)" in steps
    assert f"SEARCH b USING PRIMARY KEY ({within})" in steps
    assert not any("TEMP B-TREE" in step for step in steps)


def test_contents_are_found_by_their_digests(connection: sqlite3.Connection) -> None:
    steps = plan(connection, lambda c: sqlite_catalogue.read_contents(c, ["a", "b"]))
    assert whole_tables(connection, steps) == []
    assert "SEARCH document USING INDEX sqlite_autoindex_document_1 (digest=?)" in steps


def test_commits_are_followed_by_their_index(connection: sqlite3.Connection) -> None:
    steps = plan(connection, lambda c: sqlite_reads.page_commits(c, 0, 5, 10))
    assert (
        steps.count(
            "SEARCH history USING INDEX history_by_commit (shard=? AND commit_number>? AND commit_number<?)"
        )
        == 1
    )
    assert any("COVERING INDEX history_by_commit (shard=? AND commit_number>?)" in step for step in steps)
    assert whole_tables(connection, steps) == []


def test_a_snapshot_spares_the_history_before_it(connection: sqlite3.Connection) -> None:
    steps = plan(connection, lambda c: sqlite_reads.load(c, [execution_id(1), execution_id(2)], whole=False))
    assert "SEARCH h USING INDEX history_by_execution (<expr>=? AND <expr>=? AND sequence>?)" in steps
    assert whole_tables(connection, steps) == []


def test_a_history_is_read_in_its_order(connection: sqlite3.Connection) -> None:
    steps = plan(connection, lambda c: sqlite_reads.read_history(c, execution_id(1), 3, 10))
    assert steps == ["SEARCH h USING INDEX history_by_execution (<expr>=? AND <expr>=?)"]


def test_the_last_event_of_a_listed_execution_is_looked_up(connection: sqlite3.Connection) -> None:
    steps = plan(connection, lambda c: sqlite_reads.page_executions(c, ExecutionFilter(), 10))
    assert "SEARCH h USING INDEX history_by_execution (<expr>=? AND <expr>=?)" in steps
    assert not any("TEMP B-TREE" in step for step in steps)


def test_due_timers_are_a_range_of_one_index(connection: sqlite3.Connection) -> None:
    after = TimerRow(0, 5, execution_id(1), "t")
    steps = plan(connection, lambda c: sqlite_reads.page_timers(c, 0, 50, after, 10))
    within = "shard=? AND (due_at_us,execution_by_time,timer_id)>(?,?,?) AND due_at_us<?"
    assert steps == [f"SEARCH timer USING COVERING INDEX timer_by_due ({within})"]


def test_expired_rows_are_found_by_their_time(connection: sqlite3.Connection) -> None:
    steps = plan(connection, lambda c: sqlite_lanes.expire_lanes(c, 5, 10))
    for table in ("lane_event", "lane_seen"):
        assert any(f"INDEX {table}_by_expiry (expires_at_us<?)" in step for step in steps)
    assert whole_tables(connection, steps) == []


@pytest.mark.parametrize("expire", [sqlite_retention.expire_histories, sqlite_retention.expire_executions])
def test_what_has_ended_is_found_by_its_namespace_and_time(
    connection: sqlite3.Connection, expire: Callable[..., object]
) -> None:
    connection.execute(
        "INSERT INTO execution VALUES (x'01', 'shop', 'cart', '1.0.0', '', 0, 7, 0, 1, 5, x'', x'', '', '', "
        "x'', x'', 0, 1, 0)"
    )
    steps = plan(connection, lambda c: expire(c, RetentionTerms(1, 1), 100, 10))
    assert "SEARCH e USING COVERING INDEX execution_by_end (namespace>?)" in steps
    within = "namespace=? AND history_gone=? AND closed_at_us<?"
    assert any(f"execution_by_end ({within})" in step for step in steps) or any(
        "execution_by_end (namespace=? AND history_gone=? AND closed_at_us>? AND closed_at_us<?)" in step
        for step in steps
    )
    assert "SEARCH h USING INDEX history_by_execution (<expr>=? AND <expr>=?)" in steps


def test_the_outbox_pages_by_its_index(connection: sqlite3.Connection) -> None:
    steps = plan(connection, lambda c: sqlite_outbox.page_outbox(c, 0, 5, 10))
    assert steps == ["SEARCH outbox USING INDEX outbox_by_sequence (shard=? AND sequence>?)"]


@pytest.mark.parametrize("rows", [1, 3, 16])
def test_what_goes_is_searched(connection: sqlite3.Connection, rows: int) -> None:
    commit = ShardCommit(0, 1, 1, 1, 1)
    for number in range(rows):
        commit.subscriptions_gone.append((LANE, execution_id(number), "a"))
        commit.lane_events_gone.append((LANE, b"%d" % number))
        commit.counters.append(CounterRow(0, LANE, str(number), b""))
        commit.timers_gone.append((execution_id(number), "t"))
        commit.outbox_gone.append(number)
    steps = plan(connection, lambda c: sqlite_commit.write_commits(c, [commit]))
    searched = {step.split()[1] for step in steps if step.startswith("SEARCH ")}
    assert searched == {"shard", "subscription", "lane_event", "counter", "timer", "outbox"}
    assert whole_tables(connection, steps) == []
