"""The action `a2a` against an agent of the official SDK: every method that it serves, and its cards."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import orjson
import pytest

from tests.contract.a2a_agent import CARD_PATH, RPC_PATH, running_sdk_agent
from tests.contract.http_calls import KEY, error, kind, output
from tests.contract.http_calls import LIMITS as HTTP_LIMITS
from tests.contract.mcp_server import WebServer
from tests.contract.test_a2a_action import LIMITS
from tests.unit.actions.samples import call
from tidemill.actions.adapters.a2a.action import A2aAction
from tidemill.actions.adapters.http.action import HttpAction
from tidemill.actions.core.model import Outcome
from tidemill.clock import ManualClock

pytestmark = pytest.mark.usefixtures("loaded_certificates")

Ask = Callable[..., Awaitable[Outcome]]


@pytest.fixture(scope="module")
def agent() -> Iterator[tuple[str, WebServer]]:
    with running_sdk_agent() as agent:
        yield agent


@pytest.fixture
async def ask(agent: tuple[str, WebServer]) -> AsyncIterator[Ask]:
    http = HttpAction(HTTP_LIMITS)
    action = A2aAction(http, LIMITS, ManualClock())

    async def ask(method: str, parameters: object = None, **arguments: object) -> Outcome:
        given = {"server": agent[0] + RPC_PATH, "method": method, "parameters": parameters, **arguments}
        return await action.run(call(KEY, arguments=orjson.dumps(given)))

    yield ask
    await action.close()
    await http.close()


def result(outcome: Outcome) -> Any:  # noqa: ANN401 - any JSON value
    return output(outcome)


def saying(text: str, message_id: str) -> dict[str, object]:
    parts = [{"kind": "text", "text": text}]
    return {"message": {"kind": "message", "role": "user", "messageId": message_id, "parts": parts}}


async def test_a_message_becomes_a_task_with_what_was_said(ask: Ask, agent: tuple[str, WebServer]) -> None:
    task = result(await ask("message/send", saying("Hello", "m1")))
    assert (task["kind"], task["status"]["state"]) == ("task", "completed")
    [artifact] = task["artifacts"]
    assert artifact["parts"] == [{"kind": "text", "text": "Hello"}]
    _, headers = agent[1].requests[-1]
    assert headers["idempotency-key"] == KEY


async def test_a_message_without_an_id_has_the_key(ask: Ask) -> None:
    message = saying("Hello", "m")
    del message["message"]["messageId"]  # type: ignore[attr-defined]
    task = result(await ask("message/send", message))
    assert [said["messageId"] for said in task["history"] if said["role"] == "user"] == [KEY]


async def test_a_stream_is_collected_in_its_order(ask: Ask) -> None:
    events = result(await ask("message/stream", saying("Hello", "m2")))
    assert events[0]["kind"] == "task"
    assert [event["kind"] for event in events[1:]] == ["status-update", "artifact-update", "status-update"]
    assert (events[-1]["final"], events[-1]["status"]["state"]) == (True, "completed")


async def test_a_task_is_found_followed_and_cancelled(ask: Ask) -> None:
    task = result(await ask("message/send", saying("wait", "m3")))
    assert task["status"]["state"] == "input-required"
    by_id = {"id": task["id"]}
    assert result(await ask("tasks/get", by_id))["status"]["state"] == "input-required"
    cancelled = result(await ask("tasks/cancel", by_id))
    assert cancelled["status"]["state"] == "canceled"


async def test_notifications_are_configured(ask: Ask) -> None:
    task = result(await ask("message/send", saying("wait", "m4")))
    config = {"url": "https://example.com/heard", "id": "c1"}
    method = "tasks/pushNotificationConfig/"
    wanted = {"taskId": task["id"], "pushNotificationConfig": config}
    by_id = {"id": task["id"], "pushNotificationConfigId": "c1"}
    given = result(await ask(method + "set", wanted))
    assert given["pushNotificationConfig"]["url"] == config["url"]
    assert result(await ask(method + "get", by_id)) == given
    assert result(await ask(method + "list", {"id": task["id"]})) == [given]
    assert result(await ask(method + "delete", by_id)) is None
    assert result(await ask(method + "list", {"id": task["id"]})) == []


async def test_an_agent_is_where_its_card_says(ask: Ask, agent: tuple[str, WebServer]) -> None:
    card = {"endpoint": agent[0] + CARD_PATH}
    task = result(await ask("message/send", saying("Hello", "m5"), server=None, agentCard=card))
    assert task["status"]["state"] == "completed"


async def test_the_card_for_friends_needs_no_parameters(ask: Ask) -> None:
    assert result(await ask("agent/getAuthenticatedExtendedCard"))["name"] == "Echo for friends"


@pytest.mark.parametrize(
    ("method", "parameters", "code"),
    [("tasks/get", {"id": "nobody"}, -32001), ("tasks/list", {}, -32601)],
)
async def test_an_error_of_the_agent_has_its_code_and_its_words(
    ask: Ask, method: str, parameters: object, code: int
) -> None:
    problem = error(await ask(method, parameters))
    assert kind(problem) == ("communication", 500)
    assert problem.detail.startswith(f"{method} was answered with the error {code}: ")
