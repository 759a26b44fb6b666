"""What clients, authors and actions do wrong, on the whole stack: said clearly, and harming no one."""

import re
from collections.abc import Callable
from http.client import HTTPConnection

import orjson
import pytest

from tests.e2e.documents import NAMESPACE, named
from tests.e2e.running import RunningStack
from tidemill.api.engine.v1 import execution_service_pb2 as executions
from tidemill.api.events.v1.payload_pb2 import CloudEvent, Payload
from tidemill.errors import TidemillError, from_item_error

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ERRORS = "https://open-workflow-specification.org/spec/1.0.0/errors/"
GREET = """
    do:
    - greet: {set: {hello: '${ .name }'}}
"""


def refusal(work: Callable[[], object]) -> TidemillError:
    """The error that the work is refused with."""
    with pytest.raises(TidemillError) as raised:
        work()
    return raised.value


@pytest.fixture(autouse=True)
def _serves_on(stack: RunningStack) -> None:
    """Whatever an earlier test did, the stack goes on working."""
    assert stack.run(named("greet", GREET), {"name": "you"}).output == {"hello": "you"}


def start(stack: RunningStack, data: bytes, **fields: str) -> executions.StartResponse:
    request = executions.StartRequest(
        **({"namespace": NAMESPACE, "workflow": "greet"} | fields),  # type: ignore[arg-type]
        input=Payload(data=data),
    )
    return stack.wait(stack.client.executions.start(request))


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (b"", ""),
        (b"\xff\xfe\x00", ""),
        (b"a: [1", ""),
        (b"- a\n- b\n", ""),
        (b"just words", ""),
        (b"&a [*a, *a]", "/0"),
        (b"a: &a [x, x]\nb: &b [*a, *a, *a]\n" + b"c: [" + b"*b, " * 50_000 + b"*b]", r"/c/\d+"),
        (b"[" * 5_000, ""),
        (named("twice", GREET + "do: []\n").encode(), ""),
        (named("empty", "other: true").encode(), ""),
        (named("kind", "do: [{one: {fly: true}}]").encode(), "/do/0/one"),
        (named("flow", "do: [{one: {set: {a: 1}, then: nowhere}}]").encode(), "/do/0/one/then"),
        (named("jq", "do: [{one: {set: {a: '${ .b + }'}}}]").encode(), "/do/0/one/set/a"),
        (named("env", "do: [{one: {set: {a: '${ env }'}}}]").encode(), "/do/0/one/set/a"),
    ],
    ids=[
        "empty", "no text", "torn", "a list", "a string", "in itself", "a bomb", "deep", "a key twice",
        "no tasks", "no kind", "no such task", "no expression", "forbidden function",
    ],
)  # fmt: skip
def test_a_malformed_document_is_refused_with_a_pointer(
    stack: RunningStack, document: bytes, pointer: str
) -> None:
    error = refusal(lambda: stack.wait(stack.client.definitions.publish(document)))
    assert error.reason_name == "INVALID_DOCUMENT"
    problem = stack.wait(stack.client.definitions.validate(document))[0]
    assert re.fullmatch(pointer, problem.pointer)
    assert error.metadata["pointer"] == problem.pointer
    assert problem.message in error.message


@pytest.mark.parametrize("fields", [{"workflow": "absent"}, {"version": "9.9.9"}, {"namespace": "absent"}])
def test_an_unknown_definition_is_refused(stack: RunningStack, fields: dict[str, str]) -> None:
    error = refusal(lambda: start(stack, b"{}", **fields))
    assert error.reason_name == "DEFINITION_NOT_FOUND"
    assert next(iter(fields.values())) in error.message


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":',
        b"{'a': 1}",
        b"NaN",
        b"[1e400]",
        b"[18446744073709551616]",
        b'"\\ud800"',
        b'"\\u0000"',
        b"\xff",
    ],
)
def test_wrong_json_is_refused(stack: RunningStack, data: bytes) -> None:
    error = refusal(lambda: start(stack, data))
    assert (error.reason_name, error.metadata["field"]) == ("INVALID_PAYLOAD", "input")


def test_an_oversized_input_is_refused_with_the_limit(stack: RunningStack) -> None:
    error = refusal(lambda: start(stack, orjson.dumps("x" * 16_777_216)))
    assert error.reason_name == "TOO_LARGE"
    assert error.metadata == {
        "limit": "payload_bytes_max", "limit_value": "16777216", "actual": "16777218"
    }  # fmt: skip


