"""`run` and `publish` against running services."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Tidemill
from tests.unit.cli.services import Answers
from tidemill.api.engine.v1 import definition_service_pb2 as definitions
from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.errors.v1.error_reason_pb2 import ErrorReason
from tidemill.api.errors.v1.problem_pb2 import Problem
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.errors import TidemillError

DEFINITION = definitions.Definition(namespace="shop", name="greet", version="1.0.0", digest="abc")
WARNING = definitions.DocumentProblem(
    pointer="/do/0/a", message="look at this", severity=definitions.PROBLEM_SEVERITY_WARNING
)
ERROR = definitions.DocumentProblem(
    pointer="/do/1/b", message="is wrong", severity=definitions.PROBLEM_SEVERITY_ERROR
)


@pytest.fixture
def document(tmp_path: Path) -> str:
    path = tmp_path / "greet.yaml"
    path.write_text("document: {}\n")
    return str(path)


@pytest.fixture
def running(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> Answers:
    monkeypatch.setenv("TIDEMILL_ENGINE", "127.0.0.1:1")
    answers.by_method["DefinitionService/Publish"] = definitions.PublishResponse(
        definition=DEFINITION, created=True, warnings=[WARNING]
    )
    answers.by_method["ExecutionService/Start"] = pb.StartResponse(execution_id="0-1", created=True)
    answers.by_method["ExecutionService/GetHistory"] = pb.GetHistoryResponse()
    return answers


def ends_as(answers: Answers, execution: execution_pb2.Execution) -> None:
    answers.by_method["ExecutionService/Watch"] = [pb.WatchResponse(execution=execution)]
    answers.by_method["ExecutionService/Get"] = pb.ExecutionServiceGetResponse(execution=execution)


def refuse(answers: Answers, reason: ErrorReason.ValueType, *problems: definitions.DocumentProblem) -> None:
    answers.by_method["DefinitionService/Publish"] = TidemillError(reason, "it is bad", {"pointer": "/do/1"})
    answers.by_method["DefinitionService/Validate"] = definitions.ValidateResponse(problems=problems)


def test_a_completed_run_exits_with_0_and_prints_one_object(
    tidemill: Tidemill, running: Answers, document: str
) -> None:
    ends_as(
        running,
        execution_pb2.Execution(
            execution_id="0-1",
            phase=execution_pb2.EXECUTION_PHASE_COMPLETED,
            output=Payload(data=b'"hello"'),
        ),
    )
    outcome = tidemill("run", document, "--input", '{"name":"x"}', "--json")
    assert outcome.code == 0
    report = json.loads(outcome.out)
    assert {name: report[name] for name in ("execution_id", "phase", "output", "error", "tasks")} == {
        "execution_id": "0-1",
        "phase": "completed",
        "output": "hello",
        "error": None,
        "tasks": [],
    }
    (start,) = (request for request in running.requests if isinstance(request, pb.StartRequest))
    assert (start.namespace, start.workflow, start.version) == ("shop", "greet", "1.0.0")
    assert start.input.data == b'{"name":"x"}'


@pytest.mark.parametrize(
    "phase", [execution_pb2.EXECUTION_PHASE_FAULTED, execution_pb2.EXECUTION_PHASE_CANCELLED]
)
def test_every_other_end_exits_with_1(
    tidemill: Tidemill, running: Answers, document: str, phase: execution_pb2.ExecutionPhase.ValueType
) -> None:
    ends_as(
        running,
        execution_pb2.Execution(execution_id="0-1", phase=phase, error=Problem(type="x", status=500)),
    )
    assert tidemill("run", document).code == 1
    ends_as(running, execution_pb2.Execution(execution_id="0-1", phase=phase))
    outcome = tidemill("run", document, "--json")
    assert outcome.code == 1
    assert json.loads(outcome.out)["phase"] in ("faulted", "cancelled")


@pytest.mark.parametrize(
    "reason", [reasons.ERROR_REASON_INVALID_DOCUMENT, reasons.ERROR_REASON_UNSUPPORTED_FEATURE]
)
@pytest.mark.parametrize("command", ["run", "publish"])
def test_a_refused_document_has_a_line_for_each_problem(
    tidemill: Tidemill, running: Answers, document: str, command: str, reason: ErrorReason.ValueType
) -> None:
    refuse(running, reason, WARNING, ERROR)
    outcome = tidemill(command, document)
    assert outcome.code == 1
    assert outcome.lines == [
        f"{document}: /do/0/a: warning: look at this",
        f"{document}: /do/1/b: is wrong",
    ]
    assert outcome.err == f"error: {document} was refused\n"


def test_a_refusal_that_only_the_publish_finds_has_its_line_too(
    tidemill: Tidemill, running: Answers, document: str
) -> None:
    refuse(running, reasons.ERROR_REASON_UNSUPPORTED_FEATURE)
    assert tidemill("publish", document).lines == [f"{document}: /do/1: it is bad"]


def test_a_refusal_that_only_the_publish_finds_is_told_beside_warnings(
    tidemill: Tidemill, running: Answers, document: str
) -> None:
    refuse(running, reasons.ERROR_REASON_INVALID_DOCUMENT, WARNING)
    assert tidemill("publish", document).lines == [
        f"{document}: /do/0/a: warning: look at this",
        f"{document}: /do/1: it is bad",
    ]


def test_a_document_that_cannot_be_fetched_has_its_line_with_its_place(
    tidemill: Tidemill, running: Answers, document: str
) -> None:
    place = "/do/0/a/with/document/endpoint"
    refuse(running, reasons.ERROR_REASON_INVALID_DOCUMENT)
    running.by_method["DefinitionService/Publish"] = TidemillError(
        reasons.ERROR_REASON_DOCUMENT_UNAVAILABLE,
        f"{place}: https://a.test/b cannot be fetched: it answers 404",
        {"pointer": place, "uri": "https://a.test/b", "detail": "it answers 404"},
    )
    outcome = tidemill("publish", document)
    assert (outcome.code, outcome.err) == (1, f"error: {document} was refused\n")
    assert outcome.lines == [f"{document}: {place}: https://a.test/b cannot be fetched: it answers 404"]


def test_the_documents_that_were_pinned_are_told_with_their_digests(
    tidemill: Tidemill, running: Answers, document: str
) -> None:
    answer = running.by_method["DefinitionService/Publish"]
    assert isinstance(answer, definitions.PublishResponse)
    answer.definition.pinned_documents.add(uri="https://a.test/b", digest="d1g")
    assert tidemill("publish", document).lines == [
        "published shop/greet:1.0.0 abc",
        "  with https://a.test/b d1g",
    ]
    told = json.loads(tidemill("publish", document, "--json").out)
    assert told["documents"] == [{"uri": "https://a.test/b", "digest": "d1g"}]


def test_a_conflict_is_an_error_without_problems(tidemill: Tidemill, running: Answers, document: str) -> None:
    running.by_method["DefinitionService/Publish"] = TidemillError(
        reasons.ERROR_REASON_DEFINITION_CONFLICT, "shop/greet:1.0.0 is published with another content"
    )
    outcome = tidemill("publish", document)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.endswith("another content (DEFINITION_CONFLICT)\n")


def test_publish_prints_name_and_digest_and_says_warnings_beside(
    tidemill: Tidemill, running: Answers, document: str
) -> None:
    outcome = tidemill("publish", document)
    assert outcome.code == 0
    assert outcome.lines == ["published shop/greet:1.0.0 abc"]
    assert outcome.err == f"{document}: /do/0/a: warning: look at this\n"
    assert json.loads(tidemill("publish", document, "--json").out) == {
        "namespace": "shop",
        "name": "greet",
        "version": "1.0.0",
        "digest": "abc",
        "created": True,
        "documents": [],
        "warnings": [{"pointer": "/do/0/a", "message": "look at this", "severity": "warning"}],
    }


@pytest.mark.parametrize("command", ["run", "publish"])
def test_a_file_that_cannot_be_read_is_a_usage_error(tidemill: Tidemill, command: str) -> None:
    outcome = tidemill(command, "no-such-file.yaml")
    assert (outcome.code, outcome.err) == (2, "error: no-such-file.yaml: No such file or directory\n")
