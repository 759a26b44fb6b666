"""`for` goes through items, one round after the other."""

import pytest

from tests.unit.core.driver import Driver, Task, Value, call_task, set_task
from tidemill.engine.core.events import RoundStarted
from tidemill.engine.core.settings import CoreSettings

NOTE = set_task("note", {"seen": "${ .seen + [[$index, $item]] }"})


def loop(items: Value, *tasks: Task, **members: Value) -> Task:
    names = {name: members.pop(name) for name in ("each", "at") if name in members}
    return {"loop": {"for": {"in": items, **names}, "do": list(tasks), **members}}


def test_each_round_gets_the_output_of_the_one_before() -> None:
    driver = Driver(loop(".items", NOTE)).start({"items": ["a", "b"]})
    assert driver.output == {"seen": [[0, "a"], [1, "b"]]}
    assert driver.names(RoundStarted) == ["loop", "loop"]


def test_the_variables_may_have_names() -> None:
    note = set_task("note", {"seen": "${ .seen + [[$i, $color]] }"})
    driver = Driver(loop("${ .items }", note, each="color", at="i")).start({"items": ["a"]})
    assert driver.output == {"seen": [[0, "a"]]}


def test_expressions_inside_an_inline_array_are_evaluated() -> None:
    driver = Driver(loop([{"n": "${ .n }"}, {"n": 2}], NOTE)).start({"n": 1})
    assert driver.output == {"seen": [[0, {"n": 1}], [1, {"n": 2}]]}


def test_no_items_pass_the_input_on() -> None:
    assert Driver(loop(".items", NOTE)).start({"items": []}).output == {"items": []}


def test_while_is_asked_before_each_round_with_its_item() -> None:
    driver = Driver(loop(".items", NOTE, **{"while": '$item != "stop" and $index < 5'}))
    assert driver.start({"items": ["a", "stop", "b"]}).output == {"seen": [[0, "a"]]}


def test_while_sees_the_data_so_far() -> None:
    driver = Driver(loop(".items", NOTE, **{"while": "(.seen | length) < 2"}))
    assert driver.start({"items": [1, 2, 3]}).output == {"seen": [[0, 1], [1, 2]]}


@pytest.mark.parametrize("items", [".missing", ".text", "${ {} }"])
def test_what_is_no_array_faults(items: str) -> None:
    driver = Driver(loop(items, NOTE)).start({"text": "abc"})
    assert driver.error.instance == "/do/0/loop"
    assert "array" in driver.error.detail


def test_a_while_that_fails_in_a_later_round_faults_the_loop() -> None:
    driver = Driver(loop(".items", NOTE, **{"while": "if $index > 0 then .seen + 1 else true end"}))
    driver.start({"items": [1, 2]})
    assert driver.error.instance == "/do/0/loop"


def test_exit_ends_the_round_and_end_the_workflow() -> None:
    leave = {"leave": {"switch": [{"out": {"when": "$index == 0", "then": "exit"}}]}}
    assert Driver(loop(".items", leave, NOTE)).start({"items": ["a", "b"]}).output == {"seen": [[1, "b"]]}
    end = {"leave": {"switch": [{"out": {"when": "$index == 1", "then": "end"}}]}}
    driver = Driver(loop(".items", NOTE, end), set_task("never", {}))
    assert driver.start({"items": ["a", "b", "c"]}).output == {"seen": [[0, "a"], [1, "b"]]}


def test_a_loop_in_a_loop_sees_both_items_and_hides_equal_names() -> None:
    note = set_task("note", {"seen": "${ .seen + [[$outer, $item, $index]] }"})
    inner = {"inner": {"for": {"in": "$outer"}, "do": [note]}}
    driver = Driver(loop(".rows", inner, each="outer")).start({"rows": [["a"], ["b", "c"]]})
    assert driver.output == {"seen": [[["a"], "a", 0], [["b", "c"], "b", 0], [["b", "c"], "c", 1]]}


def test_rounds_with_calls_wait_for_each() -> None:
    driver = Driver(loop(".items", call_task("ask", {"item": "${ $item }"}))).start({"items": [1, 2]})
    for item in (1, 2):
        call = driver.call_of("/do/0/loop/do/0/ask")
        assert call.arguments.value == {"item": item}
        driver.succeed(call.reference, {"answer": item})
    assert driver.output == {"answer": 2}


def test_a_round_without_tasks_costs_no_stack() -> None:
    driver = Driver(loop("[range(9000)]"), settings=CoreSettings(entries_per_command_max=10_000))
    assert driver.start({"a": 1}).output == {"a": 1}


def test_more_rounds_in_a_row_than_the_limits_allow_fault() -> None:
    limits = CoreSettings(entries_per_command_max=10, yields_in_a_row_max=3)
    driver = Driver(loop("[range(30)]", set_task("note", {"a": 1})), settings=limits).start().go_on()
    assert "entries_per_command_max" in driver.error.detail


def test_the_loop_variables_are_known_after_a_suspension() -> None:
    driver = Driver(loop(".items", call_task("ask"), NOTE)).start({"items": ["a"]})
    driver.suspend()
    driver.succeed("/do/0/loop/do/0/ask", {})
    driver.resume()
    assert driver.output == {"seen": [[0, "a"]]}
