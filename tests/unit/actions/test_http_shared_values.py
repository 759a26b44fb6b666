"""Values that are made once for all who ask: one request at a time, expiry, the bound, failures, the end."""

import asyncio

import pytest

from tidemill.actions.adapters.http.auth.shared import Found, Made, SharedValues
from tidemill.clock import ManualClock, settle

KEY = b"key"
USE_US = 1_000


class Maker:
    """Makes 1, 2, 3 and so on, each when the test lets it; or fails."""

    def __init__(self) -> None:
        self.made = 0
        self.given: list[int | None] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def make(self, last: int | None) -> Made[int]:
        self.made += 1
        number = self.made
        self.given.append(last)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Made(number, USE_US)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def values(clock: ManualClock) -> SharedValues[int]:
    return SharedValues(clock, entries_max=2)


@pytest.fixture
async def maker() -> Maker:
    return Maker()


async def test_a_value_is_kept_until_it_may_be_used_no_longer(
    values: SharedValues[int], maker: Maker, clock: ManualClock
) -> None:
    assert await values.get(KEY, maker.make) == Found(1, is_new=True)
    await clock.advance_us(USE_US - 1)
    assert await values.get(KEY, maker.make) == Found(1, is_new=False)
    await clock.advance_us(1)
    assert await values.get(KEY, maker.make) == Found(2, is_new=True)
    assert maker.given == [None, 1]


async def test_all_who_ask_at_once_wait_for_one(values: SharedValues[int], maker: Maker) -> None:
    maker.gate.clear()
    waiting = [asyncio.create_task(values.get(KEY, maker.make)) for _ in range(10)]
    await settle()
    maker.gate.set()
    assert await asyncio.gather(*waiting) == [Found(1, is_new=True)] * 10


async def test_keys_are_made_side_by_side(values: SharedValues[int], maker: Maker) -> None:
    maker.gate.clear()
    waiting = [asyncio.create_task(values.get(key, maker.make)) for key in (b"a", b"b")]
    await settle()
    assert maker.made == 2
    maker.gate.set()
    assert [found.value for found in await asyncio.gather(*waiting)] == [1, 2]


async def test_who_gives_up_takes_it_from_nobody(values: SharedValues[int], maker: Maker) -> None:
    maker.gate.clear()
    first = asyncio.create_task(values.get(KEY, maker.make))
    second = asyncio.create_task(values.get(KEY, maker.make))
    await settle()
    first.cancel()
    await settle()
    maker.gate.set()
    assert await second == Found(1, is_new=True)


async def test_a_failure_is_that_of_all_who_wait_and_of_nobody_later(
    values: SharedValues[int], maker: Maker
) -> None:
    maker.gate.clear()
    maker.error = ValueError("no")
    waiting = [asyncio.create_task(values.get(KEY, maker.make)) for _ in range(3)]
    await settle()
    maker.gate.set()
    assert [type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)] == [ValueError] * 3
    maker.error = None
    assert await values.get(KEY, maker.make) == Found(2, is_new=True)


async def test_a_value_is_given_up_unless_there_is_another_one(
    values: SharedValues[int], maker: Maker
) -> None:
    first = (await values.get(KEY, maker.make)).value
    values.expire(KEY, first)
    assert await values.get(KEY, maker.make) == Found(2, is_new=True)
    values.expire(KEY, first)
    values.expire(b"unknown", first)
    assert await values.get(KEY, maker.make) == Found(2, is_new=False)


async def test_over_the_bound_the_least_used_goes(values: SharedValues[int], maker: Maker) -> None:
    for key in (b"a", b"b", b"a", b"c"):
        await values.get(key, maker.make)
    assert len(values) == 2
    assert not (await values.get(b"a", maker.make)).is_new
    assert (await values.get(b"b", maker.make)).is_new


async def test_closing_ends_what_is_being_made(values: SharedValues[int], maker: Maker) -> None:
    maker.gate.clear()
    waiting = asyncio.create_task(values.get(KEY, maker.make))
    await settle()
    await values.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(values) == 0
