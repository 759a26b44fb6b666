"""Streams: credit, answers that leave many together, and the end."""

import asyncio

import pytest

from tests.unit.actions.samples import SUCCESS, call
from tidemill.actions.core.model import Answer, Completed, Undelivered
from tidemill.actions.runtime.streams import Stream, Streams
from tidemill.actions.settings import Settings
from tidemill.clock import settle
from tidemill.errors import OverloadedError, TidemillError
from tidemill.telemetry.metrics import Metrics


def answer(number: int) -> Answer:
    return Completed(f"k{number}", 1, SUCCESS)


def streams_of(streams_max: int) -> Streams:
    return Streams(Settings(streams_max=streams_max), Metrics())


async def read(stream: Stream, messages: list[list[Answer]]) -> None:
    async for message in stream.messages():
        messages.append(message)


async def test_answers_that_are_ready_leave_together_up_to_the_limit() -> None:
    stream = Stream(100, 4)
    stream.take([call(f"k{number}") for number in range(10)], 0)
    for number in range(10):
        stream.answer(answer(number))
    stream.end()
    messages: list[list[Answer]] = []
    await read(stream, messages)
    assert [len(message) for message in messages] == [4, 4, 2]
    assert [one.key for message in messages for one in message] == [f"k{number}" for number in range(10)]


async def test_a_stream_ends_after_its_last_answer() -> None:
    stream = Stream(100, 4)
    stream.take([call()], 1)
    messages: list[list[Answer]] = []
    reading = asyncio.create_task(read(stream, messages))
    stream.end()
    stream.answer(answer(1))
    await settle()
    assert not reading.done()
    stream.answer(answer(2))
    await reading
    assert sum(map(len, messages)) == 2


async def test_calls_over_the_credit_are_turned_away() -> None:
    stream = Stream(2, 10)
    taken = stream.take([call("a"), call("b"), call("c")], 0)
    assert [one.key for one in taken] == ["a", "b"]
    assert stream.take([call("d")], 0) == []
    stream.answer(answer(1))
    stream.answer(answer(2))
    stream.end()
    messages: list[list[Answer]] = []
    await read(stream, messages)
    assert [one.key for one in messages[0] if isinstance(one, Undelivered)] == ["c", "d"]
    assert stream.outstanding == 0


async def test_an_error_ends_a_stream_whatever_is_outstanding() -> None:
    stream = Stream(2, 10)
    stream.take([call()], 0)
    stream.end(ValueError("the request is too large"))
    with pytest.raises(ValueError, match="too large"):
        await read(stream, [])


async def test_a_closed_stream_drops_its_answers() -> None:
    streams = streams_of(1)
    with streams.open() as stream:
        pass
    stream.answer(answer(1))
    stream.end()
    messages: list[list[Answer]] = []
    await read(stream, messages)
    assert messages == []


async def test_streams_are_bounded_and_refused_while_stopping() -> None:
    streams = streams_of(1)
    with streams.open(), pytest.raises(OverloadedError, match="streams_max"), streams.open():
        pass
    streams.refuse_new()
    with pytest.raises(TidemillError, match="stopping"), streams.open():
        pass


async def test_closing_waits_until_every_stream_is_gone() -> None:
    streams = streams_of(2)
    entered = streams.open()
    stream = entered.__enter__()
    closing = asyncio.create_task(streams.close())
    await settle()
    assert not closing.done()
    await read(stream, [])
    entered.__exit__(None, None, None)
    await closing
