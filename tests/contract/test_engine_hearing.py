"""What an Engine tells of the events that its definitions wait for, and that it takes them."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import orjson
import pytest

from tests.contract.engine_bench import EngineBench, document, reason_of, running_engine
from tidemill.api.engine.v1 import definition_service_pb2 as pb
from tidemill.api.engine.v1 import execution_service_pb2 as executions
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.json import Json

PAID: Json = {"with": {"type": "order.paid"}}
WAIT: dict[str, Json] = {"wait": {"listen": {"to": {"one": PAID}}}}
KEY: Json = {"tidemill": {"orderingKey": ".data.contact"}}
LISTEN = pb.Listen(
    event_type="order.paid", own_lane=True, correlation_lane=True, ordering_key=".data.contact"
)
COMPLETED = 7


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[EngineBench]:
    async with running_engine(tmp_path) as bench:
        yield bench


async def snapshot(bench: EngineBench) -> list[pb.Definition]:
    """What a watcher is told first."""
    call = bench.definitions.WatchDefinitions(iter([pb.WatchDefinitionsRequest(namespace="-")]))
    async for response in call:
        call.cancel()
        return list(response.definitions)
    return []


async def test_a_definition_says_what_it_listens_to_wherever_it_is_shown(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        published = await bench.publish(WAIT, metadata=KEY)
        assert list(published.listens) == [LISTEN]
        listed = (await bench.definitions.List(pb.ListRequest(namespace="shop"))).definitions
        assert [list(item.listens) for item in listed] == [[LISTEN]]
    async with running_engine(tmp_path) as again:
        got = await again.definitions.Get(pb.GetRequest(namespace="shop", name="cart"))
        assert list(got.definition.listens) == [LISTEN]
        assert [list(item.listens) for item in await snapshot(again)] == [[LISTEN]]


async def test_a_definition_that_waits_for_no_event_listens_to_none(bench: EngineBench) -> None:
    assert list((await bench.publish({"greet": {"set": {"a": 1}}})).listens) == []


async def test_a_correlation_that_is_not_of_the_event_alone_is_refused_with_its_place(
    bench: EngineBench,
) -> None:
    one: Json = {"with": {"type": "a"}, "correlate": {"x": {"from": "$context.x"}}}
    wrong = orjson.dumps(document({"wait": {"listen": {"to": {"one": one}}}}))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await bench.definitions.Publish(pb.PublishRequest(document=wrong))
    assert reason_of(raised.value) == "INVALID_DOCUMENT"
    assert "/do/0/wait/listen/to/one/correlate/x/from" in str(raised.value.details())


async def test_an_event_resumes_the_execution_that_waits_for_it(bench: EngineBench) -> None:
    await bench.publish(WAIT)
    started = await bench.start(subject="contact-7")
    event = CloudEvent(id="1", source="/shop", type="order.paid", subject="contact-7", data=b'{"total": 7}')
    hear = executions.HearRequest(namespace="shop", subject="contact-7", event=event)
    request = executions.SubmitRequest(commands=[executions.SubmitCommand(hear=hear)])
    (result,) = (await bench.executions.Submit(request)).results
    closed = await bench.closed(started)
    assert (result.execution_id, result.HasField("position")) == ("", True)
    assert (closed.phase, orjson.loads(closed.output.data)) == (COMPLETED, [{"total": 7}])
