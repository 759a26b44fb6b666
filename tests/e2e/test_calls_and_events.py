"""Calls of the outside world and events, through the whole stack."""

import asyncio
from urllib.parse import unquote

import pytest

from tests.e2e.documents import NAMESPACE, named
from tests.e2e.running import RunningStack
from tidemill.api.engine.v1 import execution_service_pb2 as executions
from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.json import Json

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ERRORS = "https://open-workflow-specification.org/spec/1.0.0/errors/"


def test_a_function_is_called_with_resolved_arguments(stack: RunningStack) -> None:
    body = """
        do:
        - add: {call: 'test.add:1.0.0', with: {a: '${ .n }', b: 2}}
        - more: {call: 'test.add:1.0.0', with: {a: '${ .sum }', b: '${ $workflow.input.n }'}}
    """
    report = stack.run(named("add", body), {"n": 40})
    assert report.output == {"sum": 82}
    assert report.runs == [("add", "completed"), ("more", "completed")]


def test_arguments_that_do_not_fit_are_a_validation_error(stack: RunningStack) -> None:
    body = """
        do:
        - add: {call: 'test.add:1.0.0', with: {a: text, b: 2}}
    """
    report = stack.run(named("add-text", body))
    assert (report.phase, report.error["type"], report.error["status"]) == (
        "faulted",
        ERRORS + "validation",
        400,
    )
    assert report.error["instance"] == "/do/0/add"


def test_a_call_in_a_loop_has_a_key_for_each_round(stack: RunningStack) -> None:
    body = """
        do:
        - loop:
            for: {in: '[1, 2]'}
            do:
            - flaky: {call: 'test.flaky:1.0.0', with: {failures: 0}, output: {as: '$input + [.key]'}}
    """
    report = stack.run(named("loop-keys", body), [])
    keys = [f"{report.execution_id}:/do/0/loop/do/0/flaky#1.{number}.1" for number in (1, 2)]
    assert report.output == keys


def test_http_sends_what_the_author_wrote_and_gives_the_content(stack: RunningStack) -> None:
    body = """
        do:
        - ask:
            call: http
            with:
              method: post
              endpoint:
                uri: https://api.example.com/contacts/{id}
                authentication: {bearer: {token: '${ .token }'}}
              headers: {x-one: '${ .one }'}
              query: {page: '${ .page }', name: a b}
              body: {name: '${ .name }', list: [1, '${ .page }']}
    """
    given: dict[str, Json] = {"id": "c/7", "token": "secret", "one": "1", "page": 2, "name": "Ann"}
    report = stack.run(named("http-post", body), given)
    asked = report.output
    assert (asked["method"], unquote(asked["path"])) == ("POST", "/contacts/c/7")
    assert asked["query"] == {"page": "2", "name": "a b"}
    assert asked["body"] == {"name": "Ann", "list": [1, 2]}
    headers = asked["headers"]
    assert (headers["host"], headers["x-one"]) == ("api.example.com", "1")
    assert headers["authorization"] == "Bearer secret"
    assert unquote(headers["idempotency-key"]) == f"{report.execution_id}:/do/0/ask#1"


def test_http_gives_the_whole_response_or_its_raw_bytes(stack: RunningStack) -> None:
    body = """
        do:
        - ask: {call: http, with: {method: get, endpoint: 'https://api.example.com/a', output: response}}
        - raw:
            call: http
            with: {method: get, endpoint: 'https://api.example.com/a', output: raw}
            output: {as: '{response: $input, raw: (. | @base64d | fromjson | .path)}'}
    """
    output = stack.run(named("http-response", body)).output
    assert output["raw"] == "/a"
    response = output["response"]
    assert (response["statusCode"], response["content"]["path"]) == (200, "/a")
    assert response["headers"]["content-type"] == "application/json"
    assert (response["request"]["method"], response["request"]["uri"]) == ("GET", "https://api.example.com/a")


@pytest.mark.parametrize("status", [404, 503])
def test_http_makes_a_bad_status_a_communication_error_that_can_be_caught(
    stack: RunningStack, status: int
) -> None:
    body = f"""
        do:
        - guard:
            try:
            - ask: {{call: http, with: {{method: get, endpoint: 'https://api.example.com/status/{status}'}}}}
            catch:
              errors: {{with: {{type: '{ERRORS}communication', status: {status}}}}}
              do:
              - note: {{set: {{instance: '${{ $error.instance }}', status: '${{ $error.status }}'}}}}
    """
    report = stack.run(named(f"http-{status}", body))
    assert report.output == {"instance": "/do/0/guard/try/0/ask", "status": status}


@pytest.mark.parametrize(
    ("redirect", "phase", "status"), [("true", "completed", None), ("false", "faulted", 302)]
)
def test_http_follows_redirects_only_when_told(
    stack: RunningStack, redirect: str, phase: str, status: int | None
) -> None:
    body = f"""
        do:
        - ask:
            call: http
            with: {{method: get, endpoint: 'https://api.example.com/moved/new', redirect: {redirect}}}
    """
    report = stack.run(named(f"http-redirect-{redirect}", body))
    assert report.phase == phase
    assert (report.error or {}).get("status") == status
    assert (report.output or {}).get("path") == ("/new" if phase == "completed" else None)


def test_a_host_that_nobody_serves_is_a_communication_error(stack: RunningStack) -> None:
    body = """
        do:
        - ask: {call: http, with: {method: get, endpoint: 'http://127.0.0.1:9/'}}
    """
    report = stack.run(named("http-nobody", body))
    assert (report.phase, report.error["type"]) == ("faulted", ERRORS + "communication")


LISTENS = """
    schedule:
      on:
        one: {with: {type: com.example.order.paid, source: /shop}}
    do:
    - note: {set: {order: '${ .[0].order }', subject: '${ $workflow.input[0].subject }'}}
"""
EMITS = """
    do:
    - tell:
        emit:
          event:
            with:
              type: com.example.order.paid
              source: /shop
              subject: '${ .contact }'
              data: {order: '${ .order }', subject: '${ .contact }'}
"""


def test_emit_starts_the_workflow_that_listens_to_the_event(stack: RunningStack) -> None:
    stack.publish(named("listens", LISTENS))
    report = stack.run(named("emits", EMITS), {"contact": "c1", "order": 7})
    assert report.phase == "completed"
    event = report.output
    assert (event["type"], event["source"], event["subject"]) == ("com.example.order.paid", "/shop", "c1")
    assert event["data"] == {"order": 7, "subject": "c1"}
    assert (event["id"], event["specversion"]) == (f"{report.execution_id}:/do/0/tell#1", "1.0")
    (started,) = stack.wait(_listed(stack, "listens", 1))
    assert started.subject == "c1"
    stack.wait(stack.client.executions.wait_closed(started.execution_id))
    assert stack.report(started.execution_id).output == {"order": 7, "subject": "c1"}


async def _listed(stack: RunningStack, workflow: str, count: int) -> list[Execution]:
    """The executions of a workflow, once there are so many."""
    request = executions.ExecutionServiceListRequest(namespace=NAMESPACE, workflow=workflow)
    while True:
        async for page in stack.client.executions.pages(request):
            if len(page) >= count:
                return page
        await asyncio.sleep(0.05)


def test_an_event_that_nobody_listens_to_is_emitted_all_the_same(stack: RunningStack) -> None:
    report = stack.run(
        named("emits-alone", EMITS.replace("order.paid", "order.lost")), {"contact": "c", "order": 1}
    )
    assert (report.phase, report.output["type"]) == ("completed", "com.example.order.lost")
