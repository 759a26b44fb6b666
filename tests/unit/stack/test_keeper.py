"""A service that dies is started again, with a wait that grows."""

import asyncio

import pytest

from tidemill.clock import ManualClock, settle
from tidemill.stack.keeper import Keeper
from tidemill.stack.layout import SERVICES, ServiceName


class FakeProcess:
    """Ends when a test says so."""

    def __init__(self) -> None:
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(self, code: int) -> None:
        self._ended.set_result(code)

    async def wait(self) -> int:
        return await self._ended


class FakeStack:
    """Counts how often each service was started."""

    def __init__(self) -> None:
        self.starts: list[ServiceName] = []
        self.processes = {name: FakeProcess() for name in SERVICES}

    def process(self, name: ServiceName) -> FakeProcess:
        return self.processes[name]

    async def start_one(self, name: ServiceName) -> FakeProcess:
        self.starts.append(name)
        self.processes[name] = FakeProcess()
        return self.processes[name]


async def ends(stack: FakeStack, clock: ManualClock, code: int = -9) -> float:
    """End the engine, wait until it is started again, and say how many seconds that took."""
    before, starts = clock.monotonic_us(), len(stack.starts)
    stack.processes["engine"].end(code)
    await settle()
    due_us = clock.next_due_us()
    assert due_us is not None
    await clock.advance_us(due_us - clock.now_us())
    assert len(stack.starts) == starts + 1
    return (clock.monotonic_us() - before) / 1_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_only_what_ended_is_started_again_and_it_is_said(clock: ManualClock) -> None:
    stack, said = FakeStack(), list[tuple[ServiceName, str]]()
    keeping = asyncio.create_task(Keeper(stack, lambda *line: said.append(line), clock=clock).run())
    await settle()
    await ends(stack, clock)
    assert stack.starts == ["engine"]
    ((name, line),) = said
    assert name == "engine"
    assert line.startswith("ended with exit code -9, starts again in ")
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_the_wait_grows_until_the_service_has_run_for_a_while(clock: ManualClock) -> None:
    stack = FakeStack()
    keeping = asyncio.create_task(Keeper(stack, lambda *_: None, clock=clock).run())
    await settle()
    waits = [await ends(stack, clock) for _ in range(6)]
    # Half of each wait is drawn, so that only waits two steps apart are sure to be in order.
    assert waits[0] <= 0.25
    assert waits[5] > waits[3] > waits[1]
    await clock.advance_us(61_000_000)
    assert await ends(stack, clock) <= 0.25
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
