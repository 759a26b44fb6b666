"""What every store must do. An implementation's test module subclasses this and gives a `store`."""

from dataclasses import replace
from typing import Any

from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.store.port import Store
from tidemill.engine.store.rows import (
    TRIGGER_KIND,
    DeadLetterRow,
    DefinitionRow,
    ExecutionFilter,
    ExecutionRow,
    HistoryRow,
    RejectionRow,
    ShardCommit,
    TimerRow,
)

SHARDS = 4


def execution_id(number: int) -> str:
    """An id of the right form, ordered by its number."""
    return f"00000000-0190a000-0000-7000-8000-{number:012x}"


def turned_id(number: int) -> str:
    """An id whose lane's hash is the lower the higher its number, which its uuid is ordered by."""
    return f"{0x7FFFFFFF - number:08x}{execution_id(number)[8:]}"


def execution(number: int, **changes: Any) -> ExecutionRow:  # noqa: ANN401 - any column
    """A running execution."""
    row = ExecutionRow(
        execution_id=execution_id(number), namespace="shop", workflow="cart", version="1.0.0", subject="",
        shard=0, phase=2, owes=True, started_at_us=1_000 + number, closed_at_us=0, output=b"", error=b"",
        reason="", sequence=2, request_id="", input_digest=b"d", parent_execution_id="", kind=0,
    )  # fmt: skip
    return replace(row, **changes)


def history(number: int, sequence: int, last: int, data: bytes = b"events") -> HistoryRow:
    """A history row of the execution."""
    return HistoryRow(execution_id(number), sequence, last, 1, data)


async def took(store: Store, *shards: int) -> Store:
    """The store with shards taken (0 unless told), at epoch 1."""
    await store.take(shards or (0,), "a")
    return store


def commit(epoch: int = 1, shard: int = 0, **parts: Any) -> ShardCommit:  # noqa: ANN401 - any part
    """A commit with some parts."""
    made = ShardCommit(shard, epoch, log_offset=5, clock_us=77, commit_number=1)
    for name, value in parts.items():
        setattr(made, name, value)
    return made


