"""`show`."""

import json
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tests.unit.cli.conftest import Tidemill
from tests.unit.cli.services import Answers
from tests.unit.diagrams.mermaid_grammar import parse
from tests.unit.diagrams.pages import blocks
from tests.unit.diagrams.paths import EXECUTION_ID, HEADER, began, event, started, went_through
from tidemill.api.engine.v1 import definition_service_pb2 as definitions
from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.events.v1.history_pb2 import ExecutionCompleted
from tidemill.errors import TidemillError

ROOT = Path(__file__).parents[3]
DOCUMENT = HEADER + "do:\n- first: {set: {a: 1}}\n- second: {wait: PT1S}\n"
TREE = """\
shop/order:1.0.0
├─ start
├─ set first: a
├─ wait second: 1 s
└─ end
"""
RUNNING = execution_pb2.Execution(
    execution_id=EXECUTION_ID,
    namespace="shop",
    workflow="order",
    version="1.0.0",
    phase=execution_pb2.EXECUTION_PHASE_RUNNING,
    started_at=Timestamp(seconds=1),
)
COMPLETED = execution_pb2.Execution()
COMPLETED.CopyFrom(RUNNING)
COMPLETED.phase = execution_pb2.EXECUTION_PHASE_COMPLETED
FACTS = [
    event(second, fact)
    for second, fact in enumerate(
        [began(), *went_through("/do/0/first", "/do/1/second"), ExecutionCompleted()]
    )
]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "order.yaml"
    path.write_text(DOCUMENT)
    return str(path)


@pytest.fixture
def published(answers: Answers) -> Answers:
    definition = definitions.Definition(namespace="shop", name="order", document=DOCUMENT.encode())
    answers.by_method["DefinitionService/Get"] = definitions.GetResponse(definition=definition)
    return answers


def test_a_file_is_drawn_without_any_service(tidemill: Tidemill, file: str) -> None:
    outcome = tidemill("show", file)
    assert (outcome.code, outcome.out, outcome.err) == (0, TREE, "")


def test_mermaid_is_all_that_stands_on_standard_output(tidemill: Tidemill, file: str) -> None:
    outcome = tidemill("show", file, "--mermaid")
    assert (outcome.code, outcome.err) == (0, "")
    assert [node.label for node in parse(outcome.out).nodes.values()] == [
        "shop/order:1.0.0 | start",
        "set first | a",
        "wait second | 1 s",
        "end",
    ]


def test_json_holds_the_tasks_and_the_links(tidemill: Tidemill, file: str) -> None:
    found = json.loads(tidemill("show", file, "--json").out)
    assert (found["definition"], found["start"], found["execution"]) == ("shop/order:1.0.0", None, None)
    assert [(task["reference"], task["kind"]) for task in found["tasks"]] == [
        ("/do/0/first", "set"),
        ("/do/1/second", "wait"),
    ]
    assert found["links"][1] == {
        "source": "/do/0/first",
        "target": "/do/1/second",
        "label": None,
        "kind": "order",
    }


