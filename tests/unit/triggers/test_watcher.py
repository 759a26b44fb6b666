"""Following the catalogue's stream: what is acknowledged when, and what ends a stream."""

import asyncio
from collections import deque
from typing import Final

import pytest

from tests.contract.fake_engine import definition
from tests.unit.triggers.parts import SILENCE_US_MAX, Service
from tests.unit.triggers.samples import NAMESPACE, document, event, one
from tidemill.api.engine.v1.definition_service_pb2 import WatchDefinitionsRequest, WatchDefinitionsResponse
from tidemill.clock import settle
from tidemill.loops import Stop
from tidemill.triggers.errors import NotReadyError
from tidemill.triggers.watcher import CatalogueWatcher, WatcherLimits

OPEN_US_MAX: Final = 5_000_000
END: Final = object()


class ScriptedStream:
    """Gives the messages that the test puts in; `written` notes each request and what was then in force."""

    def __init__(self, watching: "Watching") -> None:
        self.messages: deque[object] = deque()
        self.written: list[tuple[int, list[str]]] = []
        self.cancelled = False
        self._watching = watching
        self._more = asyncio.Event()

    def put(self, *messages: object) -> None:
        self.messages += messages
        self._more.set()

    async def write(self, request: WatchDefinitionsRequest) -> None:
        self.written.append((request.acknowledged_revision, self._watching.in_force()))

    async def read(self) -> object:
        while not self.messages:
            self._more.clear()
            await self._more.wait()
        message = self.messages.popleft()
        if isinstance(message, Exception):
            raise message
        return message

    def cancel(self) -> bool:
        self.cancelled = True
        return True


class Watching:
    """A watcher over scripted streams."""

    def __init__(self) -> None:
        self.service = Service()
        self.stop = Stop()
        self.streams: list[ScriptedStream] = []
        self.ready: list[bool] = []
        self.reachable = asyncio.Event()
        self.reachable.set()
        self.watcher = CatalogueWatcher(
            self._open,
            self.service.catalogue,
            limits=WatcherLimits(OPEN_US_MAX, SILENCE_US_MAX),
            clock=self.service.clock,
            stop=self.stop,
        )
        self.watcher.on_ready = self._on_ready

    def in_force(self) -> list[str]:
        if not self.service.catalogue.ready:
            return []
        matched = self.service.catalogue.index().match(NAMESPACE, event("a"))
        return [trigger.condition.workflow for trigger in matched]

    async def follow(self, *messages: object) -> asyncio.Task[bool]:
        """Begin a run, with messages in its stream."""
        task = asyncio.create_task(self.watcher.run_once())
        await settle()
        self.streams[-1].put(*messages)
        await settle(200)
        return task

    async def _open(self) -> ScriptedStream:
        await self.reachable.wait()
        self.streams.append(ScriptedStream(self))
        return self.streams[-1]

    async def _on_ready(self, ready: bool) -> None:
        self.ready.append(ready)


def message(revision: int, *names: str, complete: bool = True) -> WatchDefinitionsResponse:
    definitions = [definition(document(one(type="a"), name=name), revision) for name in names]
    return WatchDefinitionsResponse(revision=revision, definitions=definitions, snapshot_complete=complete)


async def end(watching: Watching, task: asyncio.Task[bool]) -> bool:
    watching.stop.set()
    return await task


async def test_each_revision_is_acknowledged_once_it_is_in_force() -> None:
    watching = Watching()
    task = await watching.follow(
        message(3, "a", complete=False), message(3, "b"), message(4, "c"), message(4)
    )
    assert watching.streams[0].written == [
        (0, []),
        (3, ["a", "b"]),
        (4, ["a", "b", "c"]),
    ]
    assert await end(watching, task) is False


async def test_readiness_is_told_with_the_whole_snapshot_and_with_its_loss() -> None:
    watching = Watching()
    task = await watching.follow(message(1, "a", complete=False))
    assert watching.ready == []
    watching.streams[0].put(message(1))
    await settle()
    assert watching.ready == [True]
    await end(watching, task)
    assert (watching.ready, watching.in_force()) == ([True, False], [])
    assert watching.streams[0].cancelled


@pytest.mark.parametrize("failure", [END, NotReadyError("catalogue", "the Engine stops")])
async def test_a_stream_that_was_whole_is_followed_by_a_new_one_at_once(failure: object) -> None:
    watching = Watching()
    task = await watching.follow(message(1, "a"), failure)
    assert await task is True
    assert watching.in_force() == []
    again = await watching.follow(message(2, "b"))
    assert watching.in_force() == ["b"]
    await end(watching, again)


@pytest.mark.parametrize("failure", [END, NotReadyError("catalogue", "the Engine stops")])
async def test_a_stream_that_never_was_whole_is_a_failure_to_back_off_from(failure: object) -> None:
    watching = Watching()
    task = await watching.follow(message(1, "a", complete=False), failure)
    with pytest.raises(NotReadyError):
        await task


async def test_silence_ends_a_stream() -> None:
    watching = Watching()
    task = await watching.follow(message(1, "a"))
    await watching.service.clock.advance_us(SILENCE_US_MAX - 1)
    assert not task.done()
    await watching.service.clock.advance_us(1)
    assert await task is True


async def test_heartbeats_keep_a_stream_and_its_index_alive() -> None:
    watching = Watching()
    task = await watching.follow(message(1, "a"))
    for _ in range(5):
        await watching.service.clock.advance_us(SILENCE_US_MAX // 2)
        watching.streams[0].put(message(1))
        await settle()
        assert watching.in_force() == ["a"]
    assert len(watching.streams) == 1
    await end(watching, task)


async def test_a_stream_that_does_not_open_is_given_up() -> None:
    watching = Watching()
    task = await watching.follow()
    await watching.service.clock.advance_us(OPEN_US_MAX)
    with pytest.raises(NotReadyError):
        await task


async def test_an_engine_that_cannot_be_reached_is_waited_for() -> None:
    watching = Watching()
    watching.reachable.clear()
    task = asyncio.create_task(watching.watcher.run_once())
    await watching.service.clock.advance_us(10 * OPEN_US_MAX)
    assert watching.streams == []
    watching.reachable.set()
    await settle()
    assert len(watching.streams) == 1
    await end(watching, task)


async def test_stopping_ends_the_wait_for_an_engine() -> None:
    watching = Watching()
    watching.reachable.clear()
    task = asyncio.create_task(watching.watcher.run_once())
    await settle()
    assert await end(watching, task) is False
    assert watching.streams == []


async def test_stopping_ends_a_stream_that_is_not_whole_without_a_failure() -> None:
    watching = Watching()
    task = await watching.follow(message(1, "a", complete=False))
    assert await end(watching, task) is False
