"""ActionService over gRPC: each RPC, its errors, health, reflection, flow control and the drain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import orjson
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.contract.engine_side import EngineSide, call, connected
from tidemill.action_kit import ActionContext, ActionError, action
from tidemill.actions.app import Surroundings, build
from tidemill.actions.service import ActionsService
from tidemill.actions.settings import Settings
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.actions.v1.action_service_pb2_grpc import ActionServiceStub
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.events.v1 import history_pb2
from tidemill.errors import TidemillError
from tidemill.json import Json
from tidemill.locks import DirectoryLockedError
from tidemill.rpc import connect, typed_errors

SERVICE = "tidemill.api.actions.v1.ActionService"
SETTINGS = Settings(listen="127.0.0.1:0", triggers="127.0.0.1:1")


@action("test.wait:1.0.0", effect_class="once", input_schema={"type": "number"}, description="Waits.")
async def wait(arguments: Json, context: ActionContext) -> Json:
    assert isinstance(arguments, int | float)
    await asyncio.sleep(arguments)
    return context.idempotency_key


@action("test.refuse:1.0.0", effect_class="once")
async def refuse(arguments: Json, context: ActionContext) -> Json:
    raise ActionError(status=422, title="Refused", detail="not today", type="https://example.com/refused")


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[ActionsService]:
    """A service for as long as the block runs."""
    service = await build(settings, Surroundings(functions=(wait, refuse)))
    running = asyncio.create_task(service.run())
    await service.until_serving()
    try:
        yield service
    finally:
        service.supervisor.ask()
        await running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(SETTINGS, data=tmp_path)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[ActionsService]:
    async with serving(settings) as service:
        yield service


@pytest.fixture
async def engine(service: ActionsService) -> AsyncIterator[EngineSide]:
    async with connected(service.address) as engine:
        yield engine


async def test_the_first_message_says_how_many_calls_may_be_in_flight(engine: EngineSide) -> None:
    assert engine.credit == SETTINGS.stream_calls_in_flight_max


async def test_a_batch_of_calls_is_answered_each_once(engine: EngineSide) -> None:
    await engine.send(*(call(f"k{number}", "tidemill.echo:1.0.0", number) for number in range(1_000)))
    results = await engine.results(1_000)
    outputs = {result.key: orjson.loads(result.output.data) for result in results}
    assert outputs == {f"k{number}": number for number in range(1_000)}
    assert {result.state for result in results} == {history_pb2.ACTION_STATE_SUCCEEDED}
    assert len(engine.messages) <= 10


async def test_a_repeat_is_answered_from_the_record(engine: EngineSide) -> None:
    first = await engine.result(call())
    again = await engine.result(call(delivery=1))
    assert (first.from_record, again.from_record) == (False, True)
    assert first.output == again.output


async def test_a_quick_call_overtakes_a_slow_one(engine: EngineSide) -> None:
    await engine.send(call("slow", "test.wait:1.0.0", 0.2), call("quick"))
    assert [result.key for result in await engine.results(2)] == ["quick", "slow"]


async def test_an_error_is_told_whole(engine: EngineSide) -> None:
    result = await engine.result(call(action="test.refuse:1.0.0"))
    assert result.state == history_pb2.ACTION_STATE_FAILED
    error = result.error
    assert (error.type, error.status) == ("https://example.com/refused", 422)
    assert (error.title, error.detail) == ("Refused", "not today")


async def test_a_running_call_is_cancelled(engine: EngineSide) -> None:
    await engine.send(call("slow", "test.wait:1.0.0", 60))
    await engine.send(cancel=[("slow", 1)])
    results = await engine.results(2)
    assert {(result.key, result.state) for result in results} == {
        ("slow", history_pb2.ACTION_STATE_CANCELLED)
    }


async def test_a_call_over_its_time_limit_is_a_timeout_error(engine: EngineSide) -> None:
    result = await engine.result(call(action="test.wait:1.0.0", arguments=60, timeout_us=20_000))
    assert (result.state, result.error.status) == (history_pb2.ACTION_STATE_FAILED, 408)


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"action": "no.such:1.0.0"}, pb.DELIVERY_FAILURE_UNKNOWN_ACTION),
        ({"dispatch_before_us": 1}, pb.DELIVERY_FAILURE_REFUSED),
        ({"attempt": 0}, pb.DELIVERY_FAILURE_REFUSED),
        ({"key": "k" * 256}, pb.DELIVERY_FAILURE_REFUSED),
        (
            {"action": "events.publish", "arguments": {"source": "/a", "type": "b"}},
            pb.DELIVERY_FAILURE_UNAVAILABLE,
        ),
    ],
)
async def test_a_call_that_cannot_be_made_says_why(
    engine: EngineSide, changes: dict[str, object], failure: pb.DeliveryFailure.ValueType
) -> None:
    result = await engine.result(call(**changes))  # type: ignore[arg-type]
    assert result.delivery_failure == failure
    assert result.delivery_detail
    assert result.state == history_pb2.ACTION_STATE_UNSPECIFIED


async def test_an_old_epoch_is_refused(engine: EngineSide) -> None:
    await engine.result(call("new", epoch=8))
    assert (await engine.result(call("old", epoch=7))).delivery_failure == pb.DELIVERY_FAILURE_REFUSED


async def test_a_stream_ends_after_its_last_answer(engine: EngineSide) -> None:
    await engine.send(call("slow", "test.wait:1.0.0", 0.1))
    await engine.stream.done_writing()
    assert [result.key for result in await engine.results(1)] == ["slow"]
    assert await engine.stream.read() is grpc.aio.EOF


async def test_an_outcome_is_there_after_the_stream_was_lost(service: ActionsService) -> None:
    async with connected(service.address) as engine:
        await engine.send(call("slow", "test.wait:1.0.0", 0.2), call("quick"))
        await engine.results(1)
    async with connected(service.address) as engine:
        result = await engine.result(call("slow", "test.wait:1.0.0", 0.2, delivery=1))
        assert result.state == history_pb2.ACTION_STATE_SUCCEEDED


async def test_a_settled_key_is_forgotten_after_its_time(settings: Settings) -> None:
    quick = replace(
        settings, settle_interval_us=5_000, expire_interval_us=5_000, settled_retention_us=1_000_000
    )
    async with serving(quick) as service, connected(service.address) as engine:
        await engine.result(call("kept"))
        await engine.result(call())
        await engine.send(settled=["k"])
        assert (await engine.result(call())).from_record
        async with asyncio.timeout(20):
            while (await engine.result(call())).from_record:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (await engine.result(call("kept"))).from_record


async def test_calls_over_the_credit_are_turned_away(settings: Settings) -> None:
    async with (
        serving(replace(settings, stream_calls_in_flight_max=2)) as service,
        connected(service.address) as engine,
    ):
        assert engine.credit == 2
        await engine.send(*(call(f"k{number}", "test.wait:1.0.0", 0.1) for number in range(3)))
        results = {result.key: result.delivery_failure for result in await engine.results(3)}
        assert results == {"k0": 0, "k1": 0, "k2": pb.DELIVERY_FAILURE_UNAVAILABLE}


async def test_large_results_are_spread_over_messages(settings: Settings) -> None:
    async with (
        serving(replace(settings, response_bytes_max=10_000)) as service,
        connected(service.address) as engine,
    ):
        await engine.send(*(call(f"k{number}", "tidemill.echo:1.0.0", "x" * 4_000) for number in range(10)))
        assert len(await engine.results(10)) == 10
        assert max(message.ByteSize() for message in engine.messages) < 11_000


async def reason_of_end(engine: EngineSide) -> TidemillError:
    with pytest.raises(TidemillError) as ended, typed_errors():
        await engine.results(1)
    return ended.value


async def test_a_request_over_its_limit_ends_the_stream(settings: Settings) -> None:
    async with (
        serving(replace(settings, request_items_max=2)) as service,
        connected(service.address) as engine,
    ):
        await engine.send(call("a"), call("b"), call("c"))
        error = await reason_of_end(engine)
        assert error.reason == reasons.ERROR_REASON_TOO_LARGE
        assert error.metadata["limit"] == "request_items_max"


async def test_streams_are_bounded(settings: Settings) -> None:
    async with (
        serving(replace(settings, streams_max=1)) as service,
        connected(service.address),
        connect(service.address) as channel,
    ):
        with pytest.raises(TidemillError) as refused, typed_errors():
            await ActionServiceStub(channel).Execute().read()
        assert refused.value.reason == reasons.ERROR_REASON_OVERLOADED
        assert refused.value.retry_delay_us


async def list_actions(address: str, **request: object) -> pb.ListActionsResponse:
    async with connect(address) as channel:
        with typed_errors():
            return await ActionServiceStub(channel).ListActions(
                pb.ListActionsRequest(**{"namespace": "shop", **request})  # type: ignore[arg-type]
            )


async def test_actions_are_listed_by_name_in_pages(service: ActionsService) -> None:
    names: list[str] = []
    token = ""
    while True:
        page = await list_actions(service.address, page_size=2, page_token=token)
        assert len(page.actions) <= 2
        names += [one.name for one in page.actions]
        token = page.next_page_token
        if not token:
            break
    assert names == sorted(names)
    assert {"http", "events.publish", "tidemill.noop", "tidemill.echo", "test.wait"} <= set(names)


async def test_an_action_is_described(service: ActionsService) -> None:
    listed = {one.name: one for one in (await list_actions(service.address)).actions}
    waits, http = listed["test.wait"], listed["http"]
    assert (waits.version, waits.description, waits.effect_class) == ("1.0.0", "Waits.", pb.EFFECT_CLASS_ONCE)
    assert (orjson.loads(waits.input_schema), waits.output_schema) == ({"type": "number"}, b"")
    assert (http.version, http.timeout.seconds) == ("", 30)
    assert listed["tidemill.echo"].effect_class == pb.EFFECT_CLASS_PURE


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"namespace": ""}, reasons.ERROR_REASON_INVALID_REQUEST),
        ({"page_size": -1}, reasons.ERROR_REASON_INVALID_REQUEST),
        ({"page_token": "never given"}, reasons.ERROR_REASON_INVALID_REQUEST),
    ],
)
async def test_a_wrong_request_for_a_list_is_refused(
    service: ActionsService, request_: dict[str, object], reason: int
) -> None:
    with pytest.raises(TidemillError) as refused:
        await list_actions(service.address, **request_)
    assert refused.value.reason == reason


async def test_health_and_reflection(service: ActionsService) -> None:
    async with connect(service.address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        make_stub: Any = reflection_pb2_grpc.ServerReflectionStub
        stream = make_stub(channel).ServerReflectionInfo(iter([ask]))
        listed = [one.name async for reply in stream for one in reply.list_services_response.service]
        assert SERVICE in listed


async def test_a_drain_finishes_what_has_begun_and_ends_the_streams(settings: Settings) -> None:
    service = await build(settings, Surroundings(functions=(wait,)))
    running = asyncio.create_task(service.run())
    await service.until_serving()
    async with connected(service.address) as engine:
        await engine.send(call("begun", "test.wait:1.0.0", 0.3))
        await engine.result(call("first"))
        service.supervisor.ask()
        await asyncio.sleep(0.05)
        await engine.send(call("late"))
        late, begun = await engine.results(2)
        assert (late.key, late.delivery_failure) == ("late", pb.DELIVERY_FAILURE_UNAVAILABLE)
        assert (begun.key, begun.state) == ("begun", history_pb2.ACTION_STATE_SUCCEEDED)
        assert await engine.stream.read() is grpc.aio.EOF
    await running


async def test_two_services_cannot_share_a_data_directory(
    service: ActionsService, settings: Settings
) -> None:
    with pytest.raises(DirectoryLockedError, match="in use"):
        await build(settings)


async def test_a_full_disk_turns_calls_away_and_the_service_stays_up(settings: Settings) -> None:
    async with (
        serving(replace(settings, ledger_page_count_max=40)) as service,
        connected(service.address) as engine,
    ):
        assert (await engine.result(call("before"))).state == history_pb2.ACTION_STATE_SUCCEEDED
        await engine.send(*(call(f"{'k' * 200}{index}") for index in range(1_000)))
        results = await engine.results(1_000)
        assert {one.delivery_failure for one in results} == {pb.DELIVERY_FAILURE_UNAVAILABLE}
        assert "full" in results[0].delivery_detail
        assert (await engine.result(call("before"))).from_record
        assert (await engine.result(call("after"))).state == history_pb2.ACTION_STATE_SUCCEEDED
