"""What every store's audit must do: read all, in order, in pages, as of one moment."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from tests.contract.store_suite import commit, execution, execution_id, history, turned_id
from tidemill.engine.audit.kept import Kept
from tidemill.engine.audit.port import FIRST_PLACE, NO_BOUND, SEQUENCE_MAX, AuditStore, Place
from tidemill.engine.store.port import Store
from tidemill.engine.store.retention import NamespaceRow, RetentionTerms
from tidemill.engine.store.rows import (
    DeadLetterRow,
    HistoryRow,
    LaneSeenRow,
    OutboxRow,
    RejectionRow,
    SnapshotRow,
    SubscriptionRow,
    TimerRow,
)

Open = Callable[[], Awaitable[AuditStore]]
EXECUTIONS: Final = 5
HOUR: Final = 3_600_000_000


async def filled(store: Store) -> None:
    """Some of everything, in shard 0."""
    await store.take([0], "a")
    numbers = range(1, EXECUTIONS + 1)
    await store.commit(
        [
            commit(
                executions=[execution(number, phase=number) for number in numbers],
                histories=[history(number, 1, 2) for number in numbers],
                timers_armed=[
                    TimerRow(0, 90 + number, execution_id(number), name)
                    for number in numbers
                    for name in ("b", "a")
                ],
                snapshots=[SnapshotRow(execution_id(2), 2, b"state")],
                rejections=[RejectionRow(0, offset, 7, b"no") for offset in (4, 1, 3)],
                dead_letters=[DeadLetterRow(0, 0, execution_id(1), "shop", "timer", b"t", "bad", 7)] * 3,
                subscriptions=[SubscriptionRow(0, b"lane", b"s", b"k", execution_id(1), "one", 5)],
                lanes_seen=[LaneSeenRow(0, b"lane", b"digest", 99)],
                outbox=[OutboxRow(0, sequence, 1, b"m") for sequence in (1, 2, 3)],
                outbox_sequence=3,
                peers={2: 8, 3: 9},
            )
        ]
    )
    later = commit(histories=[HistoryRow(execution_id(number), 3, 3, 2, b"more") for number in (1, 3)])
    later.commit_number, later.log_offset, later.outbox_sequence = 2, 6, 3
    await store.commit([later])


class AuditSuite:
    """The contract of the audit's port as tests."""

    async def test_executions_come_by_id_in_pages(self, store: Store, audit: Open) -> None:
        await filled(store)
        view = await audit()
        first = await view.page_executions("", 3)
        second = await view.page_executions(first[-1].execution_id, 3)
        assert [row.execution_id for row in (*first, *second)] == [execution_id(n) for n in range(1, 6)]
        assert [(row.namespace, row.phase, row.sequence, row.owes) for row in first[:1]] == [
            ("shop", 1, 2, True)
        ]
        await view.close()

    async def test_history_comes_by_execution_and_sequence_in_pages(self, store: Store, audit: Open) -> None:
        await filled(store)
        view = await audit()
        read: list[HistoryRow] = []
        place: Place = FIRST_PLACE
        while rows := await view.page_history(place, NO_BOUND, 2):
            read += rows
            place = (rows[-1].execution_id, rows[-1].sequence, rows[-1].last_sequence)
        assert [(row.execution_id, row.sequence) for row in read] == [
            (execution_id(number), sequence)
            for number in range(1, 6)
            for sequence in ((1, 3) if number in (1, 3) else (1,))
        ]
        behind: Place = (execution_id(2), SEQUENCE_MAX, SEQUENCE_MAX)
        bounded = await view.page_history(behind, execution_id(3), 9)
        assert [(row.sequence, row.commit_number, row.data) for row in bounded] == [
            (1, 1, b"events"),
            (3, 2, b"more"),
        ]
        await view.close()

    async def test_what_belongs_to_executions_is_bounded_by_ids(self, store: Store, audit: Open) -> None:
        await filled(store)
        view = await audit()
        timers = await view.timers(execution_id(1), execution_id(3))
        assert [(row.execution_id, row.timer_id, row.due_at_us) for row in timers] == [
            (execution_id(number), name, 90 + number) for number in (2, 3) for name in ("a", "b")
        ]
        assert len(await view.timers("", NO_BOUND)) == 2 * EXECUTIONS
        assert await view.snapshots("", NO_BOUND) == [SnapshotRow(execution_id(2), 2, b"state")]
        assert await view.snapshots(execution_id(2), NO_BOUND) == []
        await view.close()

    async def test_ids_have_one_order_whatever_that_of_the_store(self, store: Store, audit: Open) -> None:
        await store.take([0], "a")
        ids = [turned_id(number) for number in (1, 2, 3)]
        # The second has lost its row.
        rows = [replace(execution(1), execution_id=key) for key in (ids[0], ids[2])]
        histories = [HistoryRow(key, 1, 2, 1, b"events") for key in ids]
        timers = [TimerRow(0, 9, key, "t") for key in ids]
        await store.commit([commit(executions=rows, histories=histories, timers_armed=timers)])
        view = await audit()
        by_id = sorted(ids)
        assert by_id == ids[::-1]
        assert [row.execution_id for row in await view.page_history(FIRST_PLACE, NO_BOUND, 9)] == by_id
        behind: Place = (by_id[0], SEQUENCE_MAX, SEQUENCE_MAX)
        assert [row.execution_id for row in await view.page_history(behind, by_id[1], 9)] == by_id[1:2]
        assert [row.execution_id for row in await view.timers("", NO_BOUND)] == by_id
        assert [row.execution_id for row in await view.timers(by_id[0], by_id[1])] == by_id[1:2]
        await view.close()

    async def test_what_is_asked_about_is_found_or_not(self, store: Store, audit: Open) -> None:
        await filled(store)
        view = await audit()
        assert await view.phases([execution_id(2), execution_id(77)]) == {execution_id(2): 2}
        assert await view.phases([]) == {}
        waits = [(b"lane", execution_id(1), "one"), (b"lane", execution_id(1), "two")]
        assert await view.subscribed(waits) == {waits[0]}
        assert await view.seen([(b"lane", b"digest"), (b"lane", b"other")]) == {(b"lane", b"digest")}
        assert await view.seen([]) == set()
        await view.close()

    async def test_what_belongs_to_shards_comes_in_order(self, store: Store, audit: Open) -> None:
        await filled(store)
        view = await audit()
        shard = (await view.shards())[0]
        assert (shard.epoch, shard.log_offset, shard.commit_number, shard.outbox_sequence) == (1, 6, 2, 3)
        assert await view.peers() == {(0, 2): 8, (0, 3): 9}
        assert await view.page_rejections(0, -1, 2) == [1, 3]
        assert await view.page_rejections(0, 3, 2) == [4]
        letters = await view.page_dead_letters(0, 2)
        assert [row.number for row in letters + await view.page_dead_letters(2, 2)] == [1, 2, 3]
        assert [row.sequence for row in await view.page_outbox(0, 1, 9)] == [2, 3]
        commits = await view.page_commits(0, 0, 2)
        assert len(commits) == EXECUTIONS  # whole commits
        assert [row.commit_number for row in await view.page_commits(0, 1, 2)] == [2, 2]
        await view.close()

    async def test_it_sees_one_moment(self, store: Store, audit: Open) -> None:
        await filled(store)
        view = await audit()
        late = commit(executions=[execution(9)], histories=[HistoryRow(execution_id(9), 1, 1, 3, b"late")])
        late.commit_number, late.log_offset = 3, 9
        assert await store.commit([late]) == {0}
        assert len(await view.page_executions("", 99)) == EXECUTIONS
        assert (await view.shards())[0].log_offset == 6
        await view.close()
        again = await audit()
        assert len(await again.page_executions("", 99)) == EXECUTIONS + 1
        await again.close()

    async def test_what_retention_may_have_taken_is_known(self, store: Store, audit: Open) -> None:
        view = await audit()
        assert await view.kept(RetentionTerms(), 100 * HOUR) == Kept(0, False)
        assert await view.kept(RetentionTerms(history_us=HOUR), 100 * HOUR) == Kept(99 * HOUR, False)
        await view.close()
        await store.set_namespace(NamespaceRow("shop", execution_retention_us=2 * HOUR))
        own = await audit()
        assert await own.kept(RetentionTerms(), 100 * HOUR) == Kept(98 * HOUR, True)
        await own.close()
