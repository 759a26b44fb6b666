"""The contract of the Triggers service, over real sockets: gRPC, HTTP, and the Engine on the other side."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.contract.fake_engine import FakeEngine
from tests.contract.triggers_stack import Stack, error_of, lead, settings_for
from tests.unit.triggers.samples import anyof, document, one
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.triggers.v1 import event_service_pb2 as events_api
from tidemill.api.triggers.v1 import event_service_pb2_grpc as events_grpc
from tidemill.api.triggers.v1 import trigger_service_pb2 as triggers_api
from tidemill.errors import OverloadedError, TidemillError, from_item_error
from tidemill.rpc import AddressInUseError, connect
from tidemill.triggers.app import build
from tidemill.triggers.settings import Settings

LEADS = document(one(type="lead.created"))
EVENT_SERVICE = "tidemill.api.triggers.v1.EventService"
TRIGGER_SERVICE = "tidemill.api.triggers.v1.TriggerService"
STRUCTURED = {"content-type": "application/cloudevents+json"}


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    engine = FakeEngine()
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def stack(engine: FakeEngine) -> AsyncIterator[Stack]:
    stack = Stack(engine, settings_for(engine, queued_commands_max=20, submit_commands_max=10))
    await stack.triggers.until_serving()
    yield stack
    await stack.close()


async def test_publish_starts_what_listens(stack: Stack) -> None:
    await stack.put_in_force(document(one(type="lead.created"), ordering_key=".data.contact"))
    (outcome,) = await stack.publish(lead(data=b'{"contact": "c7"}'))
    ((identifier, start),) = stack.engine.executions.started.items()
    assert outcome == events_api.EventOutcome(
        event_id="1",
        executions=[
            events_api.StartedExecution(
                execution_id=identifier, workflow="nurture", version="1.0.0", trigger="on", created=True
            )
        ],
    )
    assert (start.namespace, start.workflow, start.version, start.subject) == (
        "crm",
        "nurture",
        "1.0.0",
        "c7",
    )
    assert (start.input.data, start.request_id) == (b'[{"contact": "c7"}]', "")
    assert (start.origin.trigger, start.origin.event_source, start.origin.event_id) == ("on", "/forms", "1")


async def test_the_same_event_by_grpc_and_by_http_starts_one_execution(stack: Stack) -> None:
    await stack.put_in_force(LEADS)
    (outcome,) = await stack.publish(lead(subject="c7", data=b'{"a":1}'))
    body = {"specversion": "1.0", "id": "1", "source": "/forms", "type": "lead.created", "subject": "c7"}
    response = await stack.web.post("/v1/events/crm", json={**body, "data": {"a": 1}}, headers=STRUCTURED)
    (execution,) = response.json()["executions"]
    assert execution["execution_id"] == outcome.executions[0].execution_id
    assert (outcome.executions[0].created, execution["created"]) == (True, False)
    assert len(stack.engine.executions.started) == 1


async def test_what_is_published_is_in_force_once_it_is_acknowledged(stack: Stack) -> None:
    for number in range(5):
        await stack.put_in_force(document(one(type="lead.created"), version=f"1.{number}.0"))
        (outcome,) = await stack.publish(lead(number))
        assert [item.version for item in outcome.executions] == [f"1.{number}.0"]


async def test_concurrent_calls_share_submits(stack: Stack) -> None:
    await stack.put_in_force(LEADS)
    stack.engine.executions.gate.clear()
    first = asyncio.create_task(stack.publish(lead("first")))
    await stack.engine.executions.entered.wait()
    others = [asyncio.create_task(stack.publish(lead(number))) for number in range(9)]
    await stack.until_queued(10)
    stack.engine.executions.gate.set()
    outcomes = await asyncio.gather(first, *others)
    assert all(outcome.executions[0].created for (outcome,) in outcomes)
    assert [len(request.commands) for request in stack.engine.executions.requests] == [1, 9]


async def test_each_event_has_its_own_error(stack: Stack) -> None:
    await stack.put_in_force(LEADS)

    def refuse(start: Any) -> TidemillError | None:  # noqa: ANN401 - a StartRequest
        if start.origin.event_id != "gone":
            return None
        reason = reasons.ERROR_REASON_DEFINITION_NOT_FOUND
        return TidemillError(reason, "no such definition", {"workflow": "nurture", "version": "1.0.0"})

    stack.engine.executions.refuse = refuse
    outcomes = await stack.publish(
        lead("good"),
        lead("", subject="x"),
        lead("bad", data=b"{"),
        lead("large", data=b'"%b"' % (b"a" * 1_000_001)),
        lead("gone"),
    )
    errors = [from_item_error(item.error) if item.HasField("error") else None for item in outcomes]
    assert [None if error is None else (error.reason_name, error.metadata) for error in errors] == [
        None,
        ("INVALID_REQUEST", {"field": "id"}),
        ("INVALID_PAYLOAD", {"field": "data"}),
        ("TOO_LARGE", {"limit": "data_bytes_max", "limit_value": "1000000", "actual": "1000003"}),
        ("DEFINITION_NOT_FOUND", {"workflow": "nurture", "version": "1.0.0"}),
    ]


async def test_a_bad_request_is_refused_whole(stack: Stack) -> None:
    error = await error_of(stack.events.PublishEvents(events_api.PublishEventsRequest(events=[lead()])))
    assert (error.reason_name, error.metadata) == ("INVALID_REQUEST", {"field": "namespace"})
    error = await error_of(stack.publish(*(lead(number) for number in range(1_001))))
    assert (error.reason_name, error.metadata["limit"]) == ("TOO_LARGE", "events_per_request_max")


@pytest.mark.parametrize(
    "failure",
    [
        OverloadedError("inbox_commands_max", limit_value=7, retry_delay_us=300_000),
        TidemillError(reasons.ERROR_REASON_STORAGE_UNAVAILABLE, "the disk is full", {"part": "log"}),
        TidemillError(reasons.ERROR_REASON_NOT_READY, "the engine is stopping", {"part": "ingress"}),
    ],
)
async def test_the_engines_refusal_is_passed_on_as_it_is(stack: Stack, failure: TidemillError) -> None:
    await stack.put_in_force(LEADS)
    stack.engine.executions.error = failure
    error = await error_of(stack.publish(lead()))
    assert (error.reason, error.message, error.metadata, error.retry_delay_us) == (
        failure.reason,
        failure.message,
        failure.metadata,
        failure.retry_delay_us,
    )


async def test_a_full_queue_refuses_with_a_delay(stack: Stack) -> None:
    await stack.put_in_force(LEADS)
    stack.engine.executions.gate.clear()
    waiting = [
        asyncio.create_task(stack.publish(*(lead(f"{start}.{number}") for number in range(10))))
        for start in range(2)
    ]
    await stack.until_queued(20)
    error = await error_of(stack.publish(lead("late")))
    stack.engine.executions.gate.set()
    await asyncio.gather(*waiting)
    assert (error.reason_name, error.metadata["limit"]) == ("OVERLOADED", "queued_commands_max")
    assert error.retry_delay_us == Settings().overload_retry_delay_us


async def test_an_answer_of_the_engine_that_does_not_fit_is_an_internal_error(stack: Stack) -> None:
    await stack.put_in_force(LEADS)
    stack.engine.executions.forget_results = True
    assert (await error_of(stack.publish(lead()))).reason_name == "INTERNAL"


async def test_nothing_is_taken_while_the_engine_is_away_and_everything_after_it_came_back(
    stack: Stack,
) -> None:
    await stack.put_in_force(LEADS)
    await stack.engine.stop()
    error = await stack.until_refused()
    assert (error.reason_name, error.metadata) == ("NOT_READY", {"part": "catalogue"})
    assert error.retry_delay_us is not None
    response = await stack.web.post("/v1/events/crm", json={"specversion": "1.0"}, headers=STRUCTURED)
    assert response.status_code in (400, 503)
    assert (await stack.web.get("/healthz")).status_code == 503
    await stack.engine.start()
    await stack.until_taken()
    (outcome,) = await stack.publish(lead())
    assert outcome.executions[0].created


async def test_an_engine_that_does_not_answer_in_time_is_not_ready(engine: FakeEngine) -> None:
    stack = Stack(engine, settings_for(engine, submit_timeout_us=50_000))
    await stack.put_in_force(LEADS)
    engine.executions.gate.clear()
    error = await error_of(stack.publish(lead()))
    assert (error.reason_name, error.metadata) == ("NOT_READY", {"part": "engine"})
    engine.executions.gate.set()
    await stack.close()


async def test_nothing_is_taken_before_the_snapshot_is_whole(engine: FakeEngine) -> None:
    await engine.catalogue.publish(LEADS)
    engine.catalogue.snapshot_gate.clear()
    stack = Stack(engine, settings_for(engine))
    await stack.until(lambda: engine.catalogue.opened > 0)
    error = await error_of(stack.publish(lead(), wait_for_ready=True))
    assert (error.reason_name, error.metadata) == ("NOT_READY", {"part": "catalogue"})
    assert (await error_of(stack.listing.List(triggers_api.ListRequest(namespace="-")))).reason_name == (
        "NOT_READY"
    )
    assert await health(stack) == health_pb2.HealthCheckResponse.NOT_SERVING
    engine.catalogue.snapshot_gate.set()
    await stack.triggers.until_serving()
    assert await health(stack) == health_pb2.HealthCheckResponse.SERVING
    assert (await stack.publish(lead()))[0].executions
    await stack.close()


async def test_a_silent_engine_is_distrusted_and_asked_again(engine: FakeEngine) -> None:
    stack = Stack(engine, settings_for(engine, catalogue_silence_us_max=200_000))
    await stack.put_in_force(LEADS)
    engine.catalogue.beating = False
    assert (await stack.until_refused()).metadata == {"part": "catalogue"}
    engine.catalogue.beating = True
    await stack.until_taken()
    assert engine.catalogue.opened >= 2
    await stack.close()


async def test_a_broken_stream_brings_a_new_snapshot(stack: Stack) -> None:
    await stack.put_in_force(LEADS)
    await stack.publish(lead())
    stack.engine.catalogue.definitions.clear()
    stack.engine.catalogue.break_streams()
    await stack.until(lambda: stack.engine.catalogue.opened == 2)
    await stack.put_in_force(document(one(type="order.placed"), name="orders"))
    answer = await stack.listing.List(triggers_api.ListRequest(namespace="-"))
    assert [trigger.workflow for trigger in answer.triggers] == ["orders"]


async def test_list_shows_triggers_in_pages(stack: Stack) -> None:
    await stack.put_in_force(LEADS, document(anyof({"type": "a"}, {"source": "/b"}), name="any"))
    await stack.publish(lead())
    first = await stack.listing.List(triggers_api.ListRequest(namespace="crm"))
    request = triggers_api.ListRequest(namespace="crm", page_token=first.next_page_token)
    second = await stack.listing.List(request)
    assert [item.name for item in first.triggers] == ["on.any.0", "on.any.1"]
    assert [item.event_type for item in first.triggers] == ["a", ""]
    (matched,) = second.triggers
    assert second.next_page_token == ""
    assert (matched.namespace, matched.workflow, matched.version) == ("crm", "nurture", "1.0.0")
    assert (matched.name, matched.event_type, matched.matches) == ("on", "lead.created", 1)
    assert matched.listening_since.ToMicroseconds() <= matched.last_match_at.ToMicroseconds()
    assert not first.triggers[0].HasField("last_match_at")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "namespace"),
        ({"namespace": "-", "page_size": -1}, "page_size"),
        ({"namespace": "-", "page_token": "x"}, "page_token"),
    ],
)
async def test_list_refuses_a_bad_request(stack: Stack, fields: dict[str, Any], field: str) -> None:
    error = await error_of(stack.listing.List(triggers_api.ListRequest(**fields)))
    assert (error.reason_name, error.metadata) == ("INVALID_REQUEST", {"field": field})


async def test_the_trace_context_reaches_the_engine(stack: Stack) -> None:
    await stack.put_in_force(LEADS)
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    await stack.publish(lead(1), metadata=(("traceparent", traceparent),))
    await stack.publish(lead(2, extensions={"traceparent": traceparent}))
    seen = [metadata.get("traceparent") for metadata in stack.engine.executions.metadata]
    assert seen == [traceparent, traceparent]


async def health(stack: Stack, service: str = "") -> int:
    stub: Any = health_pb2_grpc.HealthStub(stack.channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), wait_for_ready=True)
    return int(answer.status)


@pytest.mark.parametrize("service", ["", EVENT_SERVICE, TRIGGER_SERVICE])
async def test_health(stack: Stack, service: str) -> None:
    assert await health(stack, service) == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_names_the_services(stack: Stack) -> None:
    make_stub: Any = reflection_pb2_grpc.ServerReflectionStub
    call = make_stub(stack.channel).ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="*")])
    )
    answers = [answer async for answer in call]
    names = {service.name for service in answers[0].list_services_response.service}
    assert {EVENT_SERVICE, TRIGGER_SERVICE} <= names


async def test_http_in_all_three_modes(stack: Stack) -> None:
    await stack.put_in_force(LEADS)
    event = {"specversion": "1.0", "source": "/forms", "type": "lead.created"}
    batch_type = {"content-type": "application/cloudevents-batch+json"}
    binary = {f"ce-{name}": value for name, value in {**event, "id": "2"}.items()}
    url = "/v1/events/crm"
    answers = [
        await stack.web.post(url, json={**event, "id": "1"}, headers=STRUCTURED),
        await stack.web.post(url, json={"a": 1}, headers=binary),
        await stack.web.post(url, json=[{**event, "id": "3"}, {**event, "id": "4"}], headers=batch_type),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len(stack.engine.executions.started) == 4
    assert (await stack.web.get("/healthz")).json() == {"revision": 1}


async def test_an_oversized_body_is_refused_over_http(engine: FakeEngine) -> None:
    stack = Stack(engine, settings_for(engine, http_body_bytes_max=1_000))
    await stack.triggers.until_serving()
    response = await stack.web.post("/v1/events/crm", content=b" " * 1_001, headers=STRUCTURED)
    assert (response.status_code, response.json()["metadata"]["limit"]) == (413, "http_body_bytes_max")
    await stack.close()


async def test_a_stop_answers_what_was_taken_and_takes_nothing_more(stack: Stack) -> None:
    await stack.put_in_force(LEADS)
    stack.engine.executions.gate.clear()
    body = {"specversion": "1.0", "id": "web", "source": "/forms", "type": "lead.created"}
    by_grpc = asyncio.create_task(stack.publish(lead("rpc")))
    by_http = asyncio.create_task(stack.web.post("/v1/events/crm", json=body, headers=STRUCTURED))
    await stack.until_queued(2)
    stopped = stack.ask_to_stop()
    async with connect(stack.triggers.address) as late:
        request = events_api.PublishEventsRequest(namespace="crm", events=[lead("late")])
        with pytest.raises(grpc.aio.AioRpcError):
            await events_grpc.EventServiceStub(late).PublishEvents(request, timeout=1)
    stack.engine.executions.gate.set()
    (outcome,) = await by_grpc
    assert (outcome.executions[0].created, (await by_http).status_code) == (True, 200)
    await stopped


async def test_a_taken_address_is_refused_in_one_sentence(stack: Stack) -> None:
    taken = settings_for(stack.engine)
    for fields in ({"listen": stack.triggers.address}, {"http_listen": stack.triggers.http_address}):
        with pytest.raises(AddressInUseError, match="in use"):
            build(Settings(**{**{name: getattr(taken, name) for name in taken.__slots__}, **fields}))
