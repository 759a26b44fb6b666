"""Lifecycle events of a real Engine: to subscribers and to the sink, in order, none missing."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import orjson
import pytest

from tests.contract.engine_bench import EngineBench, document, reason_of, running_engine
from tests.contract.sink import Receiver, by_execution, receiving
from tests.waiting import eventually
from tidemill.api.engine.v1 import definition_service_pb2 as definitions
from tidemill.api.engine.v1 import lifecycle_service_pb2 as pb
from tidemill.api.engine.v1.lifecycle_service_pb2_grpc import LifecycleServiceStub
from tidemill.engine.lifecycle import types
from tidemill.engine.settings import load
from tidemill.engine.store.rows import ExecutionFilter
from tidemill.errors import InvalidRequestError
from tidemill.events.envelopes import envelope_of
from tidemill.json import Json

CALL: dict[str, Json] = {"step": {"call": "work:1.0.0", "with": {"n": "${ .n }"}}}
SET: dict[str, Json] = {"note": {"set": {"n": "${ .n }"}}}
WAIT: dict[str, Json] = {"pause": {"wait": {"hours": 1}}}
BEGINNING = pb.SubscribeRequest(namespace="-", start=pb.LIFECYCLE_START_BEGINNING)


class Subscriber:
    """Collects what a subscription sends, until enough is there."""

    def __init__(self, bench: EngineBench) -> None:
        self._stub = LifecycleServiceStub(bench.channel)
        self.messages: list[pb.SubscribeResponse] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events so far."""
        return [envelope_of(event) for message in self.messages for event in message.events]

    @property
    def position(self) -> pb.LifecyclePosition:
        """The last position."""
        return self.messages[-1].position

    async def read(self, request: pb.SubscribeRequest, *, ends: int) -> list[dict[str, Any]]:
        """Subscribe until so many executions have ended."""
        stream = self._stub.Subscribe(request)
        async with asyncio.timeout(20):
            async for message in stream:
                self.messages.append(message)
                if sum(event["type"] == types.WORKFLOW_COMPLETED for event in self.events) >= ends:
                    break
        stream.cancel()
        return self.events


async def expected(bench: EngineBench, executions: list[str]) -> dict[str, int]:
    """How many events each history has."""
    return {execution_id: len(await bench.history(execution_id)) for execution_id in executions}


def sequences(ids: list[str]) -> list[int]:
    """The sequence numbers in ids of events, each once."""
    return list(dict.fromkeys(int(event_id.split("/")[1]) for event_id in ids))


async def run_many(bench: EngineBench, count: int, subjects: int = 10) -> list[str]:
    """Start so many executions at once, over so many lanes; their ids once all have ended."""
    starts = [bench.start({"n": number}, subject=f"contact-{number % subjects}") for number in range(count)]
    started = await asyncio.gather(*starts)
    for start in started:
        await bench.closed(start)
    return [start.execution_id for start in started]


async def test_each_execution_is_told_in_its_order_under_load(tmp_path: Path) -> None:
    async with running_engine(tmp_path, lifecycle_page_rows=7, lifecycle_message_events_max=3) as bench:
        await bench.publish(SET, CALL)
        subscriber = Subscriber(bench)
        reading = asyncio.ensure_future(subscriber.read(BEGINNING, ends=200))
        executions = await run_many(bench, 200)
        told = by_execution(await reading)
        lengths = await expected(bench, executions)
    assert max(len(message.events) for message in subscriber.messages) == 3
    assert told.keys() == set(executions)
    for execution_id, ids in told.items():
        # The outcome of the call is the one fact that no lifecycle event tells.
        assert sequences(ids) == [number for number in range(1, lengths[execution_id] + 1) if number != 5]
        assert ids == by_execution(subscriber.events)[execution_id]


