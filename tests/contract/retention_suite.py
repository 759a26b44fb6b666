"""What every store must do to forget what has ended, in its time."""

from dataclasses import replace

import pytest

from tests.contract.store_suite import commit, execution, execution_id, history, took
from tidemill.engine.store.port import Store
from tidemill.engine.store.retention import NamespaceRow, RetentionTerms
from tidemill.engine.store.rows import ExecutionFilter, ExecutionRow, SnapshotRow
from tidemill.storage import StorageRefusedError

FOR_EVER = RetentionTerms()
# "shop" alone has terms: a history is kept for 100, its row for 200.
SHOP = NamespaceRow("shop", 100, 200)


def closed(number: int, closed_at_us: int, namespace: str = "shop", *, owes: bool = False) -> ExecutionRow:
    """An execution that has ended."""
    return execution(number, phase=7, owes=owes, closed_at_us=closed_at_us, namespace=namespace)


async def kept(store: Store) -> tuple[set[int], set[int]]:
    """The numbers of executions whose histories are there, and of those whose rows are."""
    keys = [execution_id(number) for number in range(1, 9)]
    loaded, rows = await store.load(keys, whole=True), await store.get(keys)
    return (
        {number for number, key in enumerate(keys, 1) if key in loaded},
        {number for number, key in enumerate(keys, 1) if key in rows},
    )


