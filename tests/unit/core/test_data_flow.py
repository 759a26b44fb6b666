"""Data flow: transformations, schemas and variables, in the DSL's exact order."""

import pytest

from tests.unit.core.driver import EXECUTION_ID, START_US, Driver, Task, Value, call_task, set_task
from tidemill.dsl import DocumentError
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.events import ActionState, TaskCompleted, TaskSkipped, TaskStarted
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.state import Phase
from tidemill.expressions import compile_template
from tidemill.json import JsonError


def schema(*required: str) -> Value:
    return {"document": {"type": "object", "required": list(required)}}


def test_the_workflows_input_is_transformed_before_the_first_task() -> None:
    driver = Driver(call_task("see", "${ {input: ., raw: $workflow.input} }"), input={"from": ".inner"})
    driver.start({"inner": {"a": 1}})
    assert driver.call_of("/do/0/see").arguments.value == {"input": {"a": 1}, "raw": {"inner": {"a": 1}}}


def test_no_input_is_an_empty_object() -> None:
    assert Driver(set_task("see", "${ $input }")).start().output == {}


def test_an_input_against_its_schema_faults_the_execution_before_any_task() -> None:
    driver = Driver(set_task("never", 1), input={"schema": schema("name")}).start({"a": 1})
    assert driver.error.type.endswith("/errors/validation")
    assert (driver.error.status, driver.error.instance) == (400, "/input")
    assert '"name"' in driver.error.detail
    assert not driver.names(TaskStarted)


def test_the_workflows_schema_sees_the_raw_input() -> None:
    settings: Value = {"schema": schema("inner"), "from": ".inner"}
    assert Driver(set_task("see", "${ . }"), input=settings).start({"inner": 5}).output == 5


def test_an_input_that_cannot_be_transformed_faults_the_execution() -> None:
    driver = Driver(set_task("never", 1), input={"from": ". + 1"}).start({"a": 1})
    assert driver.error.type.endswith("/errors/expression")


def test_the_workflows_output_is_transformed_and_then_validated() -> None:
    output: Value = {"as": "{result: ., context: $context}", "schema": schema("result")}
    driver = Driver(set_task("make", 5, export={"as": "{n: .}"}), output=output).start()
    assert driver.output == {"result": 5, "context": {"n": 5}}
    refused = Driver(set_task("make", 5), output={"as": "{other: .}", "schema": schema("result")}).start()
    assert (refused.error.status, refused.error.instance) == (400, "/output")


def test_if_sees_the_raw_input_before_anything_else() -> None:
    members: Task = {"if": ".raw", "input": {"schema": schema("never"), "from": ".never"}}
    driver = Driver(set_task("skip", 1, **members)).start({"raw": False})
    assert driver.names(TaskSkipped) == ["skip"]
    assert driver.output == {"raw": False}


def test_an_if_that_fails_faults_the_task() -> None:
    assert Driver(set_task("it", 1, **{"if": ". + 1"})).start({"a": 1}).error.instance == "/do/0/it"


def test_a_tasks_schema_sees_its_raw_input_and_its_definition_the_transformed_one() -> None:
    given: Value = {"schema": schema("inner"), "from": ".inner"}
    value = {"dot": "${ . }", "input": "${ $input }", "raw": "${ $task.input }"}
    driver = Driver(set_task("see", value, input=given)).start({"inner": 5})
    assert driver.output == {"dot": 5, "input": 5, "raw": {"inner": 5}}


def test_an_input_may_be_made_by_a_template() -> None:
    driver = Driver(set_task("see", "${ . }", input={"from": {"a": "${ .n }", "b": ".n"}})).start({"n": 1})
    assert driver.output == {"a": 1, "b": ".n"}


def test_a_tasks_input_against_its_schema_faults_it() -> None:
    driver = Driver(set_task("it", 1, input={"schema": schema("name")})).start({"a": 1})
    assert driver.error.type.endswith("/errors/validation")
    assert driver.error.instance == "/do/0/it"


def test_an_output_is_transformed_on_the_raw_output_with_the_input_at_hand() -> None:
    output: Value = {"as": "{raw: ., input: $input, same: ($task.output == .)}"}
    driver = Driver(call_task("ask", input={"from": ".n"}, output=output)).start({"n": 5})
    driver.succeed("/do/0/ask", 7)
    assert driver.output == {"raw": 7, "input": 5, "same": True}


def test_an_output_against_its_schema_faults_the_task_after_its_action() -> None:
    driver = Driver(call_task("ask", output={"schema": schema("id")})).start()
    driver.succeed("/do/0/ask", {"name": 1})
    assert driver.error.type.endswith("/errors/validation")
    assert driver.error.instance == "/do/0/ask"


def test_export_sees_the_transformed_output_and_replaces_the_context() -> None:
    first = set_task(
        "one", 5, output={"as": "{n: .}"}, export={"as": "{dot: ., out: $output, old: $context}"}
    )
    driver = Driver(
        first,
        set_task("two", 6, export={"as": "{now: ., before: $context.dot.n}"}),
        set_task("see", "${ $context }"),
    )
    assert driver.start().output == {"now": 6, "before": 5}


def test_export_may_be_a_template() -> None:
    driver = Driver(
        set_task("one", {"a": 1}, export={"as": {"kept": "${ .a }"}}), set_task("see", "${ $context }")
    )
    assert driver.start().output == {"kept": 1}


def test_without_export_the_context_stays() -> None:
    driver = Driver(
        set_task("one", 1, export={"as": "{n: 1}"}), set_task("two", 2), set_task("see", "${ $context }")
    )
    assert driver.start().output == {"n": 1}


