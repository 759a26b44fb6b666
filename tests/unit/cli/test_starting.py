"""`start` and `emit`."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Tidemill
from tests.unit.cli.services import Answers
from tidemill.api.engine.v1.definition_service_pb2 import Definition, Listen
from tidemill.api.engine.v1.definition_service_pb2 import ListResponse as DefinitionListResponse
from tidemill.api.engine.v1.execution_service_pb2 import (
    COMMAND_OUTCOME_REJECTED,
    GetCommandOutcomeResponse,
    StartRequest,
    StartResponse,
)
from tidemill.api.engine.v1.position_pb2 import Position
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.errors.v1.item_error_pb2 import ItemError
from tidemill.api.triggers.v1.event_service_pb2 import (
    EventOutcome,
    PublishEventsRequest,
    PublishEventsResponse,
    StartedExecution,
)
from tidemill.api.triggers.v1.trigger_service_pb2 import ListResponse, Trigger
from tidemill.errors import TidemillError

STARTED = StartedExecution(execution_id="0-1", workflow="greet", version="1.0.0", trigger="on", created=True)


def published(*executions: StartedExecution) -> PublishEventsResponse:
    return PublishEventsResponse(outcomes=[EventOutcome(event_id="e1", executions=executions)])


def sent_event(answers: Answers) -> PublishEventsRequest:
    (request,) = (request for request in answers.requests if isinstance(request, PublishEventsRequest))
    return request


def test_start_sends_what_it_was_told_and_prints_the_id(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/Start"] = StartResponse(
        execution_id="0-1", created=True, version="1.0.0"
    )
    outcome = tidemill("start", "shop/greet:1.0.0", "--input", '{"a": 1}', "--subject", "c1", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out) == {
        "execution_id": "0-1",
        "created": True,
        "namespace": "shop",
        "workflow": "greet",
        "version": "1.0.0",
    }
    (request,) = answers.requests
    assert isinstance(request, StartRequest)
    assert (request.namespace, request.workflow, request.version) == ("shop", "greet", "1.0.0")
    assert (request.subject, request.input.data) == ("c1", b'{"a": 1}')
    assert request.request_id


def test_a_start_that_re_entry_refuses_is_an_error_and_no_id(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/Start"] = StartResponse(
        execution_id="0-1", created=True, version="1.0.0", position=Position(shard=1, offset=7)
    )
    refused = ItemError(message="greet runs once", reason=reasons.ERROR_REASON_REENTRY_REFUSED)
    answers.by_method["ExecutionService/GetCommandOutcome"] = GetCommandOutcomeResponse(
        outcome=COMMAND_OUTCOME_REJECTED, error=refused
    )
    outcome = tidemill("start", "shop/greet", "--subject", "c1")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "error: greet runs once (REENTRY_REFUSED)\n"


def test_start_takes_its_input_from_a_file(tidemill: Tidemill, answers: Answers, tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_text("[1]")
    answers.by_method["ExecutionService/Start"] = StartResponse(execution_id="0-1", created=True)
    assert tidemill("start", "shop/greet", "--input", f"@{file}").code == 0
    request = answers.requests[0]
    assert isinstance(request, StartRequest)
    assert request.input.data == b"[1]"


def test_a_refused_start_is_one_line_with_its_reason(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/Start"] = TidemillError(
        reasons.ERROR_REASON_DEFINITION_NOT_FOUND, "there is no workflow shop/greet"
    )
    outcome = tidemill("start", "shop/greet")
    assert outcome.code == 1
    assert outcome.err == "error: there is no workflow shop/greet (DEFINITION_NOT_FOUND)\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("start", "greet"),
        ("start", "a/b/c"),
        ("start", "shop/greet", "--input", "{"),
        ("start", "shop/greet", "--input", "@no-such-file.json"),
        ("start", "shop/greet", "--input", "123456789012345678901234567890"),
        ("emit",),
        ("emit", "--type", "t", "--data", "x"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(tidemill: Tidemill, arguments: tuple[str, ...]) -> None:
    outcome = tidemill(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1


def test_emit_goes_to_the_only_namespace_that_listens(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["TriggerService/List"] = ListResponse(
        triggers=[
            Trigger(namespace="shop", event_type="lead.created"),
            Trigger(namespace="shop", event_type="lead.created"),
            Trigger(namespace="other", event_type="lead.deleted"),
        ]
    )
    answers.by_method["DefinitionService/List"] = DefinitionListResponse()
    answers.by_method["EventService/PublishEvents"] = published(STARTED)
    outcome = tidemill("emit", "--type", "lead.created", "--subject", "c1", "--json")
    assert json.loads(outcome.out) == {
        "event_id": "e1",
        "namespace": "shop",
        "executions": [
            {
                "execution_id": "0-1",
                "created": True,
                "workflow": "greet",
                "version": "1.0.0",
                "trigger": "on",
            }
        ],
    }
    request = sent_event(answers)
    (event,) = request.events
    assert (request.namespace, event.type, event.subject, event.source, event.data) == (
        "shop",
        "lead.created",
        "c1",
        "/tidemill/cli",
        b"{}",
    )
    assert event.id


def test_emit_goes_to_the_default_namespace_when_nobody_listens(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["TriggerService/List"] = ListResponse()
    answers.by_method["DefinitionService/List"] = DefinitionListResponse()
    answers.by_method["EventService/PublishEvents"] = published()
    outcome = tidemill("emit", "--type", "t")
    assert outcome.lines == [
        "event e1 was taken; nothing starts on it in the namespace default, and nobody waits for it"
    ]
    assert sent_event(answers).namespace == "default"


def test_emit_goes_where_executions_may_wait_for_the_event(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["TriggerService/List"] = ListResponse()
    answers.by_method["DefinitionService/List"] = DefinitionListResponse(
        definitions=[
            Definition(namespace="shop", listens=[Listen(event_type="t")]),
            Definition(namespace="other", listens=[Listen(event_type="u")]),
        ]
    )
    answers.by_method["EventService/PublishEvents"] = published()
    outcome = tidemill("emit", "--type", "t")
    assert outcome.lines == [
        "event e1 was taken; nothing starts on it in the namespace shop, and it goes to those who wait for it"
    ]
    assert sent_event(answers).namespace == "shop"


def test_emit_asks_which_when_several_listen(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["TriggerService/List"] = ListResponse(
        triggers=[Trigger(namespace="b", event_type="t"), Trigger(namespace="a")]
    )
    answers.by_method["DefinitionService/List"] = DefinitionListResponse()
    outcome = tidemill("emit", "--type", "t")
    assert outcome.code == 2
    assert outcome.err == "error: several namespaces listen to t: a, b; choose with --namespace\n"


@pytest.mark.parametrize("by_variable", [True, False])
def test_emit_goes_where_it_is_told(
    tidemill: Tidemill, answers: Answers, monkeypatch: pytest.MonkeyPatch, by_variable: bool
) -> None:
    answers.by_method["EventService/PublishEvents"] = published(STARTED)
    if by_variable:
        monkeypatch.setenv("TIDEMILL_NAMESPACE", "shop")
    options = () if by_variable else ("--namespace", "shop")
    outcome = tidemill("emit", "--type", "t", "--id", "mine", "--source", "/s", "--data", "[1]", *options)
    assert outcome.lines == ["started shop/greet:1.0.0 0-1"]
    (event,) = sent_event(answers).events
    assert (event.id, event.source, event.data) == ("mine", "/s", b"[1]")


def test_an_event_that_is_refused_is_an_error(tidemill: Tidemill, answers: Answers) -> None:
    refused = ItemError(message="too large", reason=reasons.ERROR_REASON_TOO_LARGE)
    answers.by_method["EventService/PublishEvents"] = PublishEventsResponse(
        outcomes=[EventOutcome(error=refused)]
    )
    outcome = tidemill("emit", "--type", "t", "--namespace", "shop")
    assert (outcome.code, outcome.err) == (1, "error: too large (TOO_LARGE)\n")
