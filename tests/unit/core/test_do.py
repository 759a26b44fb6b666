"""`do` and sequences: order, directives, nesting, and runs far longer than Python's stack."""

import pytest

from tests.unit.core.driver import Driver, Task, Value, call_task, set_task, wait_task
from tidemill.dsl import DocumentError
from tidemill.engine.core.events import TaskCompleted, TaskSkipped, TaskStarted
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.state import Phase

CIRCLES = CoreSettings(entries_per_command_max=10, yields_in_a_row_max=3)


def add(name: str, **members: Value) -> Task:
    return set_task(name, {"seen": f'${{ .seen + ["{name}"] }}'}, **members)


def test_tasks_run_in_their_order_each_on_the_output_of_the_one_before() -> None:
    driver = Driver({"all": {"do": [add("red"), add("green"), add("blue")]}}).start()
    assert driver.output == {"seen": ["red", "green", "blue"]}
    assert driver.names(TaskStarted) == ["all", "red", "green", "blue"]


def test_without_tasks_the_input_passes_on() -> None:
    assert Driver({"nothing": {"do": []}}).start({"a": 1}).output == {"a": 1}
    assert Driver().start({"a": 1}).output == {"a": 1}


def test_then_names_a_sibling_backwards_and_forwards() -> None:
    driver = Driver(add("red", then="green"), add("blue", then="end"), add("green", then="blue")).start()
    assert driver.output == {"seen": ["red", "green", "blue"]}


def test_exit_ends_the_list_that_it_stands_in_and_no_more() -> None:
    driver = Driver({"block": {"do": [add("one", then="exit"), add("never")]}}, add("after")).start()
    assert driver.output == {"seen": ["one", "after"]}


def test_exit_at_the_top_ends_the_workflow() -> None:
    assert Driver(add("one", then="exit"), add("never")).start().output == {"seen": ["one"]}


def test_end_ends_the_workflow_from_any_depth() -> None:
    inner = {"inner": {"do": [add("one", then="end"), add("never")]}}
    driver = Driver({"outer": {"do": [inner, add("never")]}}, add("never")).start()
    assert driver.output == {"seen": ["one"]}


def test_a_skipped_task_passes_its_input_on_and_its_then_does_not_count() -> None:
    driver = Driver(add("one"), add("never", **{"if": ".missing", "then": "end"}), add("two")).start()
    assert driver.output == {"seen": ["one", "two"]}
    assert driver.names(TaskSkipped) == ["never"]
    assert driver.names(TaskCompleted) == ["one", "two"]


@pytest.mark.parametrize("condition", ["false", "null", ".missing", "${ .a == 2 }"])
def test_false_null_and_missing_skip(condition: str) -> None:
    driver = Driver(set_task("never", {"b": 1}, **{"if": condition})).start({"a": 1})
    assert driver.output == {"a": 1}


@pytest.mark.parametrize("condition", ["true", "0", '""', "[]", "${ .a == 1 }"])
def test_everything_else_runs(condition: str) -> None:
    driver = Driver(set_task("once", {"b": 1}, **{"if": condition})).start({"a": 1})
    assert driver.output == {"b": 1}


def test_five_thousand_tasks_in_a_row_do_not_meet_the_stack() -> None:
    driver = Driver(*[set_task(f"t{index}", {"index": index}) for index in range(5_000)])
    assert driver.start().go_on().output == {"index": 4_999}


def test_a_long_run_of_jumps_does_not_meet_the_stack() -> None:
    loop = [
        set_task("count", {"n": "${ (.n // 0) + 1 }"}),
        {"again": {"switch": [{"more": {"when": ".n < 4000", "then": "count"}}]}},
    ]
    assert Driver(*loop).start().go_on().output == {"n": 4_000}


def test_a_run_in_a_circle_faults_with_the_name_of_the_limit() -> None:
    driver = Driver(set_task("again", {"a": 1}, then="again"), settings=CIRCLES).start().go_on()
    assert driver.error.status == 500
    assert "yields_in_a_row_max (3)" in driver.error.detail
    assert "entries_per_command_max (10)" in driver.error.detail
    # 10 in each of 4 turns, and the last one, which faulted.
    assert len(driver.names(TaskStarted)) == 41
    assert driver.error.instance == "/do/0/again"


