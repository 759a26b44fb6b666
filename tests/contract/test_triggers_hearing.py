"""Events for executions that wait, over real sockets: from either door, and from an action, to the Engine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.engine_side import call, connected
from tests.contract.fake_engine import FakeEngine
from tests.contract.triggers_stack import Stack, error_of, lead, settings_for
from tests.unit.triggers.samples import document, one, waiting
from tidemill.actions.app import build as build_actions
from tidemill.actions.settings import Settings as ActionsSettings
from tidemill.api.engine.v1.execution_service_pb2 import HearRequest
from tidemill.api.events.v1 import history_pb2
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.errors import OverloadedError
from tidemill.json import Json

PAID: Json = {"with": {"type": "order.paid"}}
WAITS = waiting({"one": PAID}, name="waits")
STRUCTURED = {"content-type": "application/cloudevents+json"}
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    engine = FakeEngine()
    await engine.start()
    stack = Stack(engine, settings_for(engine))
    await stack.triggers.until_serving()
    yield stack
    await stack.close()


def paid(number: object = 1, **attributes: object) -> CloudEvent:
    return lead(number, type="order.paid", **attributes)


def lanes(stack: Stack) -> list[tuple[str, str, str]]:
    return [(item.subject, item.event_type, item.event.id) for item in stack.engine.executions.heard]


async def test_an_event_is_brought_to_lanes_as_it_came(stack: Stack) -> None:
    await stack.put_in_force(WAITS)
    sent = paid(
        subject="c7",
        time="2026-01-01T00:00:00Z",
        data_content_type="application/json",
        data_schema="/schemas/order",
        data=b'{ "total" : 7.0 }',
        extensions={"region": "eu", "traceparent": TRACE},
    )
    (outcome,) = await stack.publish(sent)
    assert (list(outcome.executions), outcome.HasField("error")) == ([], False)
    assert stack.engine.executions.heard == [
        HearRequest(namespace="crm", subject="c7", event=sent),
        HearRequest(namespace="crm", event_type="order.paid", event=sent),
    ]
    assert [item.get("traceparent") for item in stack.engine.executions.metadata] == [TRACE]


async def test_an_event_that_nobody_waits_for_costs_no_call(stack: Stack) -> None:
    await stack.put_in_force(WAITS)
    await stack.publish(*(lead(number, type="order.made") for number in range(10)))
    assert stack.engine.executions.requests == []


async def test_starts_and_hears_of_a_request_go_together_in_order(stack: Stack) -> None:
    await stack.put_in_force(WAITS, document(one(type="lead.created")))
    await stack.publish(lead("1"), paid("2"), lead("3"))
    (request,) = stack.engine.executions.requests
    assert [item.WhichOneof("kind") for item in request.commands] == ["start", "hear", "start"]


async def test_an_event_by_http_reaches_the_same_lanes(stack: Stack) -> None:
    await stack.put_in_force(WAITS)
    body = {"specversion": "1.0", "id": "1", "source": "/forms", "type": "order.paid", "subject": "c7"}
    response = await stack.web.post("/v1/events/crm", json=body, headers=STRUCTURED)
    assert response.status_code == 200
    await stack.publish(paid(subject="c7"))
    first, second = stack.engine.executions.heard[:2], stack.engine.executions.heard[2:]
    assert first == second
    assert lanes(stack)[:2] == [("c7", "", "1"), ("", "order.paid", "1")]


async def test_a_version_hears_once_its_publishing_is_acknowledged_and_ever_after(stack: Stack) -> None:
    await stack.put_in_force(WAITS)
    await stack.put_in_force(document(None, name="waits", version="2.0.0"))
    await stack.publish(paid())
    stack.engine.catalogue.break_streams()
    await stack.until(lambda: stack.engine.catalogue.opened == 2)
    await stack.until_taken()
    await stack.publish(paid())
    assert lanes(stack) == [("", "order.paid", "1")] * 2


async def test_an_answer_comes_after_the_engine_has_the_event(stack: Stack) -> None:
    await stack.put_in_force(WAITS)
    stack.engine.executions.gate.clear()
    publishing = asyncio.create_task(stack.publish(paid()))
    await stack.until_queued(1)
    await stack.engine.executions.entered.wait()
    assert not publishing.done()
    stack.engine.executions.gate.set()
    (outcome,) = await publishing
    assert not outcome.HasField("error")


async def test_the_engines_refusal_of_an_event_is_passed_on(stack: Stack) -> None:
    await stack.put_in_force(WAITS)
    stack.engine.executions.error = OverloadedError("log_backlog_max", limit_value=7, retry_delay_us=300_000)
    error = await error_of(stack.publish(paid()))
    assert (error.reason_name, error.metadata["limit"]) == ("OVERLOADED", "log_backlog_max")


async def test_an_event_that_an_execution_emits_reaches_those_who_wait(stack: Stack, tmp_path: Path) -> None:
    await stack.put_in_force(WAITS)
    settings = ActionsSettings(listen="127.0.0.1:0", triggers=stack.triggers.address, data=tmp_path)
    actions = await build_actions(settings)
    running = asyncio.create_task(actions.run())
    await actions.until_serving()
    arguments: Json = {"source": "/crm", "type": "order.paid", "subject": "c7", "data": {"total": 7}}
    async with connected(actions.address) as engine:
        emitted = call("key-of-the-emit", "events.publish", arguments, namespace="crm")
        result = await engine.result(emitted)
    actions.supervisor.ask()
    await running
    assert result.state == history_pb2.ACTION_STATE_SUCCEEDED
    # Under the task's idempotency key: however often it is sent, lanes take it once.
    assert lanes(stack) == [("c7", "", "key-of-the-emit"), ("", "order.paid", "key-of-the-emit")]
    assert stack.engine.executions.heard[0].event.data == b'{"total":7}'
