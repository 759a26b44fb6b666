"""`call: openapi` through the whole stack, against a service that describes itself, and against bad ones."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.beside import listening
from tests.e2e.ctk.outside import outside
from tests.e2e.documents import NAMESPACE, named
from tests.e2e.openapi_service import TOKEN, PetService, pet_service
from tests.e2e.running import Report, RunningStack
from tests.e2e.web import serving
from tidemill.errors import TidemillError
from tidemill.json import Json, dumps
from tidemill.stack.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


HIDDEN = "s3cret-openapi-zqx"


@pytest.fixture(scope="module")
def service() -> Iterator[PetService]:
    with pet_service() as service:
        yield service


@pytest.fixture(autouse=True)
def whole(service: PetService) -> None:
    service.is_gone = False
    service.documents_asked.clear()
    service.secrets_seen.clear()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    data = tmp_path_factory.mktemp("openapi")
    settings = {
        "TIDEMILL_ENGINE_FETCH_TIMEOUT_US": "1000000",
        "TIDEMILL_ENGINE_FETCH_BYTES_MAX": "200000",
        "TIDEMILL_ACTIONS_HTTP_RESPONSE_BYTES_MAX": "1000000",
        f"TIDEMILL_SECRET.{NAMESPACE}.token": TOKEN,
        f"TIDEMILL_SECRET.{NAMESPACE}.hidden": HIDDEN,
    }
    with RunningStack(data, **settings) as running:
        yield running


def calling(service: PetService, name: str, operation: str, document: str = "", **given: Json) -> str:
    """A workflow that calls one operation."""
    endpoint: Json = {"endpoint": document or service.document}
    arguments = dumps({"document": endpoint, "operationId": operation, **given}).decode()
    return named(
        name, f"use: {{secrets: [token, hidden]}}\ndo:\n- ask:\n    call: openapi\n    with: {arguments}\n"
    )


def output(report: Report) -> Any:  # noqa: ANN401 - any JSON value
    assert (report.phase, report.error) == ("completed", None)
    return report.output


def test_parameters_arrive_where_the_service_expects_them(stack: RunningStack, service: PetService) -> None:
    given: dict[str, Json] = {
        "pet_id": "${ .id }",
        "tags": ["a b", "c&d"],
        "limit": "${ .none }",
        "x-trace": "t 1",
        "session": "s;1",
    }
    report = stack.run(calling(service, "parameters", "getPet", parameters=given), {"id": 7})
    assert output(report) == {
        "id": 7,
        "tags": ["a b", "c&d"],
        "limit": None,
        "trace": "t 1",
        "session": "s%3B1",
        "has_key": True,
    }


@pytest.mark.parametrize(
    "given", [{"name": "Rex", "tags": ["${ .tag }"]}, {"body": {"name": "Rex", "tags": ["${ .tag }"]}}]
)
def test_a_body_arrives(stack: RunningStack, service: PetService, given: dict[str, Json]) -> None:
    document = calling(service, f"body-{len(given)}", "addPet", parameters=given, output="response")
    answer = output(stack.run(document, {"tag": "new"}))
    assert answer["content"] == {"name": "Rex", "tags": ["new"]}
    assert (answer["statusCode"], answer["request"]["uri"]) == (201, f"{service.base}/pets")


def test_a_form_arrives(stack: RunningStack, service: PetService) -> None:
    document = calling(service, "form", "vote", parameters={"name": "Rex", "stars": [5, 4]})
    assert output(stack.run(document)) == {"name": "Rex", "stars": [5, 4]}


@pytest.mark.parametrize("token", [TOKEN, "${ $secrets.token }"])
def test_the_call_is_authenticated(stack: RunningStack, service: PetService, token: str) -> None:
    given: Json = {"bearer": {"token": token}}
    document = calling(service, f"mine-{len(token)}", "mine", authentication=given)
    assert output(stack.run(document)) == {"known": True}


def test_secrets_reach_the_service_and_stand_nowhere(stack: RunningStack, service: PetService) -> None:
    in_query: dict[str, Json] = {
        "pet_id": 1,
        "tags": "${ $secrets.hidden }",
        "x-trace": '${ "t \\($secrets.hidden)" }',
    }
    answer = output(stack.run(calling(service, "hidden", "getPet", parameters=in_query, output="response")))
    assert (answer["content"]["tags"], answer["content"]["trace"]) == (["***"], "t ***")
    in_body = calling(service, "hidden-body", "addPet", parameters={"name": "${ $secrets.hidden }"})
    assert output(stack.run(in_body))["name"] == "***"
    # An error tells what was sent, too.
    refused = calling(service, "refused", "getPet", parameters={**in_query, "pet_id": "x"})
    assert stack.run(refused).error["status"] == 422
    assert [seen for seen in service.secrets_seen if seen == HIDDEN] == [HIDDEN] * 2
    files = [path for path in stack.stack.layout.data.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert [path.name for path in files if HIDDEN.encode() in path.read_bytes()] == []


def test_what_the_service_refuses_is_an_error_of_the_run(stack: RunningStack, service: PetService) -> None:
    wrong: Json = {"bearer": {"token": "wrong"}}
    assert stack.run(calling(service, "wrong", "mine", authentication=wrong)).error["status"] == 403
    report = stack.run(calling(service, "no-number", "getPet", parameters={"pet_id": "x"}))
    assert report.error["status"] == 422
    assert "int_parsing" in report.error["detail"]


def test_what_is_missing_is_never_sent(stack: RunningStack, service: PetService) -> None:
    report = stack.run(calling(service, "missing", "getPet", parameters={"pet_id": "${ .none }"}), {})
    assert (report.phase, report.error["status"]) == ("faulted", 400)
    assert report.error["detail"] == "the path parameter `pet_id` is required"
    assert report.error["instance"] == "/do/0/ask"


def test_redirections_are_errors_unless_they_are_wanted(stack: RunningStack, service: PetService) -> None:
    assert stack.run(calling(service, "stays", "old")).error["status"] == 307
    assert output(stack.run(calling(service, "follows", "old", redirect=True)))["id"] == 7


def test_an_answer_over_the_limit_is_an_error(stack: RunningStack, service: PetService) -> None:
    error = stack.run(calling(service, "many", "many")).error
    assert error["status"] == 502
    assert "http_response_bytes_max" in error["detail"]


@pytest.mark.parametrize(
    ("name", "reason", "sentence"),
    [
        ("none", "DOCUMENT_UNAVAILABLE", "it answers 404"),
        ("slow", "DOCUMENT_UNAVAILABLE", "it did not come within 1 s (fetch_timeout_us)"),
        ("huge", "DOCUMENT_UNAVAILABLE", "it has more than 200000 bytes (fetch_bytes_max)"),
        ("malformed", "INVALID_DOCUMENT", "unexpected end of data"),
        ("page", "INVALID_DOCUMENT", "it is no OpenAPI document: it has neither `openapi` nor `swagger`"),
        ("circle", "INVALID_DOCUMENT", "more than 16 `$ref` lead to one another"),
    ],
)
def test_a_bad_document_refuses_the_publish(
    stack: RunningStack, service: PetService, name: str, reason: str, sentence: str
) -> None:
    service.is_gone = name == "none"
    uri = f"{service.base}/documents/{name}"
    with pytest.raises(TidemillError) as refusal:
        stack.publish(calling(service, f"bad-{name}", "getPet", uri))
    assert refusal.value.reason_name == reason
    assert refusal.value.message.startswith(f"/do/0/ask/with/document/endpoint: {uri}")
    assert sentence in refusal.value.message
    assert refusal.value.metadata["pointer"] == "/do/0/ask/with/document/endpoint"


def test_a_document_of_nobody_refuses_the_publish(stack: RunningStack, service: PetService) -> None:
    with serving(outside) as gone:
        pass
    with pytest.raises(TidemillError, match="nobody can be reached there") as refusal:
        stack.publish(calling(service, "nobody", "getPet", f"{gone}/openapi.json"))
    assert refusal.value.metadata["uri"] == f"{gone}/openapi.json"


def test_a_document_may_have_moved(stack: RunningStack, service: PetService) -> None:
    document = calling(
        service, "moved", "getPet", f"{service.base}/documents/moved", parameters={"pet_id": 1}
    )
    assert output(stack.run(document))["id"] == 1
    assert service.documents_asked == ["moved", "own"]


def test_an_unknown_operation_refuses_the_publish_with_the_known_ones(
    stack: RunningStack, service: PetService
) -> None:
    with pytest.raises(TidemillError) as refusal:
        stack.publish(calling(service, "unknown", "nothing-like-it"))
    assert refusal.value.reason_name == "INVALID_DOCUMENT"
    known = "there are `addPet`, `getPet`, `many`, `mine`, `old`, `vote`"
    assert refusal.value.message.endswith(f"there is no operation `nothing-like-it`; {known}")


def test_a_definition_means_the_same_when_its_document_is_gone(
    stack: RunningStack, service: PetService
) -> None:
    document = calling(service, "kept", "getPet", parameters={"pet_id": 1})
    first = stack.publish(document)
    (pinned,) = first.pinned_documents
    assert (pinned.uri, len(pinned.digest)) == (service.document, 64)
    service.is_gone = True
    assert output(stack.closed(stack.start(first)))["id"] == 1
    stack.restart("engine")
    assert output(stack.closed(stack.start(first)))["id"] == 1
    # The same again is the same definition, and is not asked for again.
    assert stack.publish(document) == first
    assert service.documents_asked == ["own"]
    with pytest.raises(TidemillError, match="it answers 404"):
        stack.publish(document.replace("version: '1.0.0'", "version: '1.1.0'"))


def test_the_example_of_the_page_runs(stack: RunningStack) -> None:
    page = (Path(__file__).parents[2] / "docs" / "calls.md").read_text().partition("\n## OpenAPI\n")[2]
    program, workflow = (
        re.search(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        for language in ("python", "yaml")
    )
    assert program is not None
    assert workflow is not None
    (port,) = free_ports(1)
    code = program[1].replace("port=8000", f"port={port}, log_level='critical'")
    assert code != program[1]
    with listening([sys.executable, "-c", code], port):
        document = workflow[1].replace(":8000/", f":{port}/")
        assert output(stack.run(document, {"id": 1, "tag": "new"})) == {"name": "Rex", "tags": ["new"]}
