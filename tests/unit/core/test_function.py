"""Functions of `use.functions`: one task, called from wherever it is needed."""

import pytest

from tests.unit.core.driver import Driver, Task, Value, call_task, raise_task, set_task, wait_task
from tidemill.dsl import DocumentError
from tidemill.engine.core.commands import FireTimer
from tidemill.engine.core.events import TaskCompleted, TaskStarted
from tidemill.engine.core.state import Phase

NEEDS_PET = {"document": {"type": "object", "required": ["petId"]}}


def calling(name: str, function: str, given: Value = None, **members: Value) -> Task:
    definition: Task = {"call": function, **members}
    return {name: definition if given is None else {**definition, "with": given}}


def using(*tasks: Task, **functions: Value) -> Driver:
    return Driver(*tasks, use={"functions": functions})


def test_the_arguments_are_the_input_and_the_output_is_that_of_the_call() -> None:
    driver = using(
        calling("getPet", "getPetById", {"petId": "${ .id }"}),
        set_task("name", "${ .name }"),
        getPetById={"input": {"schema": NEEDS_PET}, "call": "work:1.0.0", "with": "${ . }"},
    ).start({"id": 69, "secret": True})
    call = driver.call_of("/do/0/getPet/use/functions/getPetById")
    assert call.arguments.value == {"petId": 69}
    driver.succeed(call.reference, {"name": "Rex"})
    assert driver.output == "Rex"
    assert driver.names(TaskStarted) == ["getPet", "getPetById", "name"]
    assert driver.names(TaskCompleted) == ["getPetById", "getPet", "name"]


def test_without_arguments_the_input_is_an_empty_object() -> None:
    assert using(calling("it", "f"), f={"set": {"got": "${ . }"}}).start({"a": 1}).output == {"got": {}}


def test_arguments_that_the_schema_refuses_are_an_error_of_the_function() -> None:
    driver = using(calling("getPet", "f", {"id": 69}), f={"input": {"schema": NEEDS_PET}, "set": {}})
    error = driver.start().error
    assert error.type.endswith("/validation")
    assert error.instance == "/do/0/getPet/use/functions/f"


def test_arguments_that_fail_are_an_error_of_the_call() -> None:
    error = using(calling("it", "f", {"a": "${ 1 + {} }"}), f={"set": {}}).start().error
    assert (error.status, error.instance) == (400, "/do/0/it")


def test_arguments_are_evaluated_where_the_call_stands() -> None:
    call = calling("one", "f", {"item": "${ $item }", "task": "${ $task.name }", "seen": "${ .seen }"})
    loop = {"loop": {"for": {"in": ".items"}, "do": [call]}}
    note = {"set": {"seen": '${ (.seen // "") + "\\(.item)\\(.task)" }'}}
    assert using(loop, f=note).start({"items": [1, 2]}).output == {"seen": "1one2one"}


def test_a_function_sees_the_context_and_no_variable_of_its_callers() -> None:
    loop = {"loop": {"for": {"in": "[1]"}, "do": [calling("one", "f", export={"as": "{seen: .}"})]}}
    seen = {"set": {"name": "${ $task.name }", "at": "${ $task.reference }", "context": "${ $context }"}}
    driver = using(loop, calling("two", "f"), f=seen).start()
    at = "/do/0/loop/do/0/one/use/functions/f"
    first = {"name": "f", "at": at, "context": {}}
    assert driver.output == {"name": "f", "at": "/do/1/two/use/functions/f", "context": {"seen": first}}
    assert using(loop, f={"set": {"item": "${ $item }"}}).start().output == {"item": None}


