"""Timers in memory: never early, bounded, and none lost between the rows and the heap."""

import pytest

from tests.contract.store_suite import commit, execution_id, turned_id
from tidemill.clock import ManualClock
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.items import DueTimer
from tidemill.engine.runtime.timers import Timers
from tidemill.engine.settings import Settings
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.rows import TimerRow
from tidemill.storage import StorageUnavailableError

SECOND_US = 1_000_000


class Bench:
    """Timers over a store in memory, with time moved by hand."""

    def __init__(self, **settings: int) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(2)
        self.inbox = Inbox(Settings())
        environment = Environment(settings=Settings(**settings), clock=self.clock)  # type: ignore[arg-type]
        self.timers = Timers(self.store, self.inbox, environment)
        self.epochs = 0

    async def own(self) -> None:
        rows = await self.store.take([0, 1], "a")
        self.epochs = rows[0].epoch
        self.timers.drop((0, 1))
        self.timers.add((0, 1))

    async def arm(self, *after_seconds: float, shard: int = 0) -> list[TimerRow]:
        """Commit timers that are due so many seconds from now, as the batch loop would."""
        now_us = self.clock.now_us()
        rows = [
            TimerRow(shard, now_us + int(after * SECOND_US), execution_id(number), f"t{after}")
            for number, after in enumerate(after_seconds)
        ]
        await self.store.commit([commit(epoch=self.epochs, shard=shard, timers_armed=rows)])
        return rows

    async def page(self) -> None:
        self.timers.raise_horizon()
        await self.timers.read_ahead()

    async def fire_and_commit(self) -> list[str]:
        """Fire what is due and delete its rows, as the batch loop would."""
        self.timers.fire_due(1000)
        items = [item for item in self.inbox.take(1000) if isinstance(item, DueTimer)]
        for shard in (0, 1):
            gone = [(item.execution_id, item.timer_id) for item in items if item.shard == shard]
            await self.store.commit([commit(epoch=self.epochs, shard=shard, timers_gone=gone)])
        return [item.timer_id for item in items]

    def fired(self, limit: int = 1000) -> list[str]:
        self.timers.fire_due(limit)
        items = self.inbox.take(1000)
        assert all(isinstance(item, DueTimer) for item in items)
        return [item.timer_id for item in items if isinstance(item, DueTimer)]


async def test_timers_fire_in_order_and_never_early() -> None:
    bench = Bench()
    await bench.own()
    await bench.arm(3, 1, 2)
    await bench.page()
    assert bench.fired() == []
    await bench.clock.advance_us(SECOND_US - 1)
    assert bench.fired() == []
    await bench.clock.advance_us(1)
    assert bench.fired() == ["t1"]
    await bench.clock.advance_us(5 * SECOND_US)
    assert bench.fired() == ["t2", "t3"]


async def test_a_timer_committed_while_the_page_is_read_is_pushed() -> None:
    bench = Bench()
    await bench.own()
    bench.timers.raise_horizon()
    rows = await bench.arm(1)
    bench.timers.armed(rows)
    await bench.timers.read_ahead()
    await bench.clock.advance_us(SECOND_US)
    assert set(bench.fired()) == {"t1"}


async def test_timers_beyond_the_horizon_stay_rows_until_it_reaches_them() -> None:
    bench = Bench(timer_horizon_us=60 * SECOND_US)
    await bench.own()
    await bench.page()
    bench.timers.armed(await bench.arm(3600))
    assert len(bench.timers) == 0
    await bench.clock.advance_us(3590 * SECOND_US)
    assert bench.timers.needs_page()
    await bench.page()
    assert len(bench.timers) == 1
    await bench.clock.advance_us(10 * SECOND_US)
    assert bench.fired() == ["t3600"]


