"""Clocks that stand still for tests, and delays that grow within bounds."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.backoff import Backoff
from tidemill.clock import ManualClock, SystemClock, settle


async def test_sleepers_wake_in_due_order_each_at_its_own_time() -> None:
    clock = ManualClock(1000)
    woken: list[tuple[str, int]] = []

    async def sleeper(name: str, duration_us: int) -> None:
        await clock.sleep_us(duration_us)
        woken.append((name, clock.now_us()))

    tasks = [asyncio.ensure_future(sleeper(name, wait)) for name, wait in (("b", 20), ("a", 10), ("c", 20))]
    await settle()
    assert clock.next_due_us() == 1010
    await clock.advance_us(30)
    assert woken == [("a", 1010), ("b", 1020), ("c", 1020)]
    assert (clock.now_us(), clock.monotonic_us()) == (1030, 30)
    assert all(task.done() for task in tasks)


async def test_a_sleeper_that_sleeps_again_wakes_within_one_advance() -> None:
    clock = ManualClock(0)
    times: list[int] = []

    async def ticker() -> None:
        for _ in range(3):
            await clock.sleep_us(10)
            times.append(clock.now_us())

    task = asyncio.ensure_future(ticker())
    await settle()
    await clock.advance_us(30)
    assert times == [10, 20, 30]
    assert task.done()


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock(0)
    task = asyncio.ensure_future(clock.sleep_us(10))
    await settle()
    task.cancel()
    await settle()
    assert clock.next_due_us() is None


async def test_the_system_clock_counts_microseconds() -> None:
    clock = SystemClock()
    before = clock.monotonic_us()
    await clock.sleep_us(0)
    assert clock.monotonic_us() >= before
    assert 1_600_000_000_000_000 < clock.now_us() < 10_000_000_000_000_000


def test_without_jitter_delays_double_up_to_the_cap() -> None:
    backoff = Backoff(initial_us=100, max_us=1000, factor=2, jitter=0)
    source = random.Random(1)
    assert [backoff.delay_us(failures, source) for failures in range(7)] == [
        100, 100, 200, 400, 800, 1000, 1000,
    ]  # fmt: skip


@given(st.integers(0, 10**9), st.floats(0, 1), st.integers())
def test_jitter_keeps_a_delay_within_its_share(failures: int, jitter: float, seed: int) -> None:
    exact = Backoff(jitter=0).delay_us(failures, random.Random(seed))
    drawn = Backoff(jitter=jitter).delay_us(failures, random.Random(seed))
    assert exact * (1 - jitter) - 1 <= drawn <= exact


@pytest.mark.parametrize("settings", [{"initial_us": 0}, {"max_us": 1}, {"factor": 0.5}, {"jitter": 2.0}])
def test_a_backoff_that_makes_no_sense_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Backoff(**settings)  # type: ignore[arg-type]
