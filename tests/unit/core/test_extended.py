"""Extensions of `use.extensions`: tasks before and after the tasks of a document."""

import pytest

from tests.unit.core.driver import Task, Value, raise_task, set_task, wait_task
from tests.unit.core.extensions import add, around, extended, extension, seen
from tidemill.engine.core.events import RoundStarted, TaskSkipped, TaskStarted


def test_tasks_run_before_and_after_each_on_the_data_of_the_one_before() -> None:
    driver = extended(add("one"), add("two"), by=[around("log", "set")]).start()
    assert driver.output == seen("log<", "one", "log>", "log<", "two", "log>")
    started = [event.reference for event in driver.events if isinstance(event, TaskStarted)]
    assert started[:4] == [
        "/do/0/one",
        "/do/0/one/use/extensions/0/log/before/0/log<",
        "/do/0/one/extended/0/one",
        "/do/0/one/use/extensions/0/log/after/0/log>",
    ]


def test_other_kinds_are_left_alone() -> None:
    driver = extended(add("one"), by=[around("log", "call")]).start()
    assert driver.output == seen("one")
    assert driver.names(TaskStarted) == ["one"]


def test_several_extensions_apply_in_their_order() -> None:
    by = [around("a", "set"), extension("empty", "set"), around("b", "all"), around("c", "do")]
    assert extended(add("one"), by=by).start().output == seen("a<", "b<", "one", "a>", "b>")


def test_the_output_of_the_tasks_before_is_the_input_of_the_task() -> None:
    task = {"it": {"input": {"from": ".inner"}, "set": {"got": "${ . }", "raw": "${ $task.input }"}}}
    by = [extension("wrap", "set", before=[set_task("wrap", {"inner": "${ .n }"})])]
    assert extended(task, by=by).start({"n": 1}).output == {"got": 1, "raw": {"inner": 1}}


def test_the_tasks_after_run_on_the_transformed_output() -> None:
    task = {"it": {"set": {"n": 1}, "output": {"as": ".n"}, "export": {"as": "{n: .}"}}}
    by = [extension("wrap", "set", after=[set_task("wrap", {"got": "${ . }", "context": "${ $context }"})])]
    assert extended(task, by=by).start().output == {"got": 1, "context": {"n": 1}}


MOCK = extension(
    "mock",
    "call",
    when='$task.with.endpoint | startswith("https://mocked.")',
    before=[set_task("mocked", {"mocked": True}, then="exit")],
    after=[add("never")],
)


def http(endpoint: Value, **members: Value) -> Task:
    return {"ask": {"call": "http", "with": {"method": "get", "endpoint": endpoint}, **members}}


def test_exit_before_a_task_leaves_it_with_what_was_produced() -> None:
    ask = http(
        "https://mocked.example.com", output={"as": ".never"}, export={"as": "{never: 1}"}, then="last"
    )
    driver = extended(ask, set_task("passed", {}), add("last", output={"as": "$input"}), by=[MOCK]).start()
    assert driver.output == {"mocked": True}
    assert driver.all_calls == []


@pytest.mark.parametrize("endpoint", ["https://real.example.com", {"uri": "https://mocked.example.com"}])
def test_a_condition_that_is_false_or_fails_on_a_task_does_not_hold(endpoint: Value) -> None:
    driver = extended(http(endpoint), by=[MOCK]).start()
    driver.succeed("/do/0/ask/extended/0/ask", "real")
    assert driver.output == "real"


MOCKED = "https://mocked.example.com"
EITHER_FORM = " or ".join(
    f'({endpoint} != null and ({endpoint} | startswith("{MOCKED}")))'
    for endpoint in ("$task.with.endpoint", "$task.with.endpoint.uri")
)


@pytest.mark.parametrize(
    ("endpoint", "is_mocked"),
    [(MOCKED, True), ({"uri": MOCKED}, True), ("https://a.b", False), ({"uri": "https://a.b"}, False)],
)
def test_each_side_of_or_counts_by_itself(endpoint: Value, is_mocked: bool) -> None:
    mock = extension("mock", "call", when=EITHER_FORM, before=[set_task("mocked", 1, then="exit")])
    driver = extended(http(endpoint), by=[mock]).start()
    assert (driver.all_calls == []) == is_mocked