async def test_timers_of_one_moment_fire_in_the_order_in_which_their_executions_began() -> None:
    bench = Bench()
    await bench.own()
    due_at_us = bench.clock.now_us() + SECOND_US
    # By their ids they stand the other way round: these begin with the hash of the lane.
    ids = [turned_id(number) for number in range(4)]
    for shard in (0, 1):
        rows = [TimerRow(shard, due_at_us, key, "t") for key in ids[shard::2]]
        await bench.store.commit([commit(epoch=bench.epochs, shard=shard, timers_armed=rows)])
    await bench.page()
    await bench.clock.advance_us(SECOND_US)
    bench.timers.fire_due(10)
    assert [(item.execution_id, item.shard) for item in bench.inbox.take(10)] == [
        (key, number % 2) for number, key in enumerate(ids)
    ]


async def test_a_full_heap_lowers_the_horizon_and_loses_nothing() -> None:
    bench = Bench(timers_in_memory_max=10, timer_page_rows=3)
    await bench.own()
    await bench.arm(*range(1, 41))
    await bench.arm(*(number + 0.5 for number in range(1, 6)), shard=1)
    await bench.page()
    assert len(bench.timers) <= 10
    fired: set[str] = set()
    for _ in range(200):
        await bench.clock.advance_us(SECOND_US // 4)
        if bench.timers.needs_page():
            await bench.page()
        fired.update(await bench.fire_and_commit())
    assert fired == {f"t{number}" for number in range(1, 41)} | {f"t{number}.5" for number in range(1, 6)}


async def test_timers_beyond_a_lowered_horizon_do_not_keep_out_those_that_are_due() -> None:
    bench = Bench(timers_in_memory_max=4, timer_page_rows=1)
    await bench.own()
    await bench.arm(50)
    await bench.arm(1, 2, 3, 4, 5, 6, shard=1)
    fired: list[str] = []
    await bench.clock.advance_us(10 * SECOND_US)
    for _ in range(6):
        if bench.timers.needs_page():
            await bench.page()
        fired += await bench.fire_and_commit()
    assert fired == ["t1", "t2", "t3", "t4", "t5", "t6"]


async def test_a_heap_that_is_full_enough_is_waited_for_and_not_asked_again_at_once() -> None:
    bench = Bench(timers_in_memory_max=10, timer_horizon_us=60 * SECOND_US)
    await bench.own()
    await bench.arm(*[50.0] * 4)
    await bench.arm(*[51.0] * 4, shard=1)
    await bench.page()
    await bench.clock.advance_us(40 * SECOND_US)
    assert not bench.timers.needs_page()
    assert bench.timers.wait_us() == 10 * SECOND_US


async def test_a_page_that_could_not_be_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    await bench.own()
    await bench.arm(1)

    async def refuse(*_: object) -> list[TimerRow]:
        raise StorageUnavailableError("store", "no disk")

    with monkeypatch.context() as patching:
        patching.setattr(bench.store, "page_timers", refuse)
        with pytest.raises(StorageUnavailableError):
            await bench.page()
    assert bench.timers.needs_page()
    await bench.page()
    await bench.clock.advance_us(SECOND_US)
    assert bench.fired() == ["t1"]


async def test_firing_is_bounded_a_call() -> None:
    bench = Bench()
    await bench.own()
    await bench.arm(*[1.0] * 20)
    await bench.page()
    await bench.clock.advance_us(SECOND_US)
    assert len(bench.fired(limit=7)) == 7
    assert len(bench.fired(limit=100)) == 13


async def test_it_waits_until_the_first_timer_and_wakes_for_an_earlier_one() -> None:
    bench = Bench()
    await bench.own()
    await bench.arm(10)
    await bench.page()
    assert bench.timers.wait_us() == 10 * SECOND_US
    bench.timers.wake.clear()
    bench.timers.armed(await bench.arm(2))
    assert bench.timers.wake.is_set()
    assert bench.timers.wait_us() == 2 * SECOND_US


async def test_owning_nothing_forgets_all() -> None:
    bench = Bench()
    await bench.own()
    await bench.arm(1)
    await bench.page()
    bench.timers.drop((0, 1))
    await bench.clock.advance_us(2 * SECOND_US)
    assert bench.fired() == []
    assert not bench.timers.needs_page()
    await bench.timers.read_ahead()
    assert len(bench.timers) == 0