async def test_who_comes_again_with_a_position_misses_nothing_and_sees_nothing_twice(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        await bench.publish(SET)
        first = Subscriber(bench)
        await run_many(bench, 20)
        await first.read(BEGINNING, ends=20)
        await run_many(bench, 20)
        second = Subscriber(bench)
        await second.read(pb.SubscribeRequest(namespace="shop", after=first.position), ends=20)
        whole = Subscriber(bench)
        await whole.read(BEGINNING, ends=40)
    ids = [event["id"] for event in first.events + second.events]
    assert sorted(ids) == sorted(event["id"] for event in whole.events)
    assert len(ids) == len(set(ids))


async def test_from_now_on_means_after_the_first_answer(tmp_path: Path) -> None:
    # Commits wake who follows: nobody waits for a heartbeat.
    async with running_engine(tmp_path, lifecycle_heartbeat_us=3_600_000_000) as bench:
        await bench.publish(SET)
        await run_many(bench, 3)
        stream = LifecycleServiceStub(bench.channel).Subscribe(pb.SubscribeRequest(namespace="shop"))
        first = await stream.read()
        assert isinstance(first, pb.SubscribeResponse)
        assert not first.events
        (execution_id,) = await run_many(bench, 1)
        message = await stream.read()
        assert isinstance(message, pb.SubscribeResponse)
        assert {event.subject for event in message.events} == {execution_id}
        stream.cancel()


async def test_only_what_is_wanted_is_told_and_the_position_moves_over_the_rest(tmp_path: Path) -> None:
    async with running_engine(tmp_path, lifecycle_heartbeat_us=50_000) as bench:
        await bench.publish(SET)
        await run_many(bench, 5)
        subscriber = Subscriber(bench)
        request = pb.SubscribeRequest(namespace="-", types=[types.WORKFLOW_COMPLETED])
        request.start = pb.LIFECYCLE_START_BEGINNING
        told = await subscriber.read(request, ends=5)
        assert {event["type"] for event in told} == {types.WORKFLOW_COMPLETED}
        for namespace, workflow in (("elsewhere", ""), ("-", "other")):
            none = pb.SubscribeRequest(namespace=namespace, workflow=workflow)
            none.start = pb.LIFECYCLE_START_BEGINNING
            stream = LifecycleServiceStub(bench.channel).Subscribe(none)
            messages = [await stream.read(), await stream.read()]
            stream.cancel()
            last = messages[-1]
            assert isinstance(last, pb.SubscribeResponse)
            assert not last.events
            assert last.position == subscriber.position


@pytest.mark.parametrize(
    "request_fields",
    [
        {},
        {"namespace": "-", "types": ["no.such.type"]},
        {"namespace": "-", "after": pb.LifecyclePosition(commits={0: 1_000_000})},
        {"namespace": "-", "after": pb.LifecyclePosition(commits={99: 0})},
    ],
)
async def test_a_request_that_cannot_be_meant_is_refused(
    tmp_path: Path, request_fields: dict[str, Any]
) -> None:
    async with running_engine(tmp_path) as bench:
        stream = LifecycleServiceStub(bench.channel).Subscribe(pb.SubscribeRequest(**request_fields))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stream.read()
        assert reason_of(refused.value) == "INVALID_REQUEST"


async def test_subscribers_over_their_limit_are_refused(tmp_path: Path) -> None:
    async with running_engine(tmp_path, subscribers_max=1) as bench:
        stub = LifecycleServiceStub(bench.channel)
        first = stub.Subscribe(BEGINNING)
        await first.read()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Subscribe(BEGINNING).read()
        assert reason_of(refused.value) == "OVERLOADED"
        first.cancel()


async def has_executions(bench: EngineBench, workflow: str) -> bool:
    """Whether the store has executions of a workflow, those of its schedule included."""
    wanted = ExecutionFilter(workflow=workflow, with_triggers=True)
    return bool(await bench.engine._storage.store.page_executions(wanted, 1))


async def test_executions_of_schedules_are_not_told(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        timed = document(SET, name="timed") | {"schedule": {"every": {"hours": 1}}}
        await bench.definitions.Publish(definitions.PublishRequest(document=orjson.dumps(timed)))
        await eventually(lambda: has_executions(bench, "timed"))
        await bench.publish(SET)
        ended = await bench.closed(await bench.start({"n": 1}))
        told = await Subscriber(bench).read(BEGINNING, ends=1)
    assert {event["subject"] for event in told} == {ended.execution_id}


async def test_the_sink_gets_batches_of_the_cloud_events_format(tmp_path: Path) -> None:
    receiver = Receiver()
    with receiving(receiver) as url:
        # Commits wake the sink: it does not wait for its next look.
        async with running_engine(
            tmp_path, lifecycle_sink=url, lifecycle_heartbeat_us=3_600_000_000
        ) as bench:
            await bench.publish(SET)
            (execution_id,) = await run_many(bench, 1)
            await eventually(lambda: len(receiver.taken) >= 5)
    assert {request.headers["content-type"] for request in receiver.requests} == {
        "application/cloudevents-batch+json"
    }
    first = receiver.taken[0]
    assert first == {
        "specversion": "1.0",
        "id": f"{execution_id}/1",
        "source": "/shop/cart",
        "type": types.WORKFLOW_STARTED,
        "subject": execution_id,
        "lanesubject": "contact-0",
        "time": first["time"],
        "datacontenttype": "application/json",
        "data": {
            "name": f"cart-{execution_id}.shop",
            "definition": {"name": "cart", "namespace": "shop", "version": "1.0.0"},
            "startedAt": first["time"],
        },
    }


async def test_a_sink_that_fails_for_a_while_gets_everything_in_order(tmp_path: Path) -> None:
    answers = iter([500, 503, 429, 408, 302, 500])
    receiver = Receiver(lambda _: next(answers, 200))
    with receiving(receiver) as url:
        async with running_engine(tmp_path, lifecycle_sink=url, lifecycle_sink_events_max=20) as bench:
            await bench.publish(SET, CALL)
            executions = await run_many(bench, 50)
            lengths = await expected(bench, executions)
            await eventually(lambda: len(receiver.by_execution()) == 50 and is_whole(receiver, lengths))
    assert receiver.refused == 6
    assert max(len(request.body) for request in receiver.requests) == 20
    assert receiver.repeats == 0


def is_whole(receiver: Receiver, lengths: dict[str, int]) -> bool:
    """Whether the sink has every event of each execution, each behind those before it."""
    told = receiver.by_execution()
    return all(
        sequences(told.get(execution_id, [])) == [n for n in range(1, length + 1) if n != 5]
        for execution_id, length in lengths.items()
    )


async def test_a_refused_event_holds_up_all_behind_it(tmp_path: Path) -> None:
    refuses = True
    receiver = Receiver(lambda events: 422 if refuses else 200)
    with receiving(receiver) as url:
        async with running_engine(tmp_path, lifecycle_sink=url) as bench:
            await bench.publish(SET)
            await run_many(bench, 3)
            await eventually(lambda: receiver.refused >= 2)
            assert not receiver.taken
            refuses = False
            await eventually(lambda: len(receiver.taken) == 3 * 5)
    assert receiver.repeats == 0


async def test_a_refused_event_alone_is_passed_over_where_that_is_asked_for(tmp_path: Path) -> None:
    receiver = Receiver(
        lambda events: 400 if any(event["type"] == types.TASK_CREATED for event in events) else 200
    )
    with receiving(receiver) as url:
        async with running_engine(
            tmp_path, lifecycle_sink=url, lifecycle_sink_pass_over_refused=True
        ) as bench:
            await bench.publish(SET)
            await run_many(bench, 4)
            await eventually(lambda: len(receiver.taken) == 4 * 4)
    assert types.TASK_CREATED not in {event["type"] for event in receiver.taken}


async def test_a_sink_begins_where_the_engine_is_and_goes_on_where_it_was(tmp_path: Path) -> None:
    receiver = Receiver()
    with receiving(receiver) as url:
        async with running_engine(tmp_path) as bench:
            await bench.publish(SET)
            await run_many(bench, 3)
        async with running_engine(tmp_path, lifecycle_sink=url) as bench:
            second = await run_many(bench, 3)
            await eventually(lambda: told(receiver) == 3 * 5)
        async with running_engine(tmp_path) as bench:
            unseen = await run_many(bench, 3)
        async with running_engine(tmp_path, lifecycle_sink=url):
            await eventually(lambda: told(receiver) == 6 * 5)
    assert receiver.by_execution().keys() == {*second, *unseen}


def told(receiver: Receiver) -> int:
    """How many events the sink has, each counted once."""
    return sum(map(len, receiver.by_execution().values()))


async def test_a_sink_that_hangs_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    asked = asyncio.Event()
    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with running_engine(tmp_path, lifecycle_sink=f"http://127.0.0.1:{port}") as bench:
        await bench.publish(SET)
        await run_many(bench, 1)
        await asyncio.wait_for(asked.wait(), 10)
        started = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - started < 8
    server.close()


async def test_a_subscriber_is_told_that_the_engine_stops(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        stream = LifecycleServiceStub(bench.channel).Subscribe(BEGINNING)
        await stream.read()
        bench.engine.ask_to_stop()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await until_ended(stream)
        assert reason_of(ended.value) == "NOT_READY"


async def until_ended(stream: "grpc.aio.UnaryStreamCall[pb.SubscribeRequest, pb.SubscribeResponse]") -> None:
    async with asyncio.timeout(10):
        while await stream.read() is not grpc.aio.EOF:
            pass


async def test_a_url_with_a_user_is_authenticated_by_it(tmp_path: Path) -> None:
    receiver = Receiver()
    with receiving(receiver) as url:
        named = url.replace("http://", "http://ada:secret@")
        async with running_engine(tmp_path, lifecycle_sink=named) as bench:
            await bench.publish(SET)
            await run_many(bench, 1)
            await eventually(lambda: len(receiver.taken) >= 5)
    assert {request.headers["authorization"] for request in receiver.requests} == {"Basic YWRhOnNlY3JldA=="}


async def test_a_sink_that_cannot_be_reached_holds_up_no_execution_and_no_stop(tmp_path: Path) -> None:
    async with running_engine(tmp_path, lifecycle_sink="http://127.0.0.1:1/") as bench:
        await bench.publish(SET)
        assert len(await run_many(bench, 20)) == 20


def test_what_is_no_url_of_a_sink_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="TIDEMILL_ENGINE_LIFECYCLE_SINK must begin with"):
        load({"TIDEMILL_ENGINE_LIFECYCLE_SINK": "example.com/events"})
