"""A secret in every place where there may be one reaches whom it is for, and stands nowhere else: no file,
log, trace, metric or answer has it."""

import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.contract.mcp_server import WebServer
from tests.e2e.documents import NAMESPACE, named
from tests.e2e.nowhere import assert_nowhere
from tests.e2e.running import RunningStack
from tests.e2e.secrets.calls import AUTHENTICATIONS, CALLS, FAILS, REPEATS, TOLD_BACK, UNSENT, secret_names
from tests.e2e.secrets.conftest import MARK, Secrets
from tests.e2e.secrets.everywhere import shown
from tests.e2e.secrets.outside import ASK, REFUSE, Outside
from tests.unit.dsl.positions import edges_of_secrets, outside_edges
from tidemill.dsl import load
from tidemill.json import Json, dumps, loads

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="programs run on Linux alone"),
]

ROOT = Path(__file__).parents[3]
PLAIN = "n0-secret-plain-zqx"
PROGRAM = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r});"
    " from tests.contract.mcp_server import *; make_server().run()"
)
# What the engine asks itself, or fetches at publish, where other tests see secrets refused.
REFUSED = frozenset(
    {
        ("mcp arguments", "timeout"),
        ("asyncapi call arguments", "server"),
        ("asyncapi call arguments", "subscription"),
        ("asyncapi call arguments", "document"),
        ("openapi arguments", "document"),
        ("grpc arguments", "proto"),
    }
)
WORDS = {
    "ask": {"HOST": ASK, "WORD": "ask", "RAISE": "false"},
    "refuse": {"HOST": REFUSE, "WORD": "refuse", "RAISE": "true"},
}


def words(mode: str, mcp: WebServer) -> dict[str, str]:
    """What stands for the words in capitals."""
    tools = ("headers", "environment") if mode == "ask" else ("fail", "fail")
    told = {"TELLS_HEADERS": tools[0], "TELLS_ENVIRONMENT": tools[1]}
    return {**WORDS[mode], **told, "MCP": mcp.url, "CODE": dumps(PROGRAM).decode()}


def filled(text: str, names: dict[str, str]) -> dict[str, Json]:
    """The calls of a text, by their names."""
    for name, value in names.items():
        text = text.replace(name, value)
    return load(text)


def workflow(mode: str, calls: dict[str, Json], authentications: Json) -> dict[str, Json]:
    """Makes one call after the other, whatever becomes of each; at the end everything is told, and raised."""
    handler: Json = {"as": "e", "do": [{"keep": {"set": {"error": "${ $e }"}}}]}
    tasks: list[Json] = [
        {
            f"call {name}": {
                "input": {"from": "$workflow.input"},
                "try": [{name: call}],
                "catch": handler,
                "export": {"as": f"$context + {{{dumps(name).decode()}: .}}"},
            }
        }
        for name, call in calls.items()
    ]
    event: Json = {"with": {"type": "told", "data": "${ $context }"}}
    error: Json = {"type": "https://example.com/told", "status": 500, "detail": "${ $context | tostring }"}
    names: list[Json] = [*secret_names(CALLS, AUTHENTICATIONS)]
    end: list[Json] = [{"give up": {"raise": {"error": error}}}] if mode == "refuse" else []
    return {
        "document": {"dsl": "1.0.3", "namespace": NAMESPACE, "name": f"every-{mode}", "version": "1.0.0"},
        "use": {"secrets": names, "authentications": authentications},
        "do": [*tasks, {"tell": {"emit": {"event": event}}}, {"keep": {"set": "${ $context }"}}, *end],
    }


def test_every_member_that_may_hold_a_secret_has_a_call() -> None:
    calls: dict[str, Json] = load(CALLS)
    document = workflow("ask", calls, load(AUTHENTICATIONS))
    assert outside_edges(without=REFUSED) - set(edges_of_secrets(document)) == set()
    assert outside_edges() >= REFUSED


def unheard(secrets: Secrets, outside: Outside) -> set[str]:
    """The secrets of which no web service was sent all that is in them."""
    heard = "\n".join([*outside.asked, *outside.digests])
    return {name.partition(".")[0] for name, value in secrets.values.items() if value not in heard}


@pytest.mark.parametrize("mode", WORDS)
def test_secrets_reach_whom_they_are_for_and_nobody_else(
    stack: RunningStack,
    secrets: Secrets,
    outside: Outside,
    mcp: WebServer,
    metrics_ports: list[int],
    mode: str,
) -> None:
    names = words(mode, mcp)
    calls, authentications = filled(CALLS, names), filled(AUTHENTICATIONS, names)
    report = stack.run(dumps(workflow(mode, calls, authentications)).decode(), {"plain": PLAIN})
    assert report.phase == ("completed" if mode == "ask" else "faulted"), report.error
    told: Any = report.output or loads(report.error["detail"])
    failed = {name for name in calls if isinstance(told[name], dict) and "error" in told[name]}
    assert failed == (set(FAILS) if mode == "ask" else calls.keys() - {REPEATS}), told
    assert {name for name in TOLD_BACK if "***" not in str(told[name])} == set()
    unsent = {*UNSENT, *chain(*(secret_names(calls[name]) for name in TOLD_BACK))}
    assert unheard(secrets, outside) == unsent
    more = shown(stack, report, metrics_ports)
    assert_nowhere({"a secret": MARK}, stack, report, more)
    # What is no secret is found, so that the search finds what there is.
    assert PLAIN.encode() in more["watch"]


def test_no_part_of_a_secret_is_left_where_an_answer_is_cut(stack: RunningStack, secrets: Secrets) -> None:
    body = """
        use: {secrets: [refused]}
        do:
        - ask:
            call: http
            with: {method: post, endpoint: 'https://ask.example.com/cut', body: {a: '${ $secrets.refused }'}}
    """
    detail = stack.run(named("cut", body)).error["detail"]
    assert "xxx" in detail
    assert secrets.values["refused"][:3] not in detail


def test_a_secret_that_is_not_there_is_an_authorization_error(stack: RunningStack) -> None:
    body = """
        use: {secrets: [nobody]}
        do:
        - own: {call: 'test.own:1.0.0', with: {a: ['${ $secrets.nobody }']}}
    """
    error = stack.run(named("missing-secret", body)).error
    assert (error["type"].rpartition("/")[2], error["status"]) == ("authorization", 403)
    assert error["detail"] == f"there is no secret nobody for the namespace {NAMESPACE}"
