"""The order of tasks: names, directives, cases, and tasks that can never run."""

import pytest

from tests.unit.dsl.samples import errors, one, warnings, workflow
from tidemill.json import Json

SET: dict[str, Json] = {"set": {"a": 1}}


def going(target: str, **more: Json) -> Json:
    return {**SET, "then": target, **more}


@pytest.mark.parametrize("target", ["continue", "exit", "end", "second"])
def test_then_leads_on_out_or_to_a_sibling(target: str) -> None:
    assert errors(workflow(("first", going(target)), ("second", SET))) == {}


def test_an_unknown_target_is_refused_with_what_there_is() -> None:
    assert errors(workflow(("first", going("third")), ("second", SET))) == {
        "/do/0/first/then": "`third` is not a place to go: use `continue`, `exit`, `end` or a task of the "
        "same list (`first`, `second`)"
    }


def test_then_cannot_leave_or_enter_a_scope() -> None:
    outward = workflow(("outer", {"do": [{"inner": going("last")}]}), ("last", SET))
    inward = workflow(("first", going("inner")), ("outer", {"do": [{"inner": SET}]}))

    assert errors(outward).keys() == {"/do/0/outer/do/0/inner/then"}
    assert errors(inward).keys() == {"/do/0/first/then"}


def test_a_branch_cannot_go_to_another_branch() -> None:
    document = one({"fork": {"branches": [{"left": going("right")}, {"right": going("exit")}]}})

    assert errors(document) == {
        "/do/0/it/fork/branches/0/left/then": "`right` is not a place to go: use `continue`, `exit`, `end`"
    }


def test_switch_cases_and_catch_go_to_siblings_of_their_task() -> None:
    switch: Json = {"switch": [{"a": {"when": ".x", "then": "last"}}, {"b": {"then": "nowhere"}}]}
    caught: Json = {"try": [{"inner": SET}], "catch": {"then": "inner"}}
    document = workflow(("choose", switch), ("careful", caught), ("last", SET))

    assert errors(document).keys() == {"/do/0/choose/switch/1/b/then", "/do/1/careful/catch/then"}


def test_names_are_unique_in_their_scope_only() -> None:
    nested: Json = {"do": [{"a": SET}]}

    assert errors(workflow(("a", SET), ("b", nested))) == {}
    assert errors(workflow(("a", SET), ("a", SET))) == {
        "/do/1/a": "another task of this list is named `a` too"
    }


def test_names_of_branches_are_unique_too() -> None:
    document = one({"fork": {"branches": [{"a": SET}, {"a": SET}]}})

    assert errors(document).keys() == {"/do/0/it/fork/branches/1/a"}


@pytest.mark.parametrize("name", ["continue", "exit", "end"])
def test_a_directive_cannot_name_a_task(name: str) -> None:
    assert errors(workflow((name, SET))) == {
        f"/do/0/{name}": f"a task may not be named `{name}`, which is a flow directive"
    }


def test_a_switch_has_one_default() -> None:
    cases: list[Json] = [{"a": {"then": "end"}}, {"b": {"when": ".x", "then": "end"}}]

    assert errors(one({"switch": cases})) == {}
    assert errors(one({"switch": [*cases, {"c": {"then": "end"}}]})) == {
        "/do/0/it/switch/2/c": "`c` is a second default: only one case may have no `when`"
    }


@pytest.mark.parametrize(
    "first",
    [
        going("end"),
        going("exit"),
        {"raise": {"error": {"type": "https://example.com", "status": 1}}},
        {"switch": [{"a": {"then": "end"}}], "then": "exit"},
    ],
)
def test_a_task_that_nothing_leads_to_is_warned_about(first: Json) -> None:
    document = workflow(("first", first), ("second", SET))

    assert errors(document) == {}
    assert warnings(document) == {"/do/1/second": "`second` can never run: nothing leads to it"}


@pytest.mark.parametrize(
    "first",
    [
        SET,
        going("second"),
        going("end", **{"if": ".x"}),
        {"switch": [{"a": {"when": ".x", "then": "end"}}]},
        {"switch": [{"a": {"then": "second"}}], "then": "end"},
        {"try": [], "catch": {"then": "second"}, "then": "end"},
        {"try": [], "catch": {"then": "continue"}, "then": "end"},
    ],
)
def test_a_task_that_something_leads_to_is_not_warned_about(first: Json) -> None:
    assert warnings(workflow(("first", first), ("second", SET))) == {}


def test_a_jump_back_reaches_what_lies_between() -> None:
    document = workflow(("a", going("c")), ("b", going("end")), ("c", going("b")))

    assert warnings(document) == {}


def nested(levels: int) -> dict[str, Json]:
    task: Json = SET
    for _ in range(levels - 1):
        task = {"do": [{"inner": task}]}
    return one(task)


def test_nesting_is_bounded() -> None:
    assert errors(nested(20)) == {}
    (sentence,) = errors(nested(21)).values()
    assert sentence == "tasks may be nested 20 levels deep"


def test_a_list_is_bounded() -> None:
    assert errors(workflow(*((f"t{index}", SET) for index in range(1_000)))) == {}
    assert errors(workflow(*((f"t{index}", SET) for index in range(1_001)))) == {
        "/do": "a list may have 1000 tasks"
    }


def test_task_names_are_bounded() -> None:
    assert errors(workflow(("n" * 256, SET))) == {}
    assert list(errors(workflow(("n" * 257, SET))).values()) == ["a task needs a name of 1 to 256 characters"]
    assert errors(workflow(("", SET))) == {"/do/0/": "a task needs a name of 1 to 256 characters"}