class StoreSuite:
    """The contract of the store's ports as tests."""

    async def test_taking_bumps_the_epoch_each_time(self, store: Store) -> None:
        first = await store.take([0, 1], "a")
        second = await store.take([1], "b")
        assert [(row.shard, row.epoch, row.log_offset) for row in first] == [(0, 1, 0), (1, 1, 0)]
        assert [row.epoch for row in second] == [2]

    async def test_a_commit_moves_the_shard(self, store: Store) -> None:
        await store.take([0], "a")
        assert await store.commit([commit()]) == {0}
        row = (await store.take([0], "b"))[0]
        assert (row.epoch, row.log_offset, row.clock_us, row.commit_number) == (2, 5, 77, 1)

    async def test_a_commit_says_what_is_applied_ahead_until_nothing_is(self, store: Store) -> None:
        await store.take([0], "a")
        ahead = AppliedOffsets(5).with_applied([7, 8, 5_000])
        assert await store.commit([commit(log_ahead=ahead.ahead_bytes())]) == {0}
        assert (await store.shards())[0].applied == ahead
        assert await store.commit([commit(commit_number=2, log_offset=9)]) == {0}
        assert (await store.take([0], "b"))[0].applied == AppliedOffsets(9)

    async def test_a_fenced_shard_writes_nothing_and_the_others_commit(self, store: Store) -> None:
        await store.take([0, 1], "a")
        await store.take([1], "b")
        stale = commit(epoch=1, shard=1, histories=[history(1, 1, 2)], executions=[execution(1, shard=1)])
        good = commit(epoch=1, shard=0, histories=[history(2, 1, 2)], executions=[execution(2)])
        assert await store.commit([stale, good]) == {0}
        assert set(await store.load([execution_id(1), execution_id(2)])) == {execution_id(2)}
        assert set(await store.get([execution_id(1), execution_id(2)])) == {execution_id(2)}

    async def test_histories_load_in_order(self, store: Store) -> None:
        await store.take([0], "a")
        await store.commit([commit(histories=[history(1, 1, 3, b"a"), history(2, 1, 1, b"b")])])
        await store.commit([commit(histories=[history(1, 4, 6, b"c")])])
        loaded = await store.load([execution_id(1), execution_id(2), execution_id(9)])
        assert {key: [row.data for row in stored.history] for key, stored in loaded.items()} == {
            execution_id(1): [b"a", b"c"],
            execution_id(2): [b"b"],
        }

    async def test_history_pages_from_the_row_that_holds_the_sequence(self, store: Store) -> None:
        await store.take([0], "a")
        rows = [history(1, 1, 3, b"a"), history(1, 4, 6, b"b"), history(1, 7, 7, b"c")]
        await store.commit([commit(histories=rows)])
        assert [row.data for row in await store.history(execution_id(1), 5, 10)] == [b"b", b"c"]
        assert [row.data for row in await store.history(execution_id(1), 1, 2)] == [b"a", b"b"]

    async def test_an_execution_row_is_replaced_and_its_sequence_is_that_of_its_history(
        self, store: Store
    ) -> None:
        await store.take([0], "a")
        await store.commit([commit(executions=[execution(1)], histories=[history(1, 1, 2)])])
        closed = execution(1, phase=7, owes=False, closed_at_us=9, output=b"{}")
        await store.commit([commit(executions=[closed], histories=[history(1, 3, 8)])])
        assert await store.get([execution_id(1)]) == {execution_id(1): replace(closed, sequence=8)}

    async def test_an_execution_keeps_its_parent_and_kind(self, store: Store) -> None:
        await took(store)
        child = execution(1, parent_execution_id=execution_id(9), kind=TRIGGER_KIND, sequence=0)
        await store.commit([commit(executions=[child])])
        assert await store.get([execution_id(1)]) == {execution_id(1): child}

    async def test_lists_leave_out_the_engines_own_executions_unless_asked(self, store: Store) -> None:
        await took(store)
        await store.commit([commit(executions=[execution(1), execution(2, kind=TRIGGER_KIND)])])
        shown = await store.page_executions(ExecutionFilter(), 10)
        every = await store.page_executions(ExecutionFilter(with_triggers=True), 10)
        assert [row.execution_id for row in shown] == [execution_id(1)]
        assert [row.execution_id for row in every] == [execution_id(2), execution_id(1)]

    async def test_owing_executions_page_oldest_first(self, store: Store) -> None:
        await store.take([0, 1], "a")
        rows = [execution(3), execution(1), execution(2, owes=False), execution(4, phase=5)]
        await store.commit([commit(executions=rows), commit(shard=1, executions=[execution(5, shard=1)])])
        first = await store.page_owing(0, None, 2)
        assert first == [(1_001, execution_id(1)), (1_003, execution_id(3))]
        assert await store.page_owing(0, first[-1], 2) == [(1_004, execution_id(4))]

    async def test_timers_page_by_due_time(self, store: Store) -> None:
        await store.take([0, 1], "a")
        timers = [TimerRow(0, due, execution_id(n), "t") for n, due in ((1, 30), (2, 10), (3, 20), (4, 99))]
        other = TimerRow(1, 5, execution_id(5), "t")
        await store.commit([commit(timers_armed=timers), commit(shard=1, timers_armed=[other])])
        first = await store.page_timers(0, 30, None, 2)
        assert [row.due_at_us for row in first] == [10, 20]
        assert [row.due_at_us for row in await store.page_timers(0, 30, first[-1], 2)] == [30]

    async def test_timers_of_one_moment_page_once_each_whatever_their_lanes(self, store: Store) -> None:
        await store.take([0], "a")
        timers = [
            TimerRow(0, 10, make(number), name)
            for number in (1, 2, 3)
            for make in (execution_id, turned_id)
            for name in ("a", "b")
        ]
        await store.commit([commit(timers_armed=timers)])
        paged: list[TimerRow] = []
        while page := await store.page_timers(0, 10, paged[-1] if paged else None, 5):
            paged += page
        assert len(paged) == len(timers)
        assert set(paged) == set(timers)
        gone = [(row.execution_id, row.timer_id) for row in timers if row.timer_id == "a"]
        await store.commit([commit(timers_gone=gone)])
        assert {row.timer_id for row in await store.page_timers(0, 10, None, 20)} == {"b"}

    async def test_histories_of_ids_that_differ_by_the_lane_alone_are_two(self, store: Store) -> None:
        await store.take([0], "a")
        one, other = execution_id(1), turned_id(1)
        rows = [HistoryRow(key, 1, 2, 1, key.encode()) for key in (one, other)]
        executions = [replace(execution(1), execution_id=key, sequence=1) for key in (one, other)]
        await store.commit([commit(histories=rows, executions=executions)])
        assert {key: held.history for key, held in (await store.load([one, other])).items()} == {
            one: rows[:1],
            other: rows[1:],
        }
        assert await store.history(other, 1, 9) == rows[1:]
        assert [row.sequence for row in (await store.get([one, other])).values()] == [2, 2]

    async def test_timers_that_are_gone_do_not_come_back(self, store: Store) -> None:
        await store.take([0], "a")
        timer = TimerRow(0, 10, execution_id(1), "t")
        await store.commit([commit(timers_armed=[timer])])
        await store.commit([commit(timers_gone=[(execution_id(1), "t"), (execution_id(1), "unknown")])])
        assert await store.page_timers(0, 100, None, 10) == []

    async def test_lists_page_newest_first_and_filter(self, store: Store) -> None:
        await store.take([0], "a")
        rows = [
            execution(1),
            execution(2, workflow="lead"),
            execution(3, namespace="other"),
            execution(4, phase=7, subject="ada"),
        ]
        await store.commit([commit(executions=rows)])

        async def ids(wanted: ExecutionFilter, limit: int = 10) -> list[str]:
            return [row.execution_id for row in await store.page_executions(wanted, limit)]

        every = [execution_id(number) for number in (4, 3, 2, 1)]
        assert await ids(ExecutionFilter()) == every
        assert await ids(ExecutionFilter(), 2) == every[:2]
        assert await ids(ExecutionFilter(before=(1_003, execution_id(3)))) == every[2:]
        assert await ids(ExecutionFilter(namespace="shop", workflow="cart")) == [every[0], every[3]]
        assert await ids(ExecutionFilter(phases=(7, 6))) == [every[0]]
        assert await ids(ExecutionFilter(subject="ada")) == [every[0]]
        assert await ids(ExecutionFilter(started_from_us=1_002, started_until_us=1_004)) == every[1:3]

    async def test_rejections_are_kept_by_position_until_they_expire(self, store: Store) -> None:
        await store.take([0], "a")
        row = RejectionRow(0, 4, 50, b"why")
        await store.commit([commit(rejections=[row])])
        assert await store.rejection(0, 4) == row
        assert await store.rejection(0, 5) is None
        assert await store.expire_rejections(50, 10) == 0
        assert await store.expire_rejections(51, 10) == 1
        assert await store.rejection(0, 4) is None

    async def test_dead_letters_get_numbers_and_go_when_taken_up(self, store: Store) -> None:
        await store.take([0], "a")
        letter = DeadLetterRow(0, 0, execution_id(1), "shop", "command", b"item", "trace", 5)
        await store.commit([commit(dead_letters=[letter, replace(letter, namespace="other")])])
        found = await store.dead_letters("", 0, 10)
        assert [row.namespace for row in found] == ["shop", "other"]
        assert found[0].number < found[1].number
        assert await store.dead_letters("other", 0, 10) == found[1:]
        assert await store.dead_letters("", found[0].number, 10) == found[1:]
        await store.commit([commit(dead_letters_gone=[found[0].number])])
        assert await store.dead_letters("", 0, 10) == found[1:]

    async def test_definitions_are_immutable_and_numbered(self, store: Store) -> None:
        row = DefinitionRow(
            "shop", "cart", "1.0.0", "digest", b"document", 7, "profile", 0, b"listens", b"pinned"
        )
        first = await store.publish(row)
        assert first == replace(row, revision=1)
        assert await store.publish(replace(row, digest="other", document=b"other")) == first
        second = await store.publish(replace(row, version="1.1.0"))
        assert second.revision == 2
        assert await store.definitions(0) == [first, second]
        assert await store.definitions(1) == [second]

    async def test_the_contents_that_a_definition_names_are_stored_with_it_once_for_all(
        self, store: Store
    ) -> None:
        row = DefinitionRow("shop", "cart", "1.0.0", "digest", b"document", 7, "profile", 0)
        await store.publish(row, {"a": b"first", "b": b"\x00 second"})
        await store.publish(replace(row, version="1.1.0"), {"b": b"\x00 second", "c": b""})
        found = await store.contents(["c", "a", "none", "b"])
        assert dict(found) == {"a": b"first", "b": b"\x00 second", "c": b""}
        assert await store.contents([]) == {}

    async def test_a_version_that_is_there_already_keeps_the_contents_that_came_with_it(
        self, store: Store
    ) -> None:
        row = DefinitionRow("shop", "cart", "1.0.0", "digest", b"document", 7, "profile", 0, b"", b"a")
        await store.publish(row, {"a": b"first"})
        repeated = await store.publish(replace(row, pinned=b"b"), {"b": b"second"})
        assert repeated.pinned == b"a"
        assert dict(await store.contents(["a", "b"])) == {"a": b"first"}