def test_the_documentation_shows_what_is_printed(tidemill: Tidemill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shown = blocks(ROOT / "docs/command-line.md")
    assert "tidemill show examples/hello.yaml\n" in shown["sh"]
    assert tidemill("show", "examples/hello.yaml").out == shown["text"]
    assert tidemill("show", "examples/hello.yaml", "--mermaid").out == shown["mermaid"]


def test_a_path_without_a_known_ending_is_a_file_when_there_is_one(
    tidemill: Tidemill, tmp_path: Path
) -> None:
    path = tmp_path / "document"
    path.write_text(DOCUMENT)
    assert tidemill("show", str(path)).out == TREE


@pytest.mark.parametrize(
    ("subject", "version"), [("shop/order", ""), ("shop/order:1.0.0", "1.0.0")], ids=["latest", "version"]
)
def test_a_published_definition_is_drawn(
    tidemill: Tidemill, published: Answers, subject: str, version: str
) -> None:
    assert tidemill("show", subject).out == TREE
    assert published.requests == [definitions.GetRequest(namespace="shop", name="order", version=version)]


def test_an_execution_is_drawn_from_all_pages_of_its_history(tidemill: Tidemill, published: Answers) -> None:
    published.by_method["ExecutionService/Get"] = pb.ExecutionServiceGetResponse(execution=COMPLETED)
    published.by_method["ExecutionService/GetHistory"] = [
        pb.GetHistoryResponse(events=FACTS[:2], next_page_token="2"),
        pb.GetHistoryResponse(events=FACTS[2:]),
    ]
    outcome = tidemill("show", EXECUTION_ID)
    assert outcome.code == 0
    assert [line[:20] for line in outcome.lines if "✓" in line] == [
        "├─ ✓ set first: a  [",
        "├─ ✓ wait second: 1 ",
        "✓ completed, ✗ fault",
    ]
    get, definition, first, second = published.requests
    assert isinstance(get, pb.ExecutionServiceGetRequest)
    assert isinstance(first, pb.GetHistoryRequest)
    assert isinstance(second, pb.GetHistoryRequest)
    assert (get.namespace, get.execution_id) == ("-", EXECUTION_ID)
    assert definition == definitions.GetRequest(namespace="shop", name="order", version="1.0.0")
    assert (first.page_token, second.page_token, second.execution_id) == ("", "2", EXECUTION_ID)


def test_an_execution_that_moved_on_meanwhile_is_read_again(tidemill: Tidemill, published: Answers) -> None:
    published.by_method["ExecutionService/Get"] = [
        pb.ExecutionServiceGetResponse(execution=RUNNING),
        pb.ExecutionServiceGetResponse(execution=COMPLETED),
    ]
    published.by_method["ExecutionService/GetHistory"] = [
        pb.GetHistoryResponse(events=[*FACTS[:1], event(1, started("/do/0/first"))]),
        pb.GetHistoryResponse(events=FACTS),
    ]
    found = json.loads(tidemill("show", EXECUTION_ID, "--json").out)
    assert found["execution"]["phase"] == "completed"
    assert [(task["path"]["phase"], task["path"]["entered"]) for task in found["tasks"]] == [
        ("completed", 1),
        ("completed", 1),
    ]


def test_a_broken_document_is_refused_with_a_line_a_problem(tidemill: Tidemill, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(DOCUMENT + "- first: {wait: soon}\n- last: {set: {a: 1}, then: nowhere}\n")
    outcome = tidemill("show", str(path), "--mermaid")
    assert (outcome.code, outcome.out) == (1, "")
    *lines, last = outcome.err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        [str(path), "/do/2/first"],
        [str(path), "/do/2/first/wait"],
        [str(path), "/do/3/last/then"],
    ]
    assert last == f"error: {path} was refused (INVALID_DOCUMENT)"


def test_what_is_no_yaml_is_refused(tidemill: Tidemill, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("do: [")
    outcome = tidemill("show", str(path))
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"{path}: /: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("order",), "'order' is not a file, an execution's id, NS/NAME or NS/NAME:VERSION"),
        (("0a1b2c3d",), "'0a1b2c3d' is not a file, an execution's id, NS/NAME or NS/NAME:VERSION"),
        (("absent/order.yml",), "absent/order.yml: No such file or directory"),
        (("order.yaml", "--mermaid", "--json"), "--mermaid and --json exclude each other"),
    ],
)
def test_what_cannot_be_meant_is_said_in_one_line(
    tidemill: Tidemill, arguments: tuple[str, ...], message: str
) -> None:
    outcome = tidemill("show", *arguments)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"error: {message}\n")


def test_an_unknown_execution_is_one_line(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/Get"] = TidemillError(
        reasons.ERROR_REASON_EXECUTION_NOT_FOUND, "there is no such execution"
    )
    outcome = tidemill("show", EXECUTION_ID)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "error: there is no such execution (EXECUTION_NOT_FOUND)\n"
