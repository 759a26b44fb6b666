"""`call` asks the Action service, and goes on from its answer."""

import pytest

from tests.unit.core.driver import EXECUTION_ID, Driver, Task, Value, call_task, set_task
from tidemill.dsl import DocumentError
from tidemill.engine.core.effects import CallAction
from tidemill.engine.core.events import ActionState
from tidemill.engine.core.payload import Payload
from tidemill.json import dumps, loads


def http(given: Task, data: Value = None, **members: Value) -> Value:
    driver = Driver({"get": {"call": "http", "with": {"method": "get", **given}}}, **members).start(data)
    call = driver.call_of("/do/0/get")
    assert call.action == "http"
    arguments = call.arguments.value
    assert isinstance(arguments, dict)
    return arguments


def test_a_function_gets_its_resolved_arguments_under_its_key() -> None:
    driver = Driver(call_task("ask", {"a": "${ .n }", "b": "literal"})).start({"n": 1})
    assert driver.all_calls == [
        CallAction(
            f"{EXECUTION_ID}:/do/0/ask#1",
            1,
            "/do/0/ask",
            "work:1.0.0",
            Payload.of({"a": 1, "b": "literal"}),
        )
    ]


def test_a_function_without_arguments_gets_an_empty_object() -> None:
    assert Driver(call_task("ask")).start().all_calls[0].arguments.value == {}


def test_the_output_is_the_actions_and_its_bytes_are_not_touched() -> None:
    driver = Driver(call_task("ask"), call_task("again")).start()
    output = Payload.encoded(b'{ "spaced" :1.0}')
    driver.answer(driver.call_of("/do/0/ask"), ActionState.SUCCEEDED, output=output)
    assert driver.state.frames["/do/1/again"].raw_input.data == b'{ "spaced" :1.0}'


def test_an_answer_without_an_output_is_null() -> None:
    driver = Driver(call_task("ask")).start()
    driver.answer(driver.call_of("/do/0/ask"), ActionState.SUCCEEDED)
    assert driver.output is None


def test_an_error_of_the_action_faults_the_task_and_names_it() -> None:
    driver = Driver(call_task("ask")).start()
    driver.fail("/do/0/ask", status=404)
    assert (driver.error.status, driver.error.instance) == (404, "/do/0/ask")


@pytest.mark.parametrize("state", [ActionState.FAILED, ActionState.CANCELLED, ActionState.UNKNOWN])
def test_an_end_without_success_and_without_an_error_is_a_runtime_error(state: ActionState) -> None:
    driver = Driver(call_task("ask")).start()
    driver.answer(driver.call_of("/do/0/ask"), state)
    assert driver.error.type.endswith("/errors/runtime")


def test_an_outcome_that_comes_twice_or_for_nobody_changes_nothing() -> None:
    driver = Driver(call_task("ask"), call_task("again")).start()
    call = driver.call_of("/do/0/ask")
    driver.succeed(call.reference)
    assert not driver.answer(call, ActionState.SUCCEEDED).events
    stranger = CallAction("nobody", 1, "/do/0/ask", "work:1.0.0", Payload.of(1))
    assert not driver.answer(stranger, ActionState.FAILED).events


def test_an_output_that_is_not_json_faults_the_task_that_reads_it() -> None:
    driver = Driver(call_task("ask"), set_task("read", "${ .a }")).start()
    driver.checks = False
    driver.answer(driver.call_of("/do/0/ask"), ActionState.SUCCEEDED, output=Payload.encoded(b"{oops"))
    assert driver.error.type.endswith("/errors/validation")
    assert driver.error.instance == "/do/1/read"


def test_http_arguments_are_resolved_and_pass_on() -> None:
    given: Task = {
        "endpoint": "https://example.com/",
        "headers": {"X-Id": "${ .id }"},
        "query": {"q": "${ .q }"},
        "body": {"all": "${ . }"},
        "output": "response",
        "redirect": True,
    }
    assert http(given, {"id": "a", "q": "b"}) == {
        "method": "get",
        "endpoint": "https://example.com/",
        "headers": {"X-Id": "a"},
        "query": {"q": "b"},
        "body": {"all": {"id": "a", "q": "b"}},
        "output": "response",
        "redirect": True,
    }