def test_a_condition_over_its_budget_is_an_error() -> None:
    by = [extension("dear", "set", when="[range(1e12)] | length > 0", before=[add("never")])]
    error = extended(add("one"), by=by).start().error
    assert (error.status, error.instance) == (400, "/do/0/one")


def test_conditions_see_the_task_its_input_and_the_context() -> None:
    when = '$task.name == "two" and $task.set.seen != null and $input.seen[0] == . .seen[0] and $context.on'
    by = [around("log", "set", when=when.replace(". .", "."))]
    driver = extended(add("one", export={"as": "{on: true}"}), add("two"), add("three"), by=by)
    assert driver.start().output == seen("one", "log<", "two", "log>", "three")


def test_a_condition_is_asked_once_on_entry() -> None:
    by = [around("log", "set", when="$context.off == null")]
    assert extended(add("one", export={"as": "{off: 1}"}), add("two"), by=by).start().output == seen(
        "log<", "one", "log>", "two"
    )


def test_extensions_see_the_extended_task_and_none_of_its_variables() -> None:
    tells = {"name": "${ $task.name }", "at": "${ $task.reference }", "input": "${ $task.input }"}
    note = {"inside": {"do": [set_task("note", {**tells, "asks": "${ $task.with }", "item": "${ .item }"})]}}
    call = {"call": "work:1.0.0", "with": "${ $item }"}
    loop = {"loop": {"for": {"in": ".items"}, "do": [{"ask": call}]}}
    driver = extended(loop, by=[extension("log", "call", before=[note])]).start({"items": [1]})
    assert driver.call_of("/do/0/loop/do/0/ask/extended/0/ask").arguments.value == 1
    assert driver.state.frames["/do/0/loop/do/0/ask/extended/0/ask"].raw_input.value == {
        "name": "ask",
        "at": "/do/0/loop/do/0/ask",
        "input": {"items": [1]},
        "asks": "${ $item }",
        "item": None,
    }
    by = [extension("log", "call", before=[set_task("note", {"item": "${ $item }"}, then="exit")])]
    assert extended(loop, by=by).start({"items": [1]}).output == {"item": None}


def test_the_task_keeps_its_reference_for_itself_and_for_errors() -> None:
    task = set_task(
        "it", {"at": "${ $task.reference }", "whole": "${ $task.definition | keys }"}, **{"if": "true"}
    )
    driver = extended(task, by=[around("log", "set", when="false")]).start()
    assert driver.output == {"at": "/do/0/it", "whole": ["if", "set"]}
    block = {"block": {"do": [raise_task("no")]}}
    assert extended(block, by=[around("log", "all")]).start().error.instance == "/do/0/block/do/0/no"
    by = [extension("log", "set", before=[raise_task("no")])]
    error = extended(add("it"), by=by).start().error
    assert error.instance == "/do/0/it/use/extensions/0/log/before/0/no"


def test_a_skipped_task_is_not_extended() -> None:
    driver = extended(add("it", **{"if": ".missing"}), by=[around("log", "set")]).start({"a": 1})
    assert driver.output == {"a": 1}
    assert driver.names(TaskSkipped) == ["it"]


def test_tasks_of_extensions_are_extended_by_none() -> None:
    by = [around("a", "all"), around("b", "all", when="true")]
    assert extended(add("one"), by=by).start().output == seen("a<", "b<", "one", "a>", "b>")


def test_tasks_of_functions_are_extended_unless_extensions_call_them() -> None:
    note = {"note": {"call": "f", "with": "${ . }"}}
    by = [extension("log", "set", before=[note])]
    driver = extended({"it": {"call": "f"}}, by=by, functions={"f": add("f")["f"]}).start()
    assert driver.output == seen("f", "f")
    started = [event.reference for event in driver.events if isinstance(event, TaskStarted)]
    function = "/do/0/it/use/functions/f"
    before = f"{function}/use/extensions/0/log/before/0/note"
    itself = f"{function}/extended/0/f"
    assert started == ["/do/0/it", function, before, f"{before}/use/functions/f", itself]


