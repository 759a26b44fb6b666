"""`call: mcp` and `call: a2a` ask for actions of these names, with their endpoints resolved."""

import pytest

from tests.unit.core.driver import Driver, Task, Value
from tidemill.dsl import DocumentError
from tidemill.engine.core.effects import CallAction
from tidemill.engine.core.secrets import PLACEHOLDER, SecretPath, SecretUse

USE: Value = {
    "secrets": ["token", "login"],
    "authentications": {"named": {"bearer": {"token": "${ $secrets.token }"}}},
}


def called(protocol: str, given: Task, data: Value = None) -> CallAction:
    return Driver({"ask": {"call": protocol, "with": given}}, use=USE).start(data).call_of("/do/0/ask")


def mcp(data: Value = None, **given: Value) -> CallAction:
    return called("mcp", {"method": "tools/call", **given}, data)


def test_a_tool_of_a_program_is_called_with_what_the_author_wrote() -> None:
    call = mcp(
        {"name": "Ada", "tool": {"name": "greet"}},
        protocolVersion="2025-06-18",
        parameters={"name": "greet", "arguments": {"who": "${ .name }"}},
        transport={"stdio": {"command": "greeter", "arguments": ["${ .name }"], "environment": {"A": "b"}}},
        client={"name": "shop", "version": "1"},
    )
    assert (call.action, call.secrets) == ("mcp", ())
    assert call.arguments.value == {
        "method": "tools/call",
        "protocolVersion": "2025-06-18",
        "parameters": {"name": "greet", "arguments": {"who": "Ada"}},
        "transport": {"stdio": {"command": "greeter", "arguments": ["Ada"], "environment": {"A": "b"}}},
        "client": {"name": "shop", "version": "1"},
    }


def test_parameters_may_be_one_expression() -> None:
    transport: Value = {"http": {"endpoint": "https://tools.example/mcp"}}
    call = mcp({"p": {"name": "greet"}}, parameters="${ .p }", transport=transport)
    assert call.arguments.value == {
        "method": "tools/call",
        "parameters": {"name": "greet"},
        "transport": transport,
    }


@pytest.mark.parametrize("timeout", ["PT5S", {"seconds": 5}, "${ .limit }"])
def test_a_timeout_is_told_in_microseconds(timeout: Value) -> None:
    call = mcp({"limit": "PT5S"}, timeout=timeout, transport={"stdio": {"command": "greeter"}})
    arguments = call.arguments.value
    assert isinstance(arguments, dict)
    assert (arguments["timeoutUs"], "timeout" in arguments) == (5_000_000, False)


def test_an_endpoint_of_tools_is_expanded_and_has_its_authentication_inline() -> None:
    endpoint: Value = {"uri": "https://tools.example/{tenant}", "authentication": {"use": "named"}}
    headers: Value = {"x-key": '${ "key \\($secrets.token)" }', "x-plain": "${ .tenant }"}
    call = mcp({"tenant": "a b"}, transport={"http": {"endpoint": endpoint, "headers": headers}})
    bearer: Value = {"bearer": {"token": PLACEHOLDER}}
    assert call.arguments.value == {
        "method": "tools/call",
        "transport": {
            "http": {
                "endpoint": {"uri": "https://tools.example/a%20b", "authentication": bearer},
                "headers": {"x-key": PLACEHOLDER, "x-plain": "a b"},
            }
        },
    }
    place = "/transport/http"
    assert set(call.secrets) == {
        SecretUse(f"{place}/endpoint/authentication/bearer/token", (SecretPath("token"),)),
        SecretUse(f"{place}/headers/x-key", ("key ", SecretPath("token"))),
    }


def test_secrets_may_stand_in_the_environment_of_a_program() -> None:
    stdio: Value = {"command": "greeter", "environment": {"TOKEN": "${ $secrets.token }"}}
    call = mcp(transport={"stdio": stdio})
    assert call.secrets == (SecretUse("/transport/stdio/environment/TOKEN", (SecretPath("token"),)),)


def test_an_agent_is_asked_at_its_server() -> None:
    server: Value = {"uri": "https://{host}/rpc", "authentication": {"basic": {"use": "login"}}}
    given: Task = {"method": "tasks/get", "server": server, "parameters": {"id": "${ .task }"}}
    call = called("a2a", given, {"host": "agent.example", "task": "t1"})
    assert call.action == "a2a"
    assert call.arguments.value == {
        "method": "tasks/get",
        "parameters": {"id": "t1"},
        "server": {"uri": "https://agent.example/rpc", "authentication": {"basic": PLACEHOLDER}},
    }
    assert call.secrets == (SecretUse("/server/authentication/basic", (SecretPath("login"),)),)


def test_an_agent_is_found_by_its_card() -> None:
    card: Value = {"name": "assistant", "endpoint": "https://agent.example/{path}"}
    call = called("a2a", {"method": "tasks/get", "agentCard": card, "parameters": {"id": "t"}}, {"path": "c"})
    assert call.arguments.value == {
        "method": "tasks/get",
        "parameters": {"id": "t"},
        "agentCard": {"name": "assistant", "endpoint": "https://agent.example/c"},
    }


def test_an_agent_that_is_nowhere_is_refused() -> None:
    with pytest.raises(DocumentError) as refusal:
        called("a2a", {"method": "tasks/get"})
    [problem] = refusal.value.problems
    assert (problem.pointer, problem.message) == (
        "/do/0/ask/with",
        "a call of an agent needs its `server` or its `agentCard`",
    )


def test_a_timeout_that_is_no_duration_is_an_expression_error() -> None:
    task: Task = {
        "ask": {
            "call": "mcp",
            "with": {
                "method": "tools/list",
                "timeout": "${ .x }",
                "transport": {"stdio": {"command": "a"}},
            },
        }
    }
    assert Driver(task).start({"x": "soon"}).error.type.endswith("/errors/expression")
