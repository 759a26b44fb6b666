"""Settled keys are noted some at a time, and a service that has none to note does not wake up for it."""

import asyncio
from collections.abc import Sequence

from tidemill.actions.ledger.memory import MemoryLedger
from tidemill.actions.runtime.meters import Meters
from tidemill.actions.runtime.settlement import Settlement
from tidemill.actions.settings import Settings
from tidemill.clock import ManualClock
from tidemill.loops import Pacing, Stop, run_loop
from tidemill.telemetry.metrics import Metrics

SETTINGS = Settings(settle_interval_us=1_000, settle_rows_max=2)


class NotedKeys(MemoryLedger):
    """Keeps which keys were noted together."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str]] = []

    async def settle(self, keys: Sequence[str], now_us: int) -> None:
        self.batches.append(list(keys))


class Bench:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ledger = NotedKeys()
        self.settlement = Settlement(self.ledger, self.clock, Meters(Metrics()), SETTINGS)


async def test_keys_that_come_within_the_interval_are_noted_together() -> None:
    bench = Bench()
    bench.settlement.add(["a"])
    assert await bench.settlement.run_once() is False
    await bench.clock.advance_us(999)
    bench.settlement.add(["b"])
    assert bench.settlement.idle_us() == 1
    assert await bench.settlement.run_once() is False
    await bench.clock.advance_us(1)
    assert await bench.settlement.run_once() is False
    assert bench.ledger.batches == [["a", "b"]]


async def test_more_than_a_batch_are_noted_one_batch_after_another() -> None:
    bench = Bench()
    bench.settlement.add(["a", "b", "c"])
    await bench.clock.advance_us(1_000)
    assert await bench.settlement.run_once() is True
    assert await bench.settlement.run_once() is False
    assert bench.ledger.batches == [["a", "b"], ["c"]]


async def test_a_stop_waits_for_no_interval() -> None:
    bench = Bench()
    bench.settlement.add(["a"])
    await bench.settlement.flush()
    assert bench.ledger.batches == [["a"]]


async def test_the_loop_sleeps_until_keys_come_and_then_for_the_interval() -> None:
    bench, stop = Bench(), Stop()
    settlement = bench.settlement
    pacing = Pacing(clock=bench.clock, idle_us=settlement.idle_us)
    running = asyncio.create_task(
        run_loop(settlement.run_once, name="settle", stop=stop, pacing=pacing, wake=settlement.wake)
    )
    await bench.clock.advance_us(0)
    first_due_us = bench.clock.next_due_us()
    assert first_due_us is not None
    assert first_due_us - bench.clock.now_us() > 10 * SETTINGS.settle_interval_us
    settlement.add(["a"])
    await bench.clock.advance_us(1_000)
    assert bench.ledger.batches == [["a"]]
    stop.set()
    await running
