"""Snapshots: when one is due, and what is loaded with one, without one, and with one that nobody can read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from tests.claim_checks import in_memory
from tests.contract.store_suite import commit
from tests.unit.core.driver import EXECUTION_ID, Driver
from tests.unit.core.snapshots import snapshot
from tidemill.api.events.v1.snapshot_pb2 import Snapshot
from tidemill.engine.core.events import ActionState
from tidemill.engine.core.history import HistoryError
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.records import decode_batch
from tidemill.engine.runtime.snapshots import Growth, load_states
from tidemill.engine.state_records import SNAPSHOT_SCHEMA, encode_state
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.rows import HistoryRow, SnapshotRow, StoredExecution

CALL = {"call": "http", "with": {"method": "get", "endpoint": "https://example.com"}}


class Story:
    """An execution that waits for its second call, and its rows: the first call's answer is the last one."""

    def __init__(self) -> None:
        self.driver = Driver({"first": CALL}, {"second": CALL})
        self.driver.start()
        self.first = self._snapshot()
        [call] = self.driver.calls.values()
        self.driver.answer(call, ActionState.SUCCEEDED)
        self.last = self._snapshot()
        self.rows: list[HistoryRow] = []
        sequence = 0
        for number, data in enumerate(self.driver.rows, 1):
            events = len(decode_batch(data).events)
            self.rows.append(HistoryRow(EXECUTION_ID, sequence + 1, sequence + events, number, data))
            sequence += events

    def _snapshot(self) -> SnapshotRow:
        state = self.driver.state
        return SnapshotRow(EXECUTION_ID, state.sequence, encode_state(state))


class CountingStore(MemoryStore):
    """A store that counts how often it is asked."""

    loads = 0

    async def load(
        self, execution_ids: Sequence[str], *, whole: bool = False
    ) -> Mapping[str, StoredExecution]:
        self.loads += 1
        return await super().load(execution_ids, whole=whole)


async def stored(story: Story, *snapshots: SnapshotRow) -> CountingStore:
    """The story's history in a store, with snapshots."""
    store = CountingStore(1)
    await store.take([0], "a")
    await store.commit([commit(histories=story.rows, snapshots=list(snapshots))])
    return store


async def loaded(store: MemoryStore) -> tuple[ExecutionState, Growth]:
    """The one execution."""
    found = (await load_states(store, in_memory(), [EXECUTION_ID]))[EXECUTION_ID]
    assert isinstance(found.state, ExecutionState)
    return found.state, found.growth


async def test_without_a_snapshot_the_whole_history_is_folded() -> None:
    story = Story()
    state, growth = await loaded(await stored(story))
    assert snapshot(state) == snapshot(story.driver.state)
    assert growth == Growth(state.sequence, sum(len(row.data) for row in story.rows), 0)


@pytest.mark.parametrize("name", ["first", "last"])
async def test_with_a_snapshot_only_what_came_after_it_is_folded(name: str) -> None:
    story = Story()
    row: SnapshotRow = getattr(story, name)
    store = await stored(story, row)
    state, growth = await loaded(store)
    assert snapshot(state) == snapshot(story.driver.state)
    later = [held for held in story.rows if held.sequence > row.sequence]
    assert len(later) == {"first": len(story.rows) - 1, "last": 0}[name]
    assert growth.events == state.sequence - row.sequence
    assert growth.history_bytes == sum(len(held.data) for held in later)
    assert growth.snapshot_bytes == len(row.data)
    assert store.loads == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\xff no snapshot",
        Snapshot(schema=SNAPSHOT_SCHEMA + 1).SerializeToString(),
        # One that reads well, of another state: what came after does not follow.
        Snapshot(schema=SNAPSHOT_SCHEMA, sequence=2, values=[b"{}"]).SerializeToString(),
    ],
)
async def test_a_snapshot_that_leads_nowhere_is_ignored(data: bytes) -> None:
    story = Story()
    store = await stored(story, replace(story.first, sequence=2, data=data))
    state, growth = await loaded(store)
    assert snapshot(state) == snapshot(story.driver.state)
    assert growth.snapshot_bytes == 0
    assert store.loads == 2


async def test_a_damaged_history_is_told_of_with_and_without_a_snapshot() -> None:
    story = Story()
    story.rows[-1] = replace(story.rows[-1], data=b"\xff no history")
    for snapshots in ([], [story.first]):
        found = await load_states(await stored(story, *snapshots), in_memory(), [EXECUTION_ID])
        assert isinstance(found[EXECUTION_ID].state, HistoryError)


async def test_what_does_not_exist_is_not_loaded() -> None:
    assert await load_states(MemoryStore(1), in_memory(), [EXECUTION_ID]) == {}


def test_a_snapshot_comes_after_enough_events_and_bytes() -> None:
    state = Story().driver.state
    growth = Growth()
    growth.add(9, 100)
    assert growth.take(state, 10) is None
    growth.add(1, 5)
    row = growth.take(state, 10)
    assert row == SnapshotRow(EXECUTION_ID, state.sequence, encode_state(state))
    assert growth == Growth(0, 0, len(row.data))
    growth.add(10, len(row.data) - 1)
    assert growth.take(state, 10) is None
    growth.add(1, 1)
    assert growth.take(state, 10) is not None


def test_a_closed_execution_gets_none() -> None:
    driver = Driver({"only": {"set": {"a": 1}}})
    driver.start()
    assert Growth(100, 100).take(driver.state, 1) is None


def test_a_state_that_cannot_be_written_costs_only_its_snapshot() -> None:
    state = Story().driver.state
    state.actions["stranger"] = state.root
    growth = Growth(10, 10)
    assert growth.take(state, 1) is None
    assert growth == Growth(0, 0, 0)
