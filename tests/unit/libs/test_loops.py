"""Loops: idle waits, wakes, backoff after errors, stopping, and what a supervisor does with failures."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable

import pytest

from tidemill.backoff import Backoff
from tidemill.clock import ManualClock, settle
from tidemill.loops import FatalError, Pacing, Stop, run_loop
from tidemill.supervision import Supervisor
from tidemill.telemetry import names
from tidemill.telemetry.metrics import Metrics

SECOND_US = 1_000_000
Answer = bool | Exception


class Script:
    """A step that gives scripted answers, then says that it is idle."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.calls = 0

    async def step(self) -> bool:
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else False
        if isinstance(answer, Exception):
            raise answer
        return answer


class Running:
    """A loop under way, with everything that a test turns."""

    def __init__(
        self, step: Callable[[], Awaitable[bool]], *, idle_us: int | Callable[[], int] | None = None
    ) -> None:
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.stop = Stop()
        self.wake = asyncio.Event()
        backoff = Backoff(initial_us=SECOND_US, max_us=4 * SECOND_US, jitter=0)
        pacing = Pacing(
            backoff=backoff, idle_us=idle_us, clock=self.clock, metrics=self.metrics, source=random.Random(1)
        )
        loop = run_loop(step, name="test", stop=self.stop, pacing=pacing, wake=self.wake)
        self.task = asyncio.ensure_future(loop)

    async def ends(self) -> None:
        self.stop.set()
        await self.task


async def test_a_loop_works_until_there_is_no_work_then_waits_for_a_wake() -> None:
    script = Script(True, True)
    running = Running(script.step)
    await settle()
    assert script.calls == 3
    running.wake.set()
    await settle()
    assert script.calls == 4
    await running.ends()


async def test_a_wake_during_a_step_is_not_lost() -> None:
    calls = 0

    async def step() -> bool:
        nonlocal calls
        calls += 1
        if calls == 1:
            running.wake.set()
        return False

    running = Running(step)
    await settle()
    assert calls == 2
    await running.ends()


