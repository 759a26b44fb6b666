"""`eval`."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Tidemill


def test_each_output_is_a_line(tidemill: Tidemill) -> None:
    outcome = tidemill("eval", ".[] | . + 1", "--input", "[1, 2]")
    assert (outcome.code, outcome.lines) == (0, ["2", "3"])


def test_the_brackets_of_a_document_may_stand_around_it(tidemill: Tidemill) -> None:
    assert tidemill("eval", "${ .a }", "--input", '{"a": "b"}').lines == ['"b"']


def test_without_input_it_is_null(tidemill: Tidemill) -> None:
    assert tidemill("eval", ".").lines == ["null"]


def test_now_is_the_time_of_the_evaluation(tidemill: Tidemill) -> None:
    assert tidemill("eval", "now > 1700000000").lines == ["true"]


@pytest.mark.parametrize("expression", ["1 +", ".a.b", "$unknown", "input", "[range(1e12)]"])
def test_what_cannot_be_evaluated_is_one_line(tidemill: Tidemill, expression: str) -> None:
    outcome = tidemill("eval", expression, "--input", '{"a": 1}')
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [(), (".", "--file", "x"), ("--file", "x", "--input", "1"), (".", "--input", "{")]
)
def test_it_wants_an_expression_or_a_file(tidemill: Tidemill, arguments: tuple[str, ...]) -> None:
    assert tidemill("eval", *arguments).code == 2


def test_a_file_of_cases_is_answered_line_by_line(tidemill: Tidemill, tmp_path: Path) -> None:
    cases = [
        {"expr": ".a, $x", "input": {"a": 1}, "vars": {"x": [2]}},
        {"expr": ".a.b", "input": {"a": 1}},
        {"expr": "empty"},
        {"expr": "$y", "vars": {"$y": None}},
    ]
    file = tmp_path / "cases.jsonl"
    file.write_text("".join(json.dumps(case) + "\n" for case in cases))
    outcome = tidemill("eval", "--file", str(file))
    answers = [json.loads(line) for line in outcome.lines]
    assert outcome.code == 0
    assert answers[0] == {"outputs": [1, [2]]}
    assert set(answers[1]) == {"error"}
    assert answers[2:] == [{"outputs": []}, {"outputs": [None]}]


@pytest.mark.parametrize("line", ["{", "[]", '{"expr": 1}', '{"expr": ".", "vars": [1]}'])
def test_a_line_that_is_no_case_is_answered_and_fails_the_command(
    tidemill: Tidemill, tmp_path: Path, line: str
) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(f'{line}\n{{"expr": "1"}}\n')
    outcome = tidemill("eval", "--file", str(file))
    assert outcome.code == 1
    first, second = (json.loads(answer) for answer in outcome.lines)
    assert first["error"].startswith("line 1: ")
    assert second == {"outputs": [1]}
