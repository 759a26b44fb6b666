"""`switch` chooses where to go on."""

import pytest

from tests.unit.core.driver import Driver, Value, set_task


def choosing(*cases: tuple[str | None, str], **members: Value) -> Driver:
    switch: list[Value] = [
        {f"case{index}": {"then": then} if when is None else {"when": when, "then": then}}
        for index, (when, then) in enumerate(cases)
    ]
    ends = [set_task(color, {"color": color}, then="end") for color in ("red", "green", "blue")]
    return Driver({"choose": {"switch": switch, **members}}, *ends)


@pytest.mark.parametrize("color", ["red", "green"])
def test_the_first_case_that_holds_decides(color: str) -> None:
    driver = choosing(('.color == "red"', "red"), ('${ .color == "green" }', "green"), ("true", "blue"))
    assert driver.start({"color": color}).output == {"color": color}


def test_the_default_is_taken_when_no_case_holds_wherever_it_stands() -> None:
    assert choosing((None, "blue"), ("false", "red")).start().output == {"color": "blue"}
    assert choosing((None, "blue"), ("true", "red")).start().output == {"color": "red"}


def test_without_a_match_and_a_default_the_tasks_own_then_counts() -> None:
    assert choosing(("false", "red"), then="end").start({"a": 1}).output == {"a": 1}


def test_without_a_match_a_default_and_a_then_the_next_task_follows() -> None:
    assert choosing(("false", "green")).start().output == {"color": "red"}


def test_a_case_may_go_on_or_end() -> None:
    assert choosing(("true", "continue"), then="end").start().output == {"color": "red"}
    assert choosing(("true", "end")).start({"a": 1}).output == {"a": 1}


def test_a_case_that_cannot_be_evaluated_faults_the_switch() -> None:
    assert choosing((".a + {}", "red")).start({"a": 1}).error.instance == "/do/0/choose"