def test_composites_are_extended_as_a_whole_and_their_tasks_by_their_own_kinds() -> None:
    block = {"block": {"do": [add("one"), {"inner": {"do": [add("two")]}}]}}
    driver = extended(block, by=[around("c", "composite"), around("s", "set")]).start()
    assert driver.output == seen("c<", "s<", "one", "s>", "c<", "s<", "two", "s>", "c>", "c>")


CHOOSE: Task = {
    "choose": {
        "switch": [
            {"far": {"when": '.to == "far"', "then": "far"}},
            {"over": {"when": '.to == "over"', "then": "end"}},
            {"out": {"when": '.to == "out"', "then": "exit"}},
            {"on": {"when": '.to == "on"', "then": "continue"}},
        ],
        "then": "own",
    }
}


@pytest.mark.parametrize(
    ("to", "names"),
    [("far", "far"), ("over", ""), ("out", "behind"), ("on", "next own far behind"), ("", "own far behind")],
)
@pytest.mark.parametrize("paused", [True, False])
def test_where_a_task_goes_on_is_kept_while_the_tasks_after_it_run(to: str, names: str, paused: bool) -> None:
    def visit(name: str, **members: Value) -> Task:
        return set_task(name, f'${{ . + {{seen: ((.seen // []) + ["{name}"])}} }}', **members)

    after = [wait_task("pause", 1), visit("after")] if paused else [visit("after")]
    block = {"block": {"do": [CHOOSE, visit("next"), visit("own"), visit("far")]}}
    driver = extended(block, visit("behind"), by=[extension("log", "switch", after=after)])
    driver.start({"to": to})
    if paused:
        driver.fire_next()
    expected = ["after", *names.split()]
    expected += ["behind"] if to == "far" else []
    assert driver.output == {"to": to, "seen": expected}


def test_end_and_names_of_the_task_itself_count_after_the_tasks_after_it() -> None:
    driver = extended(add("one", then="end"), add("never"), by=[around("log", "set")]).start()
    assert driver.output == seen("log<", "one", "log>")
    driver = extended(add("one", then="three"), add("two"), add("three"), by=[extension("e", "wait")]).start()
    assert driver.output == seen("one", "three")
    assert driver.names(RoundStarted) == []


def test_end_in_an_extension_ends_the_workflow_and_exit_after_a_task_leaves_it() -> None:
    by = [extension("log", "set", before=[add("stop", then="end")])]
    assert extended(add("never"), add("never"), by=by).start().output == seen("stop")
    by = [extension("a", "set", after=[add("out", then="exit"), add("never")]), around("b", "set")]
    assert extended(add("one"), by=by).start().output == seen("b<", "one", "out")


def test_branches_and_handlers_can_be_extended() -> None:
    fork = {"both": {"fork": {"branches": [add("left"), add("right")]}}}
    assert extended(fork, by=[around("log", "set")]).start({"seen": ["in"]}).output == [
        seen("in", "log<", "left", "log>"),
        seen("in", "log<", "right", "log>"),
    ]
    careful = {"careful": {"try": [raise_task("no")], "catch": {"then": "last", "do": [add("note")]}}}
    by = [around("log", "try"), extension("r", "raise", before=[add("r")])]
    driver = extended(careful, add("never"), add("last"), by=by).start({"seen": []})
    assert driver.output == seen("log<", "note", "log>", "last")


def test_a_wait_until_a_past_time_leaves_the_list_of_the_extended_task() -> None:
    past = {"call": "waitUntil:1.0.0@default", "with": {"at": "2001-01-01T00:00:00Z", "pastDue": "skip"}}
    block = {"block": {"do": [{"until": past}, add("never")]}}
    assert extended(block, add("last"), by=[around("log", "call")]).start().output == seen(
        "log<", "log>", "last"
    )