def test_the_context_begins_empty() -> None:
    assert Driver(set_task("see", "${ $context }")).start({"a": 1}).output == {}


def test_an_export_against_its_schema_faults_and_leaves_the_context() -> None:
    bad = set_task("bad", 1, export={"as": "{n: .}", "schema": schema("name")})
    driver = Driver({"try": {"try": [bad], "catch": {"do": [set_task("see", "${ $context }")]}}}).start()
    assert driver.output == {}


def test_what_equals_its_source_is_not_stored_again() -> None:
    driver = Driver(call_task("ask")).start({"a": 1})
    driver.succeed("/do/0/ask", {"b": 1})
    started = next(event for event in driver.events if isinstance(event, TaskStarted))
    completed = next(event for event in driver.events if isinstance(event, TaskCompleted))
    assert (started.input, completed.output, completed.context) == (None, None, None)


def test_the_descriptors() -> None:
    value = {
        "task": "${ $task | del(.definition) }",
        "workflow": "${ $workflow | del(.definition) }",
        "runtime": "${ $runtime }",
    }
    driver = Driver(set_task("see", value, metadata={"a": 1})).start({"n": 1})
    started: Value = {
        "iso8601": "2023-11-14T22:13:20Z",
        "epoch": {"seconds": START_US // 1_000_000, "milliseconds": START_US // 1_000},
    }
    assert driver.output == {
        "task": {"name": "see", "reference": "/do/0/see", "input": {"n": 1}, "startedAt": started},
        "workflow": {"id": EXECUTION_ID, "input": {"n": 1}, "startedAt": started},
        "runtime": {"name": "tidemill", "version": "0.1.0", "metadata": {}},
    }


def test_the_descriptors_hold_the_definitions() -> None:
    value = {"mine": "${ $task.definition.metadata.a }", "name": "${ $workflow.definition.document.name }"}
    assert Driver(set_task("see", value, metadata={"a": 1})).start().output == {"mine": 1, "name": "orders"}


def test_a_task_that_waited_still_knows_when_it_started() -> None:
    driver = Driver(call_task("ask", output={"as": "$task.startedAt.epoch.seconds"})).start()
    driver.now_us += 60_000_000
    driver.succeed("/do/0/ask", 1)
    assert driver.output == START_US // 1_000_000


def test_there_is_no_authorization_yet() -> None:
    assert Driver(set_task("see", {"a": "${ $authorization }"})).start().output == {"a": None}


def test_a_secret_that_does_not_exist_is_an_authorization_error() -> None:
    assert Driver(set_task("see", "${ $secrets.a }")).start().error.status == 403


def test_now_is_the_steps_recorded_time() -> None:
    driver = Driver(call_task("ask"), set_task("see", "${ now }")).start()
    driver.now_us += 5_000_000
    driver.succeed("/do/0/ask")
    assert driver.output == START_US // 1_000_000 + 5


@pytest.mark.parametrize(
    "members",
    [
        {"output": {"schema": {"document": {"type": "nothing"}}}},
        {"input": {"schema": {"resource": {"endpoint": "https://example.com/"}}}},
        {"export": {"as": ".("}},
        {"timeout": "nobody"},
        {"timeout": {"after": "P1M"}},
    ],
)
def test_what_cannot_be_compiled_is_refused_with_its_pointer(members: Task) -> None:
    with pytest.raises(DocumentError) as refused:
        Driver(set_task("it", 1, **members))
    assert refused.value.problems[0].pointer.startswith("/do/0/it/")


def test_an_execution_refused_at_its_start_cannot_be_retried() -> None:
    driver = Driver(set_task("never", 1), input={"schema": schema("name")}).start({"a": 1})
    assert driver.retry().rejection is not None
    assert driver.phase is Phase.FAULTED


def test_an_output_that_failed_is_made_again_by_a_retry() -> None:
    driver = Driver(
        set_task("make", 5), output={"as": f"if now > {START_US // 1_000_000} then . else . + {{}} end"}
    )
    driver.start()
    assert driver.error.instance == "/output"
    driver.now_us += 2_000_000
    driver.retry()
    assert driver.output == 5


def test_what_a_task_passes_on_unchanged_is_not_encoded_anew() -> None:
    """Large inputs go through many tasks: each holds the same bytes."""
    tasks = [call_task(name, "${ . }", output={"as": "${ $input }"}) for name in ("first", "second")]
    driver = Driver(*tasks).start({"text": "x" * 1000})
    driver.answer(driver.call_of("/do/0/first"), ActionState.SUCCEEDED, output=Payload.of({"other": 1}))
    root = driver.state.root
    assert root.data is root.input
    # History holds it all the same: who reads one event needs no other.
    assert [event.output for event in driver.events if isinstance(event, TaskCompleted)] == [root.input]


def test_what_is_passed_on_unchanged_counts_as_written() -> None:
    limits = CoreSettings(bytes_per_command_max=100_000)
    again = set_task("again", {"n": 1}, output={"as": "${ $input }"}, then="again")
    driver = Driver(again, settings=limits).start({"text": "x" * 1_000})
    assert list(driver.state.yielded) == ["/do/0/again"]
    assert len(driver.events) < 250


def test_a_payload_that_a_formula_does_not_read_is_not_parsed() -> None:
    evaluator, unread = Evaluator(START_US, 0), Payload.encoded(b"no JSON")
    assert evaluator.transform(compile_template({"kept": "${ $input.a }"}), unread, {"input": {"a": 1}}) == {
        "kept": 1
    }
    with pytest.raises(JsonError):
        evaluator.transform(compile_template({"kept": "${ . }"}), unread, {})
