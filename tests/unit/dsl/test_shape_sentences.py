"""The shape of documents: that a refusal names the place and what is allowed there."""

import pytest

from tests.unit.dsl.samples import errors, http, one, warnings, workflow
from tidemill.dsl import check
from tidemill.json import Json

WAIT: Json = {"wait": "PT1S"}


def test_a_sound_document_has_no_problems() -> None:
    assert check(workflow(("first", WAIT), ("second", http()))) == []


@pytest.mark.parametrize(
    ("task", "pointer", "sentence"),
    [
        (
            {"wait": 5},
            "/wait",
            "`wait` must be a duration, such as `PT30S`, `{ seconds: 30 }` or an expression",
        ),
        ({"wait": "5s"}, "/wait", "`wait` must be a duration, such as `PT30S`"),
        ({"wait": {}}, "/wait", "`wait` must be a duration of `days`, `hours`, `minutes`, `seconds` and"),
        ({"wait": {"weeks": 1}}, "/wait/weeks", "`weeks` is not known in a duration of"),
        (
            {"wait": "PT1S", "foo": 1},
            "/foo",
            "`foo` is not known in a `wait` task; it may have `wait`, `if`,",
        ),
        (
            {"wait": "PT1S", "ouput": {}},
            "/ouput",
            "`ouput` is not known in a `wait` task; did you mean `output`?",
        ),
        ({}, "", "`it` is a task, which needs a kind, one of `call`, `do`, `emit`"),
        ({"wait": "PT1S", "set": {"a": 1}}, "", "which has one kind, and this one has `set` and `wait`"),
        ([], "", "`it` must be a task, an object such as `{ wait: PT5S }`"),
        ({"for": {"in": ".x"}}, "", "a `for` task needs `do`"),
        ({"for": {}, "do": []}, "/for", "`for` needs `in`"),
        ({"for": {"in": 5}, "do": []}, "/for/in", "`in` must be an expression or a list of objects"),
        ({"for": {"in": [1]}, "do": []}, "/for/in/0", "item 0 must be an object"),
        ({"set": {}}, "/set", "`set` must be an object with at least one member"),
        ({"set": 3}, "/set", "`set` must be an object with at least one member"),
        ({"do": {}}, "/do", "`do` must be a list of tasks, each `- name: task`"),
        (
            {"do": [{"a": WAIT, "b": WAIT}]},
            "/do/0",
            "item 0 must be an object with one task, indented below its name",
        ),
        ({"switch": []}, "/switch", "`switch` must be a list with at least one case"),
        ({"switch": [{"a": {"when": ".x"}}]}, "/switch/0/a", "a case needs `then`"),
        ({"fork": {}}, "/fork", "`fork` needs `branches`"),
        ({"fork": {"branches": [], "compete": "yes"}}, "/fork/compete", "`compete` must be true or false"),
        ({"try": []}, "", "a `try` task needs `catch`"),
        ({"try": [], "catch": []}, "/catch", "`catch` must be an object"),
        ({"raise": {"error": {"type": "a"}}}, "/raise/error", "an error needs `status`"),
        (
            {"raise": {"error": {"type": "a", "status": "x"}}},
            "/raise/error/status",
            "`status` must be a whole number",
        ),
        ({"emit": {"event": {"with": {}}}}, "/emit/event/with", "an event to emit needs `type`"),
        ({"listen": {"to": {}}}, "/listen/to", "`to` needs exactly one of `all`, `any`, `one`, and has none"),
        (
            {"listen": {"to": {"one": {"with": {}}}}},
            "/listen/to/one/with",
            "must be an object with at least one attribute",
        ),
        ({"call": "http"}, "", "a `call: http` task needs `with`"),
        ({"call": "http", "with": {"method": "get"}}, "/with", "the `with` of an HTTP call needs `endpoint`"),
        (http(output="body"), "/with/output", "must be a form of output: `raw`, `content`, `response`"),
        (http(endpoint="not a uri"), "/with/endpoint", "`endpoint` must be a URI or URI template, such as"),
        (http(endpoint={"uri": "${ .a"}), "/with/endpoint/uri", "`uri` must be an expression in `${ }`"),
        (http(headers={"A": 1}), "/with/headers/A", "`A` must be text"),
        (
            {"run": {}},
            "/run",
            "`run` needs exactly one of `workflow`, `shell`, `script`, `container`, and has none",
        ),
        ({**http(), "then": 5}, "/then", "`then` must be `continue`, `exit`, `end` or the name of a task"),
        ({**http(), "timeout": {}}, "/timeout", "a timeout needs `after`"),
    ],
)
def test_a_refusal_is_about_what_the_author_meant(task: Json, pointer: str, sentence: str) -> None:
    found = errors(one(task))

    assert sentence in found[f"/do/0/it{pointer}"]


def test_the_header_is_checked_member_by_member() -> None:
    document: dict[str, Json] = {
        "document": {"dsl": "1.0", "namespace": "a b", "name": "-", "title": 1},
        "do": [],
    }

    assert errors(document) == {
        "/document": "`document` needs `version`",
        "/document/dsl": "`dsl` must be a semantic version, such as `1.0.0`",
        "/document/namespace": "`namespace` must be a name of letters, digits and inner hyphens, at most 63",
        "/document/name": "`name` must be a name of letters, digits and inner hyphens, at most 63",
        "/document/title": "`title` must be text",
    }


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_a_document_is_an_object(document: Json) -> None:
    assert errors(document) == {"": "the document must be an object"}


def test_an_empty_object_lacks_both_its_parts() -> None:
    assert [problem.message for problem in check({})] == [
        "a workflow needs `document`",
        "a workflow needs `do`",
    ]


def test_what_the_language_lets_through_is_warned_about() -> None:
    document = workflow(("it", {"try": [], "catch": {"errors": {"wth": {}}}}), timeouts={})

    assert errors(document) == {}
    assert warnings(document) == {
        "/timeouts": "`timeouts` is not known in a workflow and is passed over; did you mean `timeout`?",
        "/do/0/it/catch/errors/wth": "`wth` is not known in `errors` and is passed over; did you"
        " mean `with`?",
    }


def test_problems_come_in_the_order_of_the_document() -> None:
    document = workflow(("a", {"wait": 1}), ("b", {"do": [{"c": {"wait": 2}}]}), ("d", {"wait": "P1M"}))

    assert [problem.pointer for problem in check(document)] == [
        "/do/0/a/wait",
        "/do/1/b/do/0/c/wait",
        "/do/2/d/wait",
    ]


def test_one_problem_does_not_hide_the_meaning_of_other_places() -> None:
    document = workflow(("a", {"wait": 1, "then": "nowhere"}), ("b", {"wait": "P1M"}))

    assert errors(document).keys() == {"/do/0/a/wait", "/do/0/a/then", "/do/1/b/wait"}


def test_a_check_stops_at_a_hundred_problems() -> None:
    waits: list[tuple[str, Json]] = [(f"t{index}", {"wait": index}) for index in range(300)]

    assert len(check(workflow(*waits))) == 100


def test_warnings_do_not_take_the_place_of_errors() -> None:
    many: dict[str, Json] = {f"x{index}": 1 for index in range(300)}
    problems = check({**many, **one({"wait": 5})})

    assert [problem.pointer for problem in problems if problem.severity == "error"] == ["/do/0/it/wait"]
    assert len(problems) == 101


def test_pointers_are_escaped() -> None:
    assert errors(workflow(("a/b~c", {"wait": 1}))).keys() == {"/do/0/a~1b~0c/wait"}
