"""The action `events.publish` against a Triggers service of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from tests.contract.engine_side import EngineSide, call, connected
from tidemill.actions.app import build
from tidemill.actions.settings import Settings
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.events.v1 import history_pb2
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.api.triggers.v1 import event_service_pb2 as triggers_pb
from tidemill.api.triggers.v1 import event_service_pb2_grpc as triggers_rpc
from tidemill.errors import InvalidRequestError, OverloadedError, TidemillError, to_item_error
from tidemill.rpc import RpcServer, RpcService, build_server

Verdict = Callable[[CloudEvent], TidemillError | None]
Context = grpc.aio.ServicerContext[triggers_pb.PublishEventsRequest, triggers_pb.PublishEventsResponse]
OVERLOADED = OverloadedError("queued_commands_max", limit_value=1, retry_delay_us=1)


class FakeTriggers(triggers_rpc.EventServiceServicer):
    """Takes events as the test says; remembers the requests."""

    def __init__(self) -> None:
        self.requests: list[triggers_pb.PublishEventsRequest] = []
        self.verdict: Verdict = lambda event: None
        self.whole: TidemillError | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def PublishEvents(
        self, request: triggers_pb.PublishEventsRequest, context: Context
    ) -> triggers_pb.PublishEventsResponse:
        self.requests.append(request)
        await self.gate.wait()
        if self.whole is not None and len(request.events) > 1:
            raise self.whole
        outcomes = [self._outcome(event) for event in request.events]
        return triggers_pb.PublishEventsResponse(outcomes=outcomes)

    def _outcome(self, event: CloudEvent) -> triggers_pb.EventOutcome:
        error = self.verdict(event)
        return triggers_pb.EventOutcome(
            event_id=event.id, error=None if error is None else to_item_error(error)
        )


@pytest.fixture
def triggers() -> FakeTriggers:
    return FakeTriggers()


@pytest.fixture
async def server(triggers: FakeTriggers) -> AsyncIterator[RpcServer]:
    name = triggers_pb.DESCRIPTOR.services_by_name["EventService"].full_name
    service = RpcService(name, lambda s: triggers_rpc.add_EventServiceServicer_to_server(triggers, s))
    server = build_server("127.0.0.1:0", [service])
    await server.start()
    yield server
    await server.stop(0)


@pytest.fixture
async def engine(server: RpcServer, tmp_path: Path) -> AsyncIterator[EngineSide]:
    settings = Settings(listen="127.0.0.1:0", triggers=server.address, data=tmp_path)
    service = await build(replace(settings, events_batch_max=3))
    running = asyncio.create_task(service.run())
    await service.until_serving()
    async with connected(service.address) as engine:
        yield engine
    service.supervisor.ask()
    await running


def publish(key: str, namespace: str = "shop", **event: object) -> pb.ActionCall:
    arguments = {"id": key, "source": "/shop", "type": "order.placed", **event}
    return call(key, "events.publish", arguments, namespace=namespace)


async def test_an_event_is_handed_on_and_is_the_output(engine: EngineSide, triggers: FakeTriggers) -> None:
    one = publish("k", data={"total": 5})
    result = await engine.result(one)
    assert result.state == history_pb2.ACTION_STATE_SUCCEEDED
    assert result.output.data == one.arguments.data
    [request] = triggers.requests
    assert request.namespace == "shop"
    assert request.events[0] == CloudEvent(id="k", source="/shop", type="order.placed", data=b'{"total":5}')


async def test_events_that_come_during_a_request_go_together_in_the_next(
    engine: EngineSide, triggers: FakeTriggers
) -> None:
    triggers.gate.clear()
    await engine.send(publish("first"))
    while not triggers.requests:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    await engine.send(*(publish(f"k{number}") for number in range(5)), publish("other", "bank"))
    await asyncio.sleep(0.2)
    triggers.gate.set()
    assert len(await engine.results(7)) == 7
    sizes = sorted((request.namespace, len(request.events)) for request in triggers.requests)
    assert sizes == [("bank", 1), ("shop", 1), ("shop", 2), ("shop", 3)]


async def test_an_event_that_cannot_be_taken_now_is_sent_again_later(
    engine: EngineSide, triggers: FakeTriggers
) -> None:
    triggers.verdict = lambda event: OVERLOADED
    result = await engine.result(publish("k"))
    assert result.delivery_failure == pb.DELIVERY_FAILURE_UNAVAILABLE
    triggers.verdict = lambda event: None
    again = await engine.result(publish("k"))
    assert (again.state, again.from_record) == (history_pb2.ACTION_STATE_SUCCEEDED, False)


async def test_an_event_that_triggers_refuses_is_an_error(engine: EngineSide, triggers: FakeTriggers) -> None:
    triggers.verdict = lambda event: InvalidRequestError("type", "no such thing")
    result = await engine.result(publish("k"))
    assert result.state == history_pb2.ACTION_STATE_FAILED
    assert result.error.status == 400
    assert "no such thing" in result.error.detail


async def test_one_bad_event_does_not_take_the_others_with_it(
    engine: EngineSide, triggers: FakeTriggers
) -> None:
    triggers.whole = InvalidRequestError("events", "one of them is wrong")
    triggers.verdict = lambda event: InvalidRequestError("type", "bad") if event.id == "k1" else None
    await engine.send(*(publish(f"k{number}") for number in range(3)))
    states = {result.key: result.state for result in await engine.results(3)}
    assert states == {
        "k0": history_pb2.ACTION_STATE_SUCCEEDED,
        "k1": history_pb2.ACTION_STATE_FAILED,
        "k2": history_pb2.ACTION_STATE_SUCCEEDED,
    }


async def test_a_bug_in_triggers_fails_the_call(engine: EngineSide, triggers: FakeTriggers) -> None:
    triggers.verdict = lambda event: TidemillError(reasons.ERROR_REASON_INTERNAL, "incident 5")
    result = await engine.result(publish("k"))
    assert (result.state, result.error.status) == (history_pb2.ACTION_STATE_FAILED, 500)


async def test_an_event_that_is_none_is_a_validation_error(
    engine: EngineSide, triggers: FakeTriggers
) -> None:
    result = await engine.result(publish("k", type=5))
    assert (result.state, result.error.status) == (history_pb2.ACTION_STATE_FAILED, 400)
    assert triggers.requests == []


async def test_triggers_that_are_away_are_a_delivery_failure(engine: EngineSide, server: RpcServer) -> None:
    await server.stop(0)
    result = await engine.result(publish("k"))
    assert result.delivery_failure == pb.DELIVERY_FAILURE_UNAVAILABLE
    assert result.delivery_detail