async def test_long_waits_end_on_whole_seconds_so_that_idle_loops_wake_together() -> None:
    script = Script()
    running = Running(script.step, idle_us=2 * SECOND_US)
    await running.clock.advance_us(SECOND_US * 3 // 10)
    running.wake.set()
    await settle()
    assert script.calls == 2
    await running.clock.advance_us(SECOND_US * 17 // 10 - 1)
    assert script.calls == 2
    await running.clock.advance_us(1)
    assert script.calls == 3
    await running.ends()


async def test_an_idle_loop_looks_again_after_its_idle_time() -> None:
    script = Script()
    running = Running(script.step, idle_us=SECOND_US)
    await settle()
    await running.clock.advance_us(SECOND_US - 1)
    assert script.calls == 1
    await running.clock.advance_us(1)
    assert script.calls == 2
    await running.ends()


async def test_an_idle_time_that_is_a_function_is_asked_each_time() -> None:
    script = Script()
    waits = iter([SECOND_US, 5 * SECOND_US, SECOND_US])
    running = Running(script.step, idle_us=lambda: next(waits))
    await settle()
    await running.clock.advance_us(SECOND_US)
    assert script.calls == 2
    await running.clock.advance_us(5 * SECOND_US - 1)
    assert script.calls == 2
    await running.clock.advance_us(1)
    assert script.calls == 3
    await running.ends()


async def test_errors_back_off_longer_each_time_and_are_counted_until_it_works_again() -> None:
    script = Script(ValueError("1"), ValueError("2"), False)
    running = Running(script.step)
    errors = running.metrics.counter(names.LOOP_ERRORS, loop="test")
    failing = running.metrics.gauge(names.LOOP_FAILING, loop="test")
    await settle()
    assert (script.calls, errors.value, failing.value) == (1, 1, 1)
    await running.clock.advance_us(SECOND_US)
    assert (script.calls, errors.value) == (2, 2)
    await running.clock.advance_us(2 * SECOND_US - 1)
    assert script.calls == 2
    await running.clock.advance_us(1)
    assert (script.calls, errors.value, failing.value) == (3, 2, 0)
    await running.ends()


async def test_a_wake_does_not_shorten_a_backoff_but_a_stop_does() -> None:
    script = Script(ValueError())
    running = Running(script.step)
    await settle()
    running.wake.set()
    await settle()
    assert script.calls == 1
    await running.ends()
    assert script.calls == 1


async def test_a_busy_loop_lets_others_run() -> None:
    async def step() -> bool:
        return True

    running = Running(step)
    await settle()
    await running.ends()


async def test_a_fatal_error_leaves_the_loop() -> None:
    running = Running(Script(FatalError("the store is corrupted")).step)
    with pytest.raises(FatalError, match="corrupted"):
        await running.task


async def test_a_stopped_loop_finishes_the_step_under_way() -> None:
    gate = asyncio.Event()
    finished = False

    async def step() -> bool:
        nonlocal finished
        await gate.wait()
        finished = True
        return True

    running = Running(step)
    await settle()
    running.stop.set()
    await settle()
    assert not running.task.done()
    gate.set()
    await running.task
    assert finished


async def test_a_loop_on_a_stop_that_is_set_does_nothing() -> None:
    stop = Stop()
    stop.set()
    script = Script()
    await run_loop(script.step, name="test", stop=stop)
    assert script.calls == 0


async def test_a_supervisor_stops_all_when_one_fails_and_passes_its_error_on() -> None:
    stop = Stop()
    supervisor = Supervisor(stop)
    idle = supervisor.start("idle", run_loop(Script().step, name="idle", stop=stop))
    supervisor.start("bad", run_loop(Script(FatalError("bad")).step, name="bad", stop=stop))
    with pytest.raises(FatalError, match="bad"):
        await supervisor.run()
    assert idle.done()
    assert stop.is_set()


async def test_a_task_that_ends_well_stops_nothing() -> None:
    supervisor = Supervisor(Stop())

    async def work() -> None:
        return

    supervisor.start("short", work())
    running = asyncio.ensure_future(supervisor.run())
    await settle()
    assert not running.done()
    supervisor.ask()
    await running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_before_the_tasks_stop(number: signal.Signals) -> None:
    stop = Stop()
    supervisor = Supervisor(stop)
    stopped_at_drain: list[bool] = []

    async def drain() -> None:
        stopped_at_drain.append(stop.is_set())

    task = supervisor.start("idle", run_loop(Script().step, name="idle", stop=stop))
    running = asyncio.ensure_future(supervisor.run(drain))
    await settle()
    os.kill(os.getpid(), number)
    await running
    assert stopped_at_drain == [False]
    assert task.done()


async def test_a_second_signal_cancels_a_drain_that_hangs() -> None:
    supervisor = Supervisor(Stop())
    draining = asyncio.Event()

    async def drain() -> None:
        draining.set()
        await asyncio.Event().wait()

    running = asyncio.ensure_future(supervisor.run(drain))
    await settle()
    os.kill(os.getpid(), signal.SIGTERM)
    await draining.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await running


async def test_tasks_that_do_not_stop_in_time_are_cancelled() -> None:
    supervisor = Supervisor(Stop(), grace_seconds=0)

    async def deaf() -> None:
        await asyncio.Event().wait()

    task = supervisor.start("deaf", deaf())
    supervisor.ask()
    await supervisor.run()
    assert task.cancelled()


async def test_a_drain_that_fails_still_stops_all_and_its_error_is_told() -> None:
    stop = Stop()
    supervisor = Supervisor(stop)

    async def drain() -> None:
        raise ValueError("no")

    supervisor.ask()
    with pytest.raises(ValueError, match="no"):
        await supervisor.run(drain)
    assert stop.is_set()
