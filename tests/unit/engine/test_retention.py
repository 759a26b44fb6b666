"""What has ended is forgotten by the settings' terms, in portions; they fit together or are refused."""

from typing import Any

import pytest

from tests.contract.retention_suite import closed
from tests.contract.store_suite import commit, execution_id, history
from tidemill.clock import ManualClock
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.retention import Retention
from tidemill.engine.settings import Settings
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.retention import NamespaceRow, RetentionTerms, outlives
from tidemill.errors import InvalidRequestError

HOUR_US = 3_600_000_000


class PartitionedStore(MemoryStore):
    """A store that has partitions, of which it drops none."""

    def __init__(self) -> None:
        super().__init__(1)
        self.prepared: list[tuple[int, int]] = []

    async def prepare_history(self, now_us: int, partition_us: int) -> int:
        self.prepared.append((now_us, partition_us))
        return 0

    async def drop_histories(self, terms: RetentionTerms, now_us: int) -> int:
        return 77 if terms.history_us else 0


async def filled(clock: ManualClock, count: int) -> PartitionedStore:
    """A store in which executions have just ended."""
    store = PartitionedStore()
    await store.take([0], "a")
    rows = [closed(number, clock.now_us()) for number in range(count)]
    histories = [history(number, 1, 2) for number in range(count)]
    await store.commit([commit(executions=rows, histories=histories)])
    return store


def retention(store: MemoryStore, clock: ManualClock, **settings: Any) -> Retention:  # noqa: ANN401
    return Retention(store, Environment(settings=Settings(**settings), clock=clock))


async def test_portions_follow_each_other_until_all_is_forgotten() -> None:
    clock = ManualClock()
    store = await filled(clock, 5)
    loop = retention(
        store, clock, history_retention_us=HOUR_US, execution_retention_us=2 * HOUR_US, retention_rows=2
    )
    assert not await loop.run_once()
    await clock.advance_us(HOUR_US + 1)
    assert [await loop.run_once() for _ in range(3)] == [True, True, False]
    keys = [execution_id(number) for number in range(5)]
    assert await store.load(keys) == {}
    assert len(await store.get(keys)) == 5
    await clock.advance_us(HOUR_US)
    assert [await loop.run_once() for _ in range(3)] == [True, True, False]
    assert await store.get(keys) == {}


async def test_all_is_kept_by_default() -> None:
    clock = ManualClock()
    store = await filled(clock, 1)
    loop = retention(store, clock)
    await clock.advance_us(10**15)
    assert not await loop.run_once()
    assert set(await store.load([execution_id(0)])) == {execution_id(0)}
    assert loop.holding_before_us == 0


async def test_partitions_are_made_ahead_and_what_holds_one_is_told() -> None:
    clock = ManualClock()
    store = await filled(clock, 0)
    loop = retention(store, clock, history_retention_us=HOUR_US, history_partition_us=HOUR_US)
    await loop.run_once()
    assert store.prepared == [(clock.now_us(), HOUR_US)]
    assert loop.holding_before_us == 77


@pytest.mark.parametrize(
    ("execution_us", "history_us", "fits"),
    [(0, 0, True), (0, 5, True), (5, 5, True), (6, 5, True), (4, 5, False), (5, 0, False)],
)
def test_rows_are_kept_as_long_as_histories(execution_us: int, history_us: int, fits: bool) -> None:
    assert outlives(execution_us, history_us) is fits
    if fits:
        Settings(history_retention_us=history_us, execution_retention_us=execution_us)
        return
    with pytest.raises(InvalidRequestError, match="TIDEMILL_ENGINE_EXECUTION_RETENTION_US"):
        Settings(history_retention_us=history_us, execution_retention_us=execution_us)


def test_the_longest_of_all_terms_decides_about_partitions() -> None:
    terms = RetentionTerms(5, 9)
    assert terms.longest_history_us([]) == 5
    assert terms.longest_history_us([NamespaceRow("a", 3), NamespaceRow("b"), NamespaceRow("c", 7)]) == 7
    assert terms.longest_history_us([NamespaceRow("a", 3), NamespaceRow("b", 0)]) == 0
    assert RetentionTerms().longest_history_us([NamespaceRow("a", 3)]) == 0
