"""The action `a2a` against an agent that does what others do not, cards, and every way to go wrong."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace

import orjson
import pytest

from tests.contract.a2a_server import CARD_PATH, Agent, running_agent
from tests.contract.http_calls import KEY, error, kind, output
from tests.contract.http_calls import LIMITS as HTTP_LIMITS
from tests.contract.provider import Provider, Reply, running_provider
from tests.unit.actions.samples import call
from tidemill.actions.adapters.a2a.action import A2aAction
from tidemill.actions.adapters.a2a.limits import A2aLimits
from tidemill.actions.adapters.http.action import HttpAction
from tidemill.actions.core.model import Outcome
from tidemill.actions.runtime.running import Runner
from tidemill.clock import ManualClock
from tidemill.telemetry.tracing import NoTracing

pytestmark = pytest.mark.usefixtures("loaded_certificates")

LIMITS = A2aLimits(
    timeout_us=5_000_000,
    response_bytes_max=10_000,
    error_excerpt_bytes_max=60,
    card_bytes_max=2_000,
    cards_max=2,
    card_lifetime_us=60_000_000,
)
HELLO = {"message": {"kind": "message", "role": "user", "parts": [{"kind": "text", "text": "Hello"}]}}
JSON = {"content-type": "application/json"}

Ask = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def agent() -> Iterator[Agent]:
    with running_agent() as agent:
        yield agent


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def ask(clock: ManualClock) -> AsyncIterator[Ask]:
    http = HttpAction(HTTP_LIMITS)
    action = A2aAction(http, LIMITS, clock)

    async def ask(method: str, namespace: str = "shop", **arguments: object) -> Outcome:
        arguments = {"method": method, **arguments}
        return await action.run(call(KEY, namespace=namespace, arguments=orjson.dumps(arguments)))

    yield ask
    await action.close()
    await http.close()


def task(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


async def test_the_key_goes_along_and_is_the_id_of_a_message_without_one(ask: Ask, agent: Agent) -> None:
    await ask("message/send", server=agent.url, parameters=HELLO)
    [asked] = agent.asked
    assert asked.headers["idempotency-key"] == KEY
    params = task(asked.body["params"])
    assert task(params["message"])["messageId"] == KEY
    own = {"message": {**HELLO["message"], "messageId": "m1"}}
    await ask("message/send", server=agent.url, parameters=own)
    assert sorted(agent.tasks) == sorted([f"task-{KEY}", "task-m1"])


async def test_a_stream_is_collected_in_its_order(ask: Ask, agent: Agent) -> None:
    events = output(await ask("message/stream", server=agent.url, parameters=HELLO))
    assert isinstance(events, list)
    assert [event["kind"] for event in events] == ["task", "artifact-update", "status-update"]
    # What other readers of lines take for the end of one.
    assert events[-1]["status"]["text"] == "one\u2028line"


async def test_a_stream_ends_with_the_event_that_says_so(ask: Ask, agent: Agent) -> None:
    agent.closes_streams = False
    events = output(await ask("message/stream", server=agent.url, parameters=HELLO))
    assert isinstance(events, list)
    assert events[-1]["final"] is True


async def test_a_task_may_be_followed_again(ask: Ask, agent: Agent) -> None:
    given = task(output(await ask("message/send", server=agent.url, parameters=HELLO)))
    events = output(await ask("tasks/resubscribe", server=agent.url, parameters={"id": given["id"]}))
    assert isinstance(events, list)
    assert events[-1]["taskId"] == given["id"]


async def test_tasks_are_found_listed_and_cancelled(ask: Ask, agent: Agent) -> None:
    sent = task(output(await ask("message/send", server=agent.url, parameters=HELLO)))
    by_id = {"id": sent["id"]}
    assert output(await ask("tasks/get", server=agent.url, parameters=by_id)) == sent
    assert output(await ask("tasks/list", server=agent.url)) == {"tasks": [sent]}
    cancelled = task(output(await ask("tasks/cancel", server=agent.url, parameters=by_id)))
    assert cancelled["status"] == {"state": "canceled"}


async def test_the_card_for_friends_needs_no_parameters(ask: Ask, agent: Agent) -> None:
    server = {"uri": agent.url, "authentication": {"bearer": {"token": "t0ken"}}}
    card = task(output(await ask("agent/getAuthenticatedExtendedCard", server=server)))
    assert card["name"] == "Echo for friends"
    assert agent.asked[-1].headers["authorization"] == "Bearer t0ken"
    assert "params" not in agent.asked[-1].body


async def test_an_error_of_the_agent_is_a_communication_error_with_its_words(ask: Ask, agent: Agent) -> None:
    problem = error(await ask("tasks/get", server=agent.url, parameters={"id": "nobody"}))
    assert kind(problem) == ("communication", 500)
    assert problem.detail == "tasks/get was answered with the error -32001: Task not found"


async def test_an_agent_is_where_its_card_says(ask: Ask, agent: Agent, clock: ManualClock) -> None:
    card = {"endpoint": agent.url + CARD_PATH}
    for _ in range(2):
        assert output(await ask("tasks/list", agentCard=card)) == {"tasks": []}
    assert [(asked.method, asked.path) for asked in agent.asked] == [
        ("GET", CARD_PATH),
        ("POST", "/rpc"),
        ("POST", "/rpc"),
    ]
    agent.asked.clear()
    await clock.advance_us(LIMITS.card_lifetime_us + 1)
    await ask("tasks/list", agentCard=card)
    await ask("tasks/list", agentCard=card, namespace="other")
    assert [asked.method for asked in agent.asked] == ["GET", "POST", "GET", "POST"]


async def test_an_agent_that_has_moved_is_looked_for_in_its_card(ask: Ask, agent: Agent) -> None:
    card = {"endpoint": agent.url + CARD_PATH}
    with socket.create_server(("127.0.0.1", 0)) as free:
        agent.moved_to = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert kind(error(await ask("tasks/list", agentCard=card))) == ("communication", 503)
    agent.moved_to = agent.url
    assert output(await ask("tasks/list", agentCard=card)) == {"tasks": []}


async def test_a_server_needs_no_card(ask: Ask, agent: Agent) -> None:
    card = {"endpoint": "http://127.0.0.1:1/card"}
    assert output(await ask("tasks/list", agentCard=card, server=agent.url)) == {"tasks": []}


async def test_what_proves_the_caller_goes_to_the_host_of_the_card_alone(
    ask: Ask, agent: Agent, provider: Provider
) -> None:
    authentication = {"bearer": {"token": "t0ken"}}
    ours = {"endpoint": {"uri": agent.url + CARD_PATH, "authentication": authentication}}
    await ask("tasks/list", agentCard=ours)
    assert [asked.headers.get("authorization") for asked in agent.asked] == ["Bearer t0ken"] * 2
    agent.asked.clear()
    elsewhere = provider.json("/card", {"url": agent.url})
    theirs = {"endpoint": {"uri": elsewhere, "authentication": authentication}}
    await ask("tasks/list", agentCard=theirs)
    assert provider.last.headers["authorization"] == "Bearer t0ken"
    assert [asked.headers.get("authorization") for asked in agent.asked] == [None]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(404, {}, b"no card"), ("communication", 404)),
        (Reply(302, {"location": "http://127.0.0.1:1/"}), ("communication", 302)),
        (Reply(200, JSON, b"{oops"), ("communication", 502)),
        (Reply(200, JSON, b'{"name": "nowhere"}'), ("communication", 502)),
        (Reply(200, JSON, b'{"url": "file:///etc/passwd"}'), ("communication", 502)),
        (Reply(200, JSON, b'{"url": "http://a:b:c"}'), ("communication", 502)),
        (
            Reply(200, JSON, b'{"url": "http://a.example", "preferredTransport": "GRPC"}'),
            ("communication", 502),
        ),
        (Reply(200, JSON, b"[" + b"1," * 2_000 + b"1]"), ("communication", 502)),
    ],
)
async def test_a_card_that_is_of_no_use_is_refused(
    ask: Ask, provider: Provider, reply: Reply, expected: tuple[str, int]
) -> None:
    outcome = await ask("tasks/list", agentCard={"endpoint": provider.on("/card", reply)})
    assert kind(error(outcome)) == expected


@pytest.mark.parametrize(
    "card",
    [
        {"url": "x://", "additionalInterfaces": [{"transport": "JSONRPC", "url": "{url}"}]},
        {
            "supportedInterfaces": [
                {"protocolBinding": "GRPC", "url": "https://a.example"},
                {"protocolBinding": "JSONRPC", "url": "{url}"},
            ]
        },
    ],
)
async def test_a_card_may_name_json_rpc_among_others(
    ask: Ask, agent: Agent, provider: Provider, card: dict[str, object]
) -> None:
    text = orjson.dumps(card).replace(b"{url}", agent.url.encode())
    outcome = await ask("tasks/list", agentCard={"endpoint": provider.on("/card", Reply(200, JSON, text))})
    assert output(outcome) == {"tasks": []}


async def test_nobody_there_is_a_communication_error(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    problem = error(await ask("tasks/list", server=f"http://127.0.0.1:{port}"))
    assert kind(problem) == ("communication", 503)


@pytest.mark.parametrize("status", [307, 401, 404, 500, 503])
async def test_a_bad_status_is_a_communication_error(ask: Ask, provider: Provider, status: int) -> None:
    url = provider.on("/rpc", Reply(status, {"location": "http://127.0.0.1:1/"}, b"go away"))
    problem = error(await ask("tasks/list", server=url))
    assert kind(problem) == ("communication", status)
    assert "go away" in problem.detail
    assert len(provider.received) == 1


async def test_an_error_with_a_bad_status_is_the_agents_own(ask: Ask, provider: Provider) -> None:
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "not today"}}
    problem = error(await ask("tasks/list", server=provider.json("/rpc", body, 400)))
    assert kind(problem) == ("communication", 500)
    assert problem.detail == "tasks/list was answered with the error -32600: not today"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, JSON, b"{oops"),
        Reply(200, JSON, b'{"jsonrpc": "2.0", "id": 1}'),
        Reply(200, JSON, b'{"id": 1, "result": {}}'),
        Reply(200, JSON, b"[]"),
        Reply(200, {"content-type": "text/event-stream"}, b"data: {oops\n\n"),
        Reply(200, {"content-type": "text/event-stream"}, b": nothing\n\n"),
        Reply(200, JSON, b'{"jsonrpc": "2.0"', cut=True),
        Reply(200, JSON, b'{"jsonrpc": "2.0", "result": "' + b"x" * 20_000 + b'"}'),
        Reply(200, {"content-type": "text/event-stream"}, b"data: " + b"x" * 20_000),
    ],
    ids=[
        "no JSON",
        "no result",
        "no JSON-RPC",
        "array",
        "bad event",
        "no event",
        "cut",
        "huge",
        "huge event",
    ],
)
async def test_a_malformed_answer_is_a_bad_gateway(ask: Ask, provider: Provider, reply: Reply) -> None:
    outcome = await ask("message/stream", server=provider.on("/rpc", reply), parameters=HELLO)
    assert kind(error(outcome)) == ("communication", 502)


async def test_an_answer_over_the_limit_names_it(ask: Ask, provider: Provider) -> None:
    url = provider.json("/rpc", {"jsonrpc": "2.0", "result": "x" * 20_000})
    problem = error(await ask("tasks/list", server=url))
    assert problem.detail.endswith("the answer is over a2a_response_bytes_max, 10000")


async def test_no_answer_in_time_is_a_timeout(provider: Provider) -> None:
    http = HttpAction(HTTP_LIMITS)
    action = A2aAction(http, replace(LIMITS, timeout_us=200_000))
    runner = Runner(NoTracing(), no_secret, timeout_us_max=60_000_000, output_bytes_max=10_000)
    arguments = {"method": "tasks/list", "server": provider.on("/rpc", Reply(delay_seconds=1.0))}
    outcome = await runner.run(action.action, call(KEY, arguments=orjson.dumps(arguments)))
    assert kind(error(outcome)) == ("timeout", 408)
    await http.close()


def no_secret(namespace: str, name: str) -> str:
    raise AssertionError("nobody asks for a secret")


async def test_an_agent_that_does_not_stream_gives_its_only_result(ask: Ask, provider: Provider) -> None:
    url = provider.json("/rpc", {"jsonrpc": "2.0", "id": KEY, "result": {"kind": "message"}})
    assert output(await ask("message/stream", server=url, parameters=HELLO)) == [{"kind": "message"}]


async def test_what_was_made_of_a_password_is_shown_nowhere(ask: Ask, provider: Provider) -> None:
    encoded = "YW5uOnBhNTUtd29yZA=="
    server = {
        "uri": provider.json("/rpc", {"jsonrpc": "2.0", "id": KEY, "result": {"seen": encoded}}),
        "authentication": {"basic": {"username": "ann", "password": "pa55-word"}},
    }
    assert output(await ask("tasks/list", server=server)) == {"seen": "***"}
    assert provider.last.headers["authorization"] == f"Basic {encoded}"
    message = {"code": 1, "message": f"pa55-word and {encoded}"}
    provider.json("/rpc", {"jsonrpc": "2.0", "id": KEY, "error": message})
    assert error(await ask("tasks/list", server=server)).detail.endswith("*** and ***")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"method": "tasks/drop", "server": "http://a.example"}, "validation"),
        ({"method": "tasks/list"}, "configuration"),
        ({"method": "tasks/list", "server": "ftp://a.example"}, "configuration"),
        ({"method": "tasks/list", "server": "http://"}, "configuration"),
        ({"method": "tasks/list", "server": "http://a.example", "parameters": [1]}, "validation"),
        ({"method": "message/send", "server": "http://a.example", "parameters": {}}, "validation"),
        ({"method": "tasks/list", "agentCard": {}}, "configuration"),
    ],
)
async def test_bad_arguments_are_refused(ask: Ask, arguments: dict[str, object], expected: str) -> None:
    assert kind(error(await ask(**arguments))) == (expected, 400)