@pytest.mark.parametrize(("given", "was"), [({}, {"n": 1, "m": 2}), ({"from": ".n"}, 1)])
def test_output_and_export_of_the_call_see_its_own_input(given: Task, was: Value) -> None:
    call = calling(
        "it",
        "f",
        {"n": 5},
        input=given,
        output={"as": "{got: ., was: $input, raw: $task.input}"},
        export={"as": "$input"},
    )
    driver = using(
        call, set_task("all", {"out": "${ . }", "context": "${ $context }"}), f=call_task("f")["f"]
    )
    driver.start({"n": 1, "m": 2})
    driver.succeed("/do/0/it/use/functions/f", "done")
    assert driver.output == {"out": {"got": "done", "was": was, "raw": {"n": 1, "m": 2}}, "context": was}


def test_common_properties_of_the_function_hold() -> None:
    function = {
        "input": {"from": ".deep"},
        "set": {"twice": "${ .n * 2 }", "given": "${ $task.input }"},
        "output": {"as": "{twice, given, was: $input}"},
        "export": {"as": "{twice: .twice}"},
    }
    driver = using(
        calling("it", "f", {"deep": {"n": 4}}), set_task("all", "${ . + $context }"), f=function
    ).start()
    assert driver.output == {"twice": 8, "given": {"deep": {"n": 4}}, "was": {"n": 4}}


def test_a_function_that_is_skipped_gives_its_arguments() -> None:
    assert using(calling("it", "f", {"a": 1}), f={"if": ".b", "set": {}}).start().output == {"a": 1}


def test_the_common_properties_of_the_call_hold() -> None:
    driver = using(
        calling("never", "f", {"n": 1}, **{"if": ".missing", "then": "end"}),
        calling("it", "f", {"n": 2}, output={"as": ".n"}, then="last"),
        set_task("passed", {}),
        set_task("last", {"n": "${ . }"}),
        f={"set": "${ . }"},
    )
    assert driver.start().output == {"n": 2}


def test_exit_leaves_the_function_and_end_the_workflow() -> None:
    leaves = {"do": [set_task("a", {"a": 1}, then="exit"), set_task("never", {})], "then": "exit"}
    assert using(calling("it", "f"), set_task("b", "${ . + {b: 1} }"), f=leaves).start().output == {
        "a": 1,
        "b": 1,
    }
    ends = {"do": [set_task("a", {"a": 1}, then="end"), set_task("never", {})]}
    assert using(calling("it", "f"), set_task("never", {}), f=ends).start().output == {"a": 1}


def test_an_unknown_way_out_of_a_function_is_refused() -> None:
    with pytest.raises(DocumentError, match="no task `next`"):
        using(calling("it", "f"), set_task("next", {}), f={"set": {}, "then": "next"})


def test_functions_call_functions() -> None:
    inner = {"set": {"sum": "${ .a + .b }"}}
    outer = {
        "do": [calling("add", "inner", {"a": "${ .n }", "b": 1}), calling("more", "inner", {"a": 1, "b": 2})]
    }
    driver = using(calling("it", "outer", {"n": 1}), inner=inner, outer=outer).start()
    assert driver.output == {"sum": 3}
    started = [event.reference for event in driver.events if isinstance(event, TaskStarted)]
    below = "/do/0/it/use/functions/outer"
    assert started[1:4] == [below, f"{below}/do/0/add", f"{below}/do/0/add/use/functions/inner"]


def test_each_use_of_a_function_has_keys_of_its_own() -> None:
    branches = [calling("left", "f"), calling("right", "f")]
    driver = using({"both": {"fork": {"branches": branches}}}, calling("third", "f"), f=call_task("f")["f"])
    driver.start()
    for side in ("0/left", "1/right"):
        driver.succeed(f"/do/0/both/fork/branches/{side}/use/functions/f", side)
    driver.succeed("/do/1/third/use/functions/f", "third")
    assert driver.output == "third"
    assert len({call.key for call in driver.all_calls}) == 3


