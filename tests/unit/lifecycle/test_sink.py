"""The sink's step: what it sends, in what order, and when its cursors move."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.unit.lifecycle.stores import OWNED, LifecycleStore, reader_of
from tidemill.engine.lifecycle.cloud_events import json_of
from tidemill.engine.lifecycle.sink import RefusedError, Sink, SinkError, SinkFeed, SinkLimits, StoppedError
from tidemill.json import loads
from tidemill.telemetry import names
from tidemill.telemetry.metrics import Metrics

LIMITS = SinkLimits(events_max=4, bytes_max=100_000, passes_over_refused=False)
NAME = "http"


class Endpoint:
    """Raises the errors that it is given, one a request; takes what comes after them."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.requests: list[list[str]] = []

    async def __call__(self, events: Sequence[bytes]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.requests.append([id_of(event) for event in events])

    @property
    def taken(self) -> list[str]:
        return [event_id for request in self.requests for event_id in request]


def id_of(event: bytes) -> str:
    envelope = loads(event)
    assert isinstance(envelope, dict)
    return str(envelope["id"])


class Bench:
    """A sink over a store in memory whose cursors begin at nothing."""

    def __init__(self, endpoint: Endpoint, limits: SinkLimits = LIMITS) -> None:
        self.store = LifecycleStore()
        self.endpoint = endpoint
        self.metrics = Metrics()
        self.feed = SinkFeed(reader_of(self.store, self.metrics), self.store, NAME, OWNED)
        self.sink = Sink(self.feed, endpoint, limits, self.metrics)

    async def run(self) -> None:
        """Step until there is nothing left; failures of steps are passed on."""
        while await self.sink.run_once():
            pass

    async def cursors(self) -> dict[int, int]:
        return dict(await self.store.cursors(NAME))


async def test_requests_keep_to_their_limits_and_cursors_move_behind_them() -> None:
    bench = Bench(Endpoint())
    await bench.feed.open()
    one, two = await bench.store.run_execution(0), await bench.store.run_execution(1)
    await bench.run()
    assert [len(request) for request in bench.endpoint.requests] == [4, 1, 4, 1]
    assert {event_id.split("/")[0] for event_id in bench.endpoint.taken} == {one, two}
    assert await bench.cursors() == dict(await bench.store.last_commits())
    assert bench.metrics.counter(names.ENGINE_LIFECYCLE_DELIVERED, receiver="sink").value == 10


async def test_an_event_larger_than_a_request_may_be_goes_alone() -> None:
    bench = Bench(Endpoint(), replace(LIMITS, bytes_max=1))
    await bench.feed.open()
    await bench.store.run_execution(0)
    await bench.run()
    assert [len(request) for request in bench.endpoint.requests] == [1] * 5


async def test_what_fails_is_sent_again_before_anything_else_and_the_cursor_waits() -> None:
    bench = Bench(Endpoint(SinkError("500", "no"), SinkError("timeout", "no")))
    await bench.feed.open()
    first = await bench.store.run_execution(0)
    for _ in range(2):
        with pytest.raises(SinkError):
            await bench.sink.run_once()
    assert (await bench.cursors())[0] == 0
    assert bench.metrics.gauge(names.ENGINE_LIFECYCLE_LAG).value == 1
    second = await bench.store.run_execution(0)
    await bench.run()
    assert [event_id.split("/")[0] for event_id in bench.endpoint.taken] == [first] * 5 + [second] * 5
    assert bench.metrics.counter(names.ENGINE_LIFECYCLE_FAILURES, failure="timeout").value == 1


async def test_a_refusal_blocks_and_says_so_until_it_is_taken() -> None:
    bench = Bench(Endpoint(RefusedError("422", "no")))
    await bench.feed.open()
    await bench.store.run_execution(0)
    blocked = bench.metrics.gauge(names.ENGINE_LIFECYCLE_BLOCKED)
    with pytest.raises(RefusedError):
        await bench.sink.run_once()
    assert blocked.value == 1
    await bench.run()
    assert blocked.value == 0
    assert len(bench.endpoint.taken) == 5


async def test_where_refusals_are_passed_over_only_the_refused_event_is_lost() -> None:
    class Picky(Endpoint):
        async def __call__(self, events: Sequence[bytes]) -> None:
            if any(id_of(event).endswith("/2/created") for event in events):
                raise RefusedError("400", "no")
            await super().__call__(events)

    bench = Bench(Picky(), replace(LIMITS, passes_over_refused=True))
    await bench.feed.open()
    execution_id = await bench.store.run_execution(0)
    await bench.run()
    assert bench.endpoint.taken == [f"{execution_id}/{part}" for part in ("1", "2", "3", "4")]
    assert bench.metrics.counter(names.ENGINE_LIFECYCLE_PASSED_OVER).value == 1
    assert (await bench.cursors())[0] == 1


async def test_a_stop_leaves_the_cursor_where_it_is() -> None:
    bench = Bench(Endpoint(StoppedError()))
    await bench.feed.open()
    await bench.store.run_execution(0)
    assert not await bench.sink.run_once()
    assert (await bench.cursors())[0] == 0


async def test_a_sink_without_a_cursor_begins_at_now_and_one_with_it_goes_on() -> None:
    bench = Bench(Endpoint())
    await bench.store.run_execution(0)
    await bench.feed.open()
    await bench.run()
    assert bench.endpoint.taken == []
    second = await bench.store.run_execution(0)
    again = Bench(Endpoint())
    again.feed = SinkFeed(reader_of(bench.store, again.metrics), bench.store, NAME, OWNED)
    again.sink = Sink(again.feed, again.endpoint, LIMITS, again.metrics)
    await again.feed.open()
    await again.run()
    assert {event_id.split("/")[0] for event_id in again.endpoint.taken} == {second}


async def test_shards_take_turns_so_that_a_busy_one_does_not_hold_up_another() -> None:
    bench = Bench(Endpoint(), replace(LIMITS, events_max=1))
    await bench.feed.open()
    for _ in range(3):
        await bench.store.run_execution(0)
    other = await bench.store.run_execution(1)
    # A page of two rows of the first shard, then the other's turn.
    while other not in {event_id.split("/")[0] for event_id in bench.endpoint.taken}:
        await bench.sink.run_once()
    cursors = await bench.cursors()
    assert cursors[0] < (await bench.store.last_commits())[0]


async def test_only_shards_that_are_owned_here_are_delivered() -> None:
    bench = Bench(Endpoint())
    await bench.feed.open()
    await bench.store.run_execution(2)
    assert not await bench.sink.run_once()
    assert bench.endpoint.taken == []


async def test_json_has_the_subject_of_the_lane_where_there_is_one() -> None:
    bench = Bench(Endpoint())
    await bench.store.run_execution(0, subject="contact-7")
    page = await reader_of(bench.store, bench.metrics).page(0, 0, 1, bench.store.everything)
    envelope = loads(json_of(page.events[0]))
    assert isinstance(envelope, dict)
    assert envelope["lanesubject"] == "contact-7"