@pytest.mark.parametrize(
    ("uri", "expanded"),
    [
        ("https://example.com/pet/{petId}", "https://example.com/pet/7"),
        ("https://example.com/find?status={status}", "https://example.com/find?status=on%20sale%2Fnew%3F"),
        ("https://example.com/{missing}/{none}", "https://example.com//"),
        ("https://example.com/{flag}/{half}", "https://example.com/true/0.5"),
        ("https://example.com/{pet.id}", "https://example.com/dotted"),
        ("https://example.com/{umlaut}", "https://example.com/%C3%A4"),
    ],
)
def test_uri_templates_are_expanded_from_the_inputs_top_level(uri: str, expanded: str) -> None:
    data: Value = {
        "petId": 7,
        "status": "on sale/new?",
        "none": None,
        "flag": True,
        "half": 0.5,
        "pet.id": "dotted",
        "pet": {"id": "no"},
        "umlaut": "ä",
    }
    assert http({"endpoint": {"uri": uri}}, data) == {"method": "get", "endpoint": {"uri": expanded}}


def test_a_uri_from_an_expression_is_no_template() -> None:
    data: Value = {"uri": "https://example.com/{petId}", "petId": 7}
    given = http({"endpoint": "${ .uri }"}, data)
    assert given == {"method": "get", "endpoint": "https://example.com/{petId}"}


@pytest.mark.parametrize("value", [{"a": 1}, [1]])
def test_an_object_or_array_in_a_uri_is_an_expression_error(value: Value) -> None:
    task: Task = {"get": {"call": "http", "with": {"method": "get", "endpoint": "https://example.com/{it}"}}}
    driver = Driver(task).start({"it": value})
    assert (driver.error.status, driver.error.instance) == (400, "/do/0/get")
    assert driver.error.type.endswith("/errors/expression")


def test_an_input_that_is_no_object_has_no_variables_for_a_uri() -> None:
    task: Task = {"get": {"call": "http", "with": {"method": "get", "endpoint": "https://example.com/{it}"}}}
    driver = Driver(set_task("list", "${ [1] }"), task).start()
    assert driver.all_calls[0].arguments.value == {"method": "get", "endpoint": "https://example.com/"}


@pytest.mark.parametrize(
    "authentication", [{"use": "shop"}, {"basic": {"username": "${ .user }", "password": "b"}}]
)
def test_authentication_stands_inline_by_name_or_not(authentication: Value) -> None:
    use: Value = {"authentications": {"shop": {"basic": {"username": "${ .user }", "password": "b"}}}}
    endpoint: Value = {"uri": "https://example.com/", "authentication": authentication}
    given = http({"endpoint": endpoint}, {"user": "a"}, use=use)
    basic: Value = {"basic": {"username": "a", "password": "b"}}
    assert given == {
        "method": "get",
        "endpoint": {"uri": "https://example.com/", "authentication": basic},
    }


@pytest.mark.parametrize("called", ["nameless", "log:1.0.0@default", "https://a/b:1"])
def test_what_cannot_be_called_yet_is_refused_when_the_plan_is_compiled(called: str) -> None:
    with pytest.raises(DocumentError) as refused:
        Driver({"ask": {"call": called, "with": {}}})
    assert refused.value.problems[0].pointer == "/do/0/ask/call"


def test_a_timeout_of_the_task_is_handed_on_with_the_call() -> None:
    driver = Driver(call_task("ask", timeout={"after": "PT5S"})).start()
    assert driver.all_calls[0].timeout_us == 5_000_000


@pytest.mark.parametrize(
    "authentication",
    [
        {"digest": {"username": "ada", "password": "${ .id }"}},
        {
            "oauth2": {
                "authority": "https://id.example.com",
                "grant": "client_credentials",
                "endpoints": {"token": "/t"},
                "client": {"id": "a", "secret": "${ .id }"},
                "scopes": ["${ .id }"],
            }
        },
        {"oidc": {"authority": "https://id.example.com", "grant": "password", "username": "${ .id }"}},
    ],
)
def test_every_scheme_of_authentication_passes_with_its_texts_evaluated(authentication: Value) -> None:
    sent = http({"endpoint": {"uri": "https://example.com/", "authentication": authentication}}, {"id": "i7"})
    assert isinstance(sent, dict)
    assert sent["endpoint"] == {
        "uri": "https://example.com/",
        "authentication": loads(dumps(authentication).replace(b"${ .id }", b"i7")),
    }


def test_the_authority_of_tokens_is_a_uri_template_as_long_as_the_author_wrote_it() -> None:
    values: Value = {"authority": "https://id.example.com/{realm}", "grant": "client_credentials"}
    endpoint: Value = {"uri": "https://example.com/", "authentication": {"oidc": values}}
    for realm, expanded in (("shop", "shop"), ("a/{realm}", "a%2F%7Brealm%7D")):
        sent = http({"endpoint": endpoint}, {"realm": realm})
        assert isinstance(sent, dict)
        assert sent["endpoint"] == {
            "uri": "https://example.com/",
            "authentication": {"oidc": {**values, "authority": f"https://id.example.com/{expanded}"}},
        }