def test_rounds_and_jumps_have_keys_of_their_own_and_retries_keep_theirs() -> None:
    loop = {"loop": {"for": {"in": "[1, 2]"}, "do": [calling("one", "f")]}}
    catch = {"retry": {"limit": {"attempt": {"count": 1}}}}
    careful = {"careful": {"try": [loop], "catch": catch}}
    again = {"again": {"switch": [{"more": {"when": ". == 1", "then": "careful"}}]}}
    driver = using(careful, again, f=call_task("f")["f"]).start()
    at = "/do/0/careful/try/0/loop/do/0/one/use/functions/f"
    driver.succeed(at, 0)
    driver.fail(at)
    for output in (0, 1, 0, 2):
        driver.succeed(at, output)
    assert driver.output == 2
    keys = [(call.key.partition("#")[2], call.attempt) for call in driver.all_calls]
    assert keys == [("1.1.1", 1), ("1.2.1", 1), ("1.1.1", 2), ("1.2.1", 2), ("2.1.1", 1), ("2.2.1", 1)]


def test_an_error_of_a_function_is_caught_around_the_call() -> None:
    catch = {"as": "why", "do": [set_task("note", {"at": "${ $why.instance }"})]}
    careful = {"careful": {"try": [calling("it", "f")], "catch": catch}}
    driver = using(careful, f={"do": [raise_task("no", 418)]}).start()
    assert driver.output == {"at": "/do/0/careful/try/0/it/use/functions/f/do/0/no"}


def test_a_function_may_catch_and_retry_by_itself() -> None:
    policy = {"delay": {"seconds": 1}, "limit": {"attempt": {"count": 1}}}
    function = {"try": [call_task("ask")], "catch": {"retry": policy, "do": [set_task("none", {"none": 1})]}}
    driver = using(calling("it", "f"), f=function).start()
    at = "/do/0/it/use/functions/f/try/0/ask"
    driver.fail(at)
    driver.fire_next()
    driver.fail(at)
    assert driver.output == {"none": 1}


@pytest.mark.parametrize("limited", ["call", "function"])
def test_timeouts_of_the_call_and_of_the_function_end_what_is_under_way(limited: str) -> None:
    timeout = {"timeout": {"after": {"seconds": 5}}}
    of_call, of_function = (timeout, {}) if limited == "call" else ({}, timeout)
    driver = using(calling("it", "f", **of_call), f={"call": "work:1.0.0", **of_function}).start()
    driver.fire_next()
    assert driver.error.status == 408
    assert driver.error.instance == ("/do/0/it" if limited == "call" else "/do/0/it/use/functions/f")
    assert len(driver.cancellations) == 1


def test_a_cancelled_execution_cancels_the_call_of_a_function() -> None:
    driver = using(calling("it", "f"), f=call_task("f")["f"]).start()
    driver.cancel()
    assert driver.phase is Phase.CANCELLED
    assert [key.partition(":")[2] for key, _ in driver.cancellations] == ["/do/0/it/use/functions/f#1"]


def test_an_operators_retry_goes_on_inside_the_function() -> None:
    function = {"do": [call_task("ask", "${ . }"), call_task("tell", "${ . }")]}
    driver = using(calling("it", "f", {"n": "${ .n }"}), f=function).start({"n": 1})
    driver.succeed("/do/0/it/use/functions/f/do/0/ask", {"n": 2})
    driver.fail("/do/0/it/use/functions/f/do/1/tell")
    driver.retry()
    call = driver.call_of("/do/0/it/use/functions/f/do/1/tell")
    assert (call.arguments.value, call.attempt) == ({"n": 2}, 2)
    driver.succeed(call.reference, "told")
    assert driver.output == "told"


def test_an_operators_retry_asks_for_the_arguments_again() -> None:
    driver = using(calling("it", "f", "${ $context.given | keys }"), f={"set": {}}).start()
    assert driver.error.status == 400
    driver.retry()
    assert driver.error.status == 400


def test_a_function_waits_through_a_suspension() -> None:
    driver = using(calling("it", "f", {"n": 1}), f={"do": [wait_task("pause", 60), set_task("n", "${ .n }")]})
    driver.start()
    driver.suspend()
    (timer,) = driver.timers
    driver.now_us = driver.timers[timer]
    driver.command(FireTimer(timer))
    driver.resume()
    assert driver.output == 1
