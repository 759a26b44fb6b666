"""Subscribers read at their own pace."""

from contextlib import aclosing

from tests.unit.lifecycle.stores import LifecycleStore, reader_of
from tidemill.api.engine.v1 import lifecycle_service_pb2 as pb
from tidemill.engine.lifecycle.subscriptions import Subscriptions
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.progress import Watchers
from tidemill.engine.settings import Settings
from tidemill.engine.store.rows import HistoryRow
from tidemill.telemetry import names

BEGINNING = pb.SubscribeRequest(namespace="-", start=pb.LIFECYCLE_START_BEGINNING)


class CountingStore(LifecycleStore):
    """Counts the pages that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = 0

    async def page_commits(self, shard: int, after_commit: int, limit: int) -> list[HistoryRow]:
        self.pages += 1
        return await super().page_commits(shard, after_commit, limit)


class Bench:
    """Subscriptions over a store in memory."""

    def __init__(self, **settings: int) -> None:
        self.store = CountingStore()
        self.watchers = Watchers()
        self.environment = Environment(settings=Settings(**settings))  # type: ignore[arg-type]
        reader = reader_of(self.store, self.environment.metrics)
        self.subscriptions = Subscriptions(reader, self.watchers, self.environment)

    @property
    def open(self) -> float:
        return self.environment.metrics.gauge(names.ENGINE_LIFECYCLE_SUBSCRIBERS).value


async def test_nothing_is_read_before_the_reader_has_taken_what_was_read() -> None:
    bench = Bench()
    for _ in range(10):
        await bench.store.run_execution(0)
    async with aclosing(bench.subscriptions.subscribe(BEGINNING)) as stream:
        first, second = await anext(stream), await anext(stream)
        assert (len(first.events), len(second.events)) == (0, 10)
        assert bench.store.pages == 1
        assert dict(second.position.commits) == {0: 2, 1: 0, 2: 0}


async def test_behind_a_part_of_a_commit_the_position_is_still_before_it() -> None:
    bench = Bench(lifecycle_message_events_max=4)
    await bench.store.run_execution(1)
    async with aclosing(bench.subscriptions.subscribe(BEGINNING)) as stream:
        messages = [await anext(stream) for _ in range(3)]
    assert [len(message.events) for message in messages] == [0, 4, 1]
    assert [message.position.commits[1] for message in messages] == [0, 0, 1]


async def test_a_commit_wakes_and_an_end_leaves_nothing_behind() -> None:
    bench = Bench(lifecycle_heartbeat_us=3_600_000_000)
    async with aclosing(bench.subscriptions.subscribe(pb.SubscribeRequest(namespace="-"))) as stream:
        await anext(stream)
        assert bench.open == 1
        execution_id = await bench.store.run_execution(2)
        bench.watchers.tell(iter([execution_id]), ())
        assert {event.subject for event in (await anext(stream)).events} == {execution_id}
    assert bench.open == 0


async def test_a_quiet_stream_says_where_it_is() -> None:
    bench = Bench(lifecycle_heartbeat_us=1_000)
    await bench.store.run_execution(0)
    request = pb.SubscribeRequest(namespace="elsewhere", start=pb.LIFECYCLE_START_BEGINNING)
    async with aclosing(bench.subscriptions.subscribe(request)) as stream:
        await anext(stream)
        heartbeat = await anext(stream)
    assert not heartbeat.events
    assert heartbeat.position.commits[0] == 1