def test_the_largest_input_is_taken_and_given_back(stack: RunningStack) -> None:
    text = "x" * (16_777_216 - 2)
    body = """
        do:
        - one: {set: '${ . }'}
    """
    assert stack.run(named("large", body), text).output == text


def test_an_oversized_document_is_refused_with_the_limit(stack: RunningStack) -> None:
    error = refusal(lambda: stack.wait(stack.client.definitions.publish(b"#" * 1_048_577)))
    assert (error.reason_name, error.metadata["limit"]) == ("TOO_LARGE", "document_bytes_max")


def test_a_message_over_the_limit_of_a_connection_is_refused(stack: RunningStack) -> None:
    error = refusal(lambda: start(stack, b" " * 33 * 1024 * 1024))
    assert error.reason_name == "TOO_LARGE"


def test_data_that_grows_too_large_faults_its_task(stack: RunningStack) -> None:
    body = """
        do:
        - grow: {set: {twice: '${ [., .] }'}}
    """
    report = stack.run(named("grow", body), "x" * 10_000_000)
    assert (report.phase, report.error["instance"]) == ("faulted", "/do/0/grow")
    assert "payload_bytes_max" in report.error["detail"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (CloudEvent(id="e", source="/s", type="t", data=b'{"a":', data_content_type="application/json"),
         "INVALID_PAYLOAD"),
        (CloudEvent(id="e", source="/s", type="t", data=b'"' + b"x" * 1_000_000 + b'"'), "TOO_LARGE"),
        (CloudEvent(id="", source="/s", type="t"), "INVALID_REQUEST"),
    ],
    ids=["wrong JSON", "too large", "no id"],
)  # fmt: skip
def test_a_bad_event_is_refused_alone(stack: RunningStack, event: CloudEvent, reason: str) -> None:
    good = CloudEvent(id="good", source="/s", type="t", data=b"{}")
    bad, well = stack.wait(stack.client.events.publish(NAMESPACE, [event, good]))
    assert from_item_error(bad.error).reason_name == reason
    assert not well.HasField("error")


@pytest.mark.parametrize(
    ("body", "announced", "status"),
    [(b'{"specversion":', None, 400), (b'{"specversion": "1.0"}', None, 400), (b"", 9_000_000, 413)],
    ids=["wrong JSON", "no event", "too large"],
)
def test_a_bad_event_over_http_is_a_problem(
    stack: RunningStack, body: bytes, announced: int | None, status: int
) -> None:
    connection = HTTPConnection(stack.stack.layout.events_url.removeprefix("http://"), timeout=30)
    try:
        connection.putrequest("POST", f"/v1/events/{NAMESPACE}")
        connection.putheader("content-type", "application/cloudevents+json")
        connection.putheader("content-length", str(announced or len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        problem = orjson.loads(answer.read())
    finally:
        connection.close()
    assert (answer.status, problem["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_action_is_a_configuration_error_after_the_grace(stack: RunningStack) -> None:
    body = """
        do:
        - call: {call: 'test.absent:1.0.0', with: {}}
    """
    report = stack.run(named("absent", body))
    assert report.error == {
        "type": ERRORS + "configuration",
        "status": 400,
        "title": "Configuration Error",
        "detail": "no such action is registered: test.absent:1.0.0",
        "instance": "/do/0/call",
    }


def test_an_action_that_raises_is_a_runtime_error_that_can_be_caught(stack: RunningStack) -> None:
    body = """
        do:
        - guard:
            try:
            - call: {call: 'test.raises:1.0.0', with: {}}
            catch:
              do:
              - note: {set: '${ $error }'}
    """
    output = stack.run(named("raises", body)).output
    assert (output["type"], output["status"]) == (ERRORS + "runtime", 500)
    assert output["detail"] == "RuntimeError: a mistake of its author"
    assert output["instance"] == "/do/0/guard/try/0/call"


@pytest.mark.parametrize(
    "task",
    [
        "{call: 'test.never:1.0.0', with: {name: x}, timeout: {after: {milliseconds: 200}}}",
        "{call: 'test.slow:1.0.0', with: {}}",
    ],
    ids=["limit of the task", "limit of the function"],
)
def test_an_action_that_never_answers_is_a_timeout_error(stack: RunningStack, task: str) -> None:
    report = stack.run(named(f"never-{len(task)}", f"do: [{{stuck: {task}}}]"))
    assert (report.phase, report.error["type"], report.error["status"]) == (
        "faulted",
        ERRORS + "timeout",
        408,
    )
    assert report.error["instance"] == "/do/0/stuck"
