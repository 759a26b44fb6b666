"""Secrets in calls: the request says where they belong, and nothing the engine keeps says what they are."""

import pytest

from tests.unit.core.driver import Driver, Task, Value, call_task
from tidemill.engine.core.effects import CallAction
from tidemill.engine.core.secrets import PLACEHOLDER, SecretPath, SecretUse

USE: Value = {
    "secrets": ["token", "mailer", "a-b"],
    "authentications": {
        "named": {"bearer": {"token": "${ $secrets.token }"}},
        "whole": {"basic": {"use": "mailer"}},
    },
}


def called(given: Task, data: Value = None) -> CallAction:
    return Driver(call_task("ask", given), use=USE).start(data).all_calls[0]


def asked(endpoint: Value, data: Value = None, **given: Value) -> CallAction:
    task: Task = {"ask": {"call": "http", "with": {"method": "get", "endpoint": endpoint, **given}}}
    return Driver(task, use=USE).start(data).all_calls[0]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("${ $secrets.token }", (SecretPath("token"),)),
        ("${ $secrets.mailer.password }", (SecretPath("mailer", ("password",)),)),
        ('${ $secrets["a-b"].keys[0] }', (SecretPath("a-b", ("keys", "0")),)),
        ('${ "Bearer \\($secrets.token)" }', ("Bearer ", SecretPath("token"))),
        ('${ "\\($secrets.token)" }', (SecretPath("token"), "")),
        (
            '${ "\\(.n)/\\($secrets.token)/\\(.who | ascii_upcase)" }',
            ("7", "/", SecretPath("token"), "/", "ANN"),
        ),
    ],
)
def test_a_text_says_of_which_parts_it_is_made(text: str, parts: tuple[str | SecretPath, ...]) -> None:
    call = called({"a": {"b": ["first", text]}, "n": "${ .n }"}, {"n": 7, "who": "ann"})
    assert call.arguments.value == {"a": {"b": ["first", PLACEHOLDER]}, "n": 7}
    assert call.secrets == (SecretUse("/a/b/1", parts),)


def test_a_pointer_says_the_place_whatever_the_names() -> None:
    call = called({"a/b": {"~": "${ $secrets.token }"}})
    assert call.secrets == (SecretUse("/a~1b/~0", (SecretPath("token"),)),)


def test_data_that_looks_like_a_secret_is_data() -> None:
    data: Value = {"evil": "${ $secrets.token }", "placeholder": PLACEHOLDER}
    call = called({"evil": "${ .evil }", "placeholder": "${ .placeholder }"}, data)
    assert call.arguments.value == data
    assert call.secrets == ()


@pytest.mark.parametrize(
    ("authentication", "use"),
    [
        ({"use": "named"}, SecretUse("/endpoint/authentication/bearer/token", (SecretPath("token"),))),
        ({"use": "whole"}, SecretUse("/endpoint/authentication/basic", (SecretPath("mailer"),))),
        (
            {"oauth2": {"use": "mailer"}},
            SecretUse("/endpoint/authentication/oauth2", (SecretPath("mailer"),)),
        ),
    ],
)
def test_authentication_takes_its_values_from_a_secret(authentication: Value, use: SecretUse) -> None:
    call = asked({"uri": "https://a.example/{id}", "authentication": authentication}, {"id": 7})
    assert call.secrets == (use,)
    arguments = call.arguments.value
    assert isinstance(arguments, dict)
    endpoint = arguments["endpoint"]
    assert isinstance(endpoint, dict)
    assert endpoint["uri"] == "https://a.example/7"


def test_a_secret_may_be_in_the_address_and_everywhere_else_in_a_request() -> None:
    call = asked(
        '${ "https://a.example/\\($secrets.token)" }',
        headers={"x-key": "${ $secrets.token }"},
        query={"q": "${ $secrets.token }"},
        body={"b": "${ $secrets.mailer }"},
    )
    assert {use.pointer for use in call.secrets} == {"/endpoint", "/headers/x-key", "/query/q", "/body/b"}


def test_a_retried_call_has_the_same_secrets() -> None:
    driver = Driver(
        {
            "try": {
                "try": [call_task("ask", {"a": "${ $secrets.token }"})],
                "catch": {"retry": {"delay": "PT1S", "limit": {"attempt": {"count": 1}}}},
            }
        },
        use=USE,
    ).start()
    driver.fail("/do/0/try/try/0/ask")
    driver.fire_next()
    first, second = driver.all_calls
    assert (second.attempt, second.secrets) == (2, first.secrets)
    assert first.secrets == (SecretUse("/a", (SecretPath("token"),)),)
