"""`validate`."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Tidemill

GOOD = """
document: {dsl: '1.0.3', namespace: shop, name: greet, version: '1.0.0'}
do:
- hello:
    set: {text: hello}
"""
BAD = GOOD + "    then: nowhere\n- second:\n    wait: soon\n"
ODD = GOOD + "    then: end\n- never:\n    set: {text: bye}\n"
TO_COME = GOOD + "- later:\n    set: {a: 1}\n    input: {schema: {format: avro, document: {}}}\n"
FETCHING = (
    GOOD
    + "- ask:\n    call: openapi\n    with: {document: {endpoint: 'https://a.test/b'}, operationId: c}\n"
    + "- log: {call: 'https://a.test/log/'}\n"
)


@pytest.fixture
def write(tmp_path: Path) -> "Write":
    return Write(tmp_path)


class Write:
    """Writes documents into one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __call__(self, name: str, text: str) -> str:
        path = self._directory / name
        path.write_text(text)
        return str(path)


def test_a_good_document_is_ok(tidemill: Tidemill, write: Write) -> None:
    file = write("good.yaml", GOOD)
    outcome = tidemill("validate", file)
    assert (outcome.code, outcome.lines, outcome.err) == (0, [f"{file}: ok"], "")


def test_each_problem_is_a_line_with_file_and_pointer(tidemill: Tidemill, write: Write) -> None:
    good, bad = write("good.yaml", GOOD), write("bad.yaml", BAD)
    outcome = tidemill("validate", good, bad)
    assert outcome.code == 1
    problems = [line for line in outcome.lines if line.startswith(f"{bad}: ")]
    assert {"/do/0/hello/then", "/do/1/second/wait"} <= {line.split(": ")[1] for line in problems}
    assert f"{good}: ok" in outcome.lines


def test_a_problem_of_the_whole_document_has_the_root_as_its_pointer(
    tidemill: Tidemill, write: Write
) -> None:
    file = write("broken.yaml", "do: [")
    (line,) = tidemill("validate", file).lines
    assert line.startswith(f"{file}: /: ")


def test_what_is_not_built_yet_is_a_warning(tidemill: Tidemill, write: Write) -> None:
    file = write("later.yaml", TO_COME)
    outcome = tidemill("validate", file)
    assert outcome.code == 0
    assert any(line.startswith(f"{file}: /do/1/later") and ": warning: " in line for line in outcome.lines)
    assert outcome.lines[-1] == f"{file}: valid, but this release refuses to publish it"
    answer = json.loads(tidemill("validate", file, "--json").out)
    assert (answer["valid"], answer["publishable"]) == (True, False)


def test_what_publishing_fetches_is_told(tidemill: Tidemill, write: Write) -> None:
    file = write("fetching.yaml", FETCHING)
    outcome = tidemill("validate", file)
    fetched = {
        "/do/1/ask/with/document/endpoint": "https://a.test/b",
        "/do/2/log/call": "https://a.test/log/function.yaml",
    }
    told = [f"{file}: {place}: {uri} is fetched when it is published" for place, uri in fetched.items()]
    assert (outcome.code, outcome.lines, outcome.err) == (0, [*told, f"{file}: ok"], "")
    answer = json.loads(tidemill("validate", file, "--json").out)
    assert (answer["publishable"], answer["documents"]) == (True, [*fetched.values()])


def test_a_document_with_warnings_alone_is_ok(tidemill: Tidemill, write: Write) -> None:
    file = write("odd.yaml", ODD)
    outcome = tidemill("validate", file)
    warning = f"{file}: /do/1/never: warning: `never` can never run: nothing leads to it"
    assert (outcome.code, outcome.lines, outcome.err) == (0, [warning, f"{file}: ok"], "")


def test_machines_get_warnings_too(tidemill: Tidemill, write: Write) -> None:
    (line,) = tidemill("validate", write("odd.yaml", ODD), "--json").lines
    answer = json.loads(line)
    assert answer["valid"] is True
    assert [(it["pointer"], it["severity"]) for it in answer["problems"]] == [("/do/1/never", "warning")]


def test_machines_get_one_object_a_file(tidemill: Tidemill, write: Write) -> None:
    good, bad = write("good.yaml", GOOD), write("bad.yaml", BAD)
    first, second = (json.loads(line) for line in tidemill("validate", good, bad, "--json").lines)
    assert first == {"file": good, "valid": True, "publishable": True, "problems": [], "documents": []}
    assert (second["file"], second["valid"], second["publishable"]) == (bad, False, False)
    assert {"pointer", "message", "severity"} == set(second["problems"][0])


def test_a_file_that_cannot_be_read_has_its_own_exit_code_and_stops_nothing(
    tidemill: Tidemill, write: Write
) -> None:
    bad = write("bad.yaml", BAD)
    outcome = tidemill("validate", "no-such-file.yaml", bad)
    assert outcome.code == 2
    assert outcome.err == "error: no-such-file.yaml: No such file or directory\n"
    assert any(line.startswith(f"{bad}: /do/0") for line in outcome.lines)
