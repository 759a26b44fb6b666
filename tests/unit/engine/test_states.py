"""The cache of states: how many it keeps, and that what it forgets leaves memory at once."""

import gc
from collections.abc import Iterator

import pytest

from tests.claim_checks import in_memory
from tests.unit.core.driver import Driver
from tidemill.engine.core.state import ExecutionState, Frame
from tidemill.engine.runtime.items import DueTimer
from tidemill.engine.runtime.snapshots import Growth
from tidemill.engine.runtime.states import States
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.lanes import execution_id, lane_hash, lane_of

EXECUTIONS_MAX = 3
LARGE_BYTES_MAX = 1_000


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Memory comes back only where nothing refers to it any more."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def waiting(number: int) -> ExecutionState:
    """A state with frames: a task under way inside of another one."""
    unique = f"0190a000-0000-7000-8000-{number:012x}"
    driver = Driver({"block": {"do": [{"pause": {"wait": {"hours": 1}}}]}})
    driver.start()
    state = driver.state
    state.execution_id = execution_id(lane_hash(lane_of("shop", "", unique)), unique)
    del driver
    gc.collect()  # the driver has folded states of its own
    return state


def frames_in_memory() -> int:
    return sum(isinstance(held, Frame) for held in gc.get_objects())


@pytest.mark.usefixtures("without_collector")
def test_what_is_too_much_leaves_memory_at_once() -> None:
    states = States(MemoryStore(1), EXECUTIONS_MAX, 1, check=in_memory(), large_bytes_max=LARGE_BYTES_MAX)
    before = frames_in_memory()
    for number in range(3 * EXECUTIONS_MAX):
        states.keep(waiting(number), Growth())
    states.trim()
    assert len(states) == EXECUTIONS_MAX
    assert frames_in_memory() - before == 3 * EXECUTIONS_MAX


@pytest.mark.usefixtures("without_collector")
def test_what_is_evicted_leaves_memory_at_once() -> None:
    states = States(MemoryStore(1), EXECUTIONS_MAX, 1, check=in_memory(), large_bytes_max=LARGE_BYTES_MAX)
    before = frames_in_memory()
    state = waiting(1)
    states.keep(state, Growth())
    states.evict([state.execution_id])
    del state
    assert len(states) == 0
    assert frames_in_memory() == before


@pytest.mark.usefixtures("without_collector")
def test_shards_that_are_dropped_leave_memory_at_once() -> None:
    states = States(MemoryStore(1), EXECUTIONS_MAX, 1, check=in_memory(), large_bytes_max=LARGE_BYTES_MAX)
    before = frames_in_memory()
    for number in range(EXECUTIONS_MAX):
        states.keep(waiting(number), Growth())
    states.drop([0])
    assert frames_in_memory() == before


def test_a_batch_larger_than_the_cache_keeps_its_states_until_it_has_ended() -> None:
    states = States(MemoryStore(1), EXECUTIONS_MAX, 1, check=in_memory(), large_bytes_max=LARGE_BYTES_MAX)
    batch = [waiting(number) for number in range(2 * EXECUTIONS_MAX)]
    for state in batch:
        states.keep(state, Growth())
    assert all(frame.parent is not None for state in batch for frame in state.frames.values())


async def test_large_texts_leave_memory_sooner_the_longest_unused_first() -> None:
    states = States(MemoryStore(1), EXECUTIONS_MAX, 1, check=in_memory(), large_bytes_max=LARGE_BYTES_MAX)
    first, second, small = (waiting(number) for number in range(3))

    async def held() -> set[str]:
        items = [DueTimer(0, state.execution_id, "t") for state in (first, second, small)]
        return set(await states.load(items))

    states.keep(small, Growth())
    states.keep(first, Growth(large_bytes=LARGE_BYTES_MAX))
    states.trim()
    assert await held() == {small.execution_id, first.execution_id}
    states.keep(second, Growth(large_bytes=1))
    states.trim()
    # What holds none stays, however long it was not used.
    assert await held() == {small.execution_id, second.execution_id}
    states.keep(second, Growth(large_bytes=LARGE_BYTES_MAX + 1))
    states.trim()
    assert await held() == {small.execution_id}
    states.keep(first, Growth(large_bytes=LARGE_BYTES_MAX))
    states.trim()
    assert await held() == {small.execution_id, first.execution_id}