def test_no_try_catches_a_run_in_a_circle() -> None:
    circle = set_task("again", {"a": 1}, then="again")
    task: Task = {"try": {"try": [circle], "catch": {"do": [circle]}}}
    driver = Driver(task, settings=CIRCLES).start().go_on()
    assert "entries_per_command_max" in driver.error.detail


def test_an_operator_may_retry_a_run_in_a_circle() -> None:
    driver = Driver(set_task("again", {"a": 1}, then="again"), settings=CIRCLES).start().go_on()
    driver.retry()
    assert driver.phase is Phase.RUNNING
    assert "entries_per_command_max" in driver.go_on().error.detail


def test_a_wait_in_a_circle_is_no_run_in_a_circle() -> None:
    driver = Driver(wait_task("tick", 1, then="tick")).start()
    driver.checks = False
    for _ in range(50):
        driver.fire_next()
    assert driver.phase is Phase.WAITING


def test_nested_blocks_hand_data_down_and_up() -> None:
    inner = {"inner": {"do": [call_task("ask", {"n": "${ .n }"}), add("last")]}}
    driver = Driver({"outer": {"do": [set_task("first", {"n": 5}), inner]}}).start()
    call = driver.call_of("/do/0/outer/do/1/inner/do/0/ask")
    assert call.arguments.value == {"n": 5}
    driver.succeed(call.reference, {"seen": ["x"]})
    assert driver.output == {"seen": ["x", "last"]}


def test_expressions_of_one_command_share_a_budget() -> None:
    costly = "${ [limit(900; range(1e9))] | length }"
    limits = CoreSettings(operations_per_command_max=100_000)
    driver = Driver(set_task("count", costly, then="count"), settings=limits).start()
    assert list(driver.state.yielded) == ["/do/0/count"]
    assert len(driver.events) < 1_000


def test_a_task_that_alone_costs_more_than_a_command_may_faults() -> None:
    costly = "${ [limit(900; range(1e9))] | length }"
    limits = CoreSettings(operations_per_command_max=800)
    driver = Driver(set_task("count", costly), settings=limits).start()
    assert driver.error.type.endswith("/errors/expression")


def test_what_one_command_makes_is_bounded_in_all() -> None:
    limits = CoreSettings(bytes_per_command_max=100_000)
    driver = Driver(set_task("make", {"text": "x" * 1_000}, then="make"), settings=limits).start()
    assert list(driver.state.yielded) == ["/do/0/make"]
    assert len(driver.events) < 250


def test_a_task_that_alone_makes_more_than_a_command_may_faults() -> None:
    limits = CoreSettings(bytes_per_command_max=100_000)
    driver = Driver(set_task("make", {"text": "x" * 100_000}), settings=limits).start()
    assert "bytes_per_command_max (100000)" in driver.error.detail


@pytest.mark.parametrize(
    "task",
    [
        set_task("it", 1, then="nobody"),
        {"it": {"switch": [{"case": {"when": "true", "then": "nobody"}}]}},
        {"it": {"switch": [{"case": {"then": "nobody"}}]}},
        {"it": {"try": [], "catch": {"then": "nobody"}}},
        {"it": {"do": [], "then": "nobody"}},
    ],
)
def test_a_task_that_does_not_stand_beside_is_refused_when_the_plan_is_compiled(task: Task) -> None:
    with pytest.raises(DocumentError) as refused:
        Driver(task, {"other": {"do": [set_task("nobody", 1)]}})
    assert refused.value.problems[0].pointer == "/do/0/it"


@pytest.mark.parametrize("task", [{"it": {"dance": {}}}, {"it": 5}, {"one": {"do": []}, "two": {"do": []}}])
def test_what_is_no_task_that_can_run_is_refused_when_the_plan_is_compiled(task: Task) -> None:
    with pytest.raises(DocumentError):
        Driver(task)