class RetentionSuite:
    """The contract of RetentionStore as tests. An implementation gives a `store`."""

    async def test_namespaces_keep_their_terms_by_name(self, store: Store) -> None:
        assert await store.namespaces() == []
        for row in (NamespaceRow("shop", 1, 2), NamespaceRow("crm", None, 0), SHOP):
            await store.set_namespace(row)
        assert await store.namespaces() == [NamespaceRow("crm", None, 0), SHOP]

    async def test_nothing_is_forgotten_unless_told(self, store: Store) -> None:
        await took(store)
        await store.commit([commit(histories=[history(1, 1, 2)], executions=[closed(1, 5)])])
        assert await store.expire_histories(FOR_EVER, 10**15, 10) == 0
        assert await store.expire_executions(FOR_EVER, 10**15, 10) == 0
        assert await kept(store) == ({1}, {1})

    async def test_a_history_goes_before_its_row(self, store: Store) -> None:
        await took(store)
        await store.set_namespace(SHOP)
        rows = [closed(1, 1_000), closed(2, 1_050)]
        await store.commit(
            [
                commit(
                    histories=[history(1, 1, 2), history(2, 1, 2)], executions=rows,
                    snapshots=[SnapshotRow(execution_id(1), 2, b"state")],
                )
            ]
        )  # fmt: skip
        assert await store.expire_histories(FOR_EVER, 1_100, 10) == 0
        assert await store.expire_histories(FOR_EVER, 1_101, 10) == 1
        assert await store.expire_histories(FOR_EVER, 1_101, 10) == 0
        assert await kept(store) == ({2}, {1, 2})
        assert await store.load([execution_id(1)]) == {}
        assert await store.history(execution_id(1), 1, 10) == []
        assert [row.execution_id for row in await store.page_commits(0, 0, 10)] == [execution_id(2)]
        assert await store.get([execution_id(1)]) == {execution_id(1): rows[0]}
        assert await store.expire_executions(FOR_EVER, 1_200, 10) == 0
        assert await store.expire_executions(FOR_EVER, 1_201, 10) == 1
        assert await kept(store) == ({2}, {2})
        assert await store.page_executions(ExecutionFilter(), 10) == [rows[1]]

    async def test_a_row_takes_the_history_along(self, store: Store) -> None:
        await took(store)
        await store.set_namespace(NamespaceRow("shop", None, 200))
        await store.commit([commit(histories=[history(1, 1, 2)], executions=[closed(1, 1_000)])])
        assert await store.expire_executions(FOR_EVER, 1_201, 10) == 1
        assert await kept(store) == (set(), set())

    async def test_open_executions_and_those_that_owe_are_kept(self, store: Store) -> None:
        await took(store)
        await store.set_namespace(SHOP)
        rows = [execution(1), closed(2, 5, owes=True), closed(3, 5)]
        histories = [history(number, 1, 2) for number in (1, 2, 3)]
        await store.commit([commit(histories=histories, executions=rows)])
        assert await store.expire_histories(FOR_EVER, 10**15, 10) == 1
        assert await store.expire_executions(FOR_EVER, 10**15, 10) == 1
        assert await kept(store) == ({1, 2}, {1, 2})

    async def test_each_namespace_has_its_own_terms(self, store: Store) -> None:
        await took(store)
        for row in (SHOP, NamespaceRow("crm", 0, 0), NamespaceRow("bank", 50, None)):
            await store.set_namespace(row)
        ended = {1: "shop", 2: "crm", 3: "bank", 4: "other"}
        rows = [closed(number, 1_000, namespace) for number, namespace in ended.items()]
        histories = [history(number, 1, 2) for number in ended]
        await store.commit([commit(histories=histories, executions=rows)])
        assert await store.expire_histories(FOR_EVER, 1_060, 10) == 1
        assert await kept(store) == ({1, 2, 4}, {1, 2, 3, 4})
        # What has no terms of its own has those of the installation.
        terms = RetentionTerms(0, 90)
        assert await store.expire_executions(terms, 1_100, 10) == 2
        assert await kept(store) == ({1, 2}, {1, 2})

    async def test_portions_are_bounded_and_begin_with_the_oldest(self, store: Store) -> None:
        await took(store)
        await store.set_namespace(SHOP)
        numbers = (3, 1, 2)
        rows = [closed(number, 1_000 + number) for number in numbers]
        await store.commit([commit(histories=[history(n, 1, 2) for n in numbers], executions=rows)])
        assert await store.expire_histories(FOR_EVER, 2_000, 2) == 2
        assert await kept(store) == ({3}, {1, 2, 3})
        assert await store.expire_executions(FOR_EVER, 2_000, 1) == 1
        assert await store.expire_histories(FOR_EVER, 2_000, 2) == 1
        assert await store.expire_executions(FOR_EVER, 2_000, 9) == 2
        assert await kept(store) == (set(), set())

    async def test_an_execution_without_history_stays_closed(self, store: Store) -> None:
        await took(store, 0, 1)
        await store.set_namespace(SHOP)
        await store.commit([commit(histories=[history(1, 1, 2)], executions=[closed(1, 5)])])
        await store.expire_histories(FOR_EVER, 2_000, 9)
        other = commit(shard=1, histories=[history(2, 1, 1)])
        again = commit(histories=[history(1, 3, 3)], executions=[execution(1)])
        with pytest.raises(StorageRefusedError):
            await store.commit([again, other])
        assert await kept(store) == (set(), {1})
        late = commit(histories=[history(1, 3, 3)], executions=[replace(closed(1, 5), reason="late")])
        assert await store.commit([late, other]) == {0, 1}

    async def test_what_open_executions_hold_pages_oldest_first(self, store: Store) -> None:
        await took(store, 0, 1)
        rows = [execution(number) for number in (3, 1, 2, 4)] + [closed(5, 9)]
        await store.commit([commit(executions=rows), commit(shard=1, executions=[execution(6, shard=1)])])
        snapshots = {2: 1_002, 1: 1_010}
        for number, clock_us in snapshots.items():
            snapshot = SnapshotRow(execution_id(number), 2, b"state")
            await store.commit([commit(clock_us=clock_us, snapshots=[snapshot])])
        first = await store.page_holding(0, 1_004, None, 1)
        assert first == [(1_002, execution_id(2))]
        assert await store.page_holding(0, 1_004, first[0], 9) == [(1_003, execution_id(3))]
        assert await store.page_holding(0, 1_002, None, 9) == []
        assert await store.page_holding(0, 1_011, None, 1) == [(1_001, execution_id(1))]
        assert await store.page_holding(1, 2_000, None, 9) == [(1_006, execution_id(6))]

    async def test_without_terms_no_partition_goes(self, store: Store) -> None:
        assert await store.drop_histories(FOR_EVER, 10**17) == 0
