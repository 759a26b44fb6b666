"""What every task and workflow can have: conditions, data flow, flow, time limits; on the whole stack."""

import pytest

from tests.e2e.documents import named
from tests.e2e.running import Report, RunningStack
from tidemill.json import Json

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ERRORS = "https://open-workflow-specification.org/spec/1.0.0/errors/"


def fault_of(report: Report) -> tuple[str, int, str]:
    """Short name of the error's type, its status and its instance; fails for one that has not faulted."""
    assert report.phase == "faulted", report
    return report.error["type"].removeprefix(ERRORS), report.error["status"], report.error["instance"]


@pytest.mark.parametrize("condition", [".there", "'${ .zero > 1 }'", ".there.deeper"])
def test_if_passes_over_a_task_with_its_flow_and_hands_its_input_on(
    stack: RunningStack, condition: str
) -> None:
    body = f"""
        do:
        - passed: {{if: {condition}, set: {{never: true}}, then: end}}
        - after: {{if: .zero == 0, set: {{got: '${{ . }}'}}}}
    """
    report = stack.run(named(f"if-{sum(condition.encode())}", body), {"zero": 0})
    assert report.output == {"got": {"zero": 0}}
    assert report.runs == [("passed", "skipped"), ("after", "completed")]


def test_data_flows_through_input_output_and_export(stack: RunningStack) -> None:
    body = """
        do:
        - first:
            input: {from: '{n: .order.n}'}
            set: {doubled: '${ .n * 2 }', raw: '${ $task.input.order.n }', sees: '${ $input.n }'}
            output: {as: '. + {kept: $input.n}'}
            export: {as: '$context + {first: $output}'}
        - second:
            input: {from: '{all: $context.first, mine: .doubled}'}
            set: {result: '${ . }'}
            export: {as: '$context + {second: .result.mine}'}
        - third: {set: {context: '${ $context }', before: '${ .result.mine }'}}
    """
    report = stack.run(named("data-flow", body), {"order": {"n": 4}})
    first = {"doubled": 8, "raw": 4, "sees": 4, "kept": 4}
    assert report.output == {"context": {"first": first, "second": 8}, "before": 8}


SCHEMA = "{schema: {document: {type: object, required: [id], properties: {id: {type: integer}}}}}"


@pytest.mark.parametrize(
    ("given", "fault"), [({"id": 1}, None), ({"id": "x"}, "validation"), ({}, "validation")]
)
@pytest.mark.parametrize(
    ("where", "instance"), [("input", "/do/0/one"), ("output", "/do/0/one"), ("export", "/do/0/one")]
)
def test_data_of_a_task_is_checked_where_a_schema_says_so(
    stack: RunningStack, where: str, instance: str, given: Json, fault: str | None
) -> None:
    schema = SCHEMA.replace("{schema", "{as: ., schema") if where == "export" else SCHEMA
    body = f"""
        do:
        - one: {{{where}: {schema}, set: '${{ . }}'}}
    """
    report = stack.run(named(f"schema-{where}", body), given)
    if fault is None:
        assert (report.phase, report.output) == ("completed", given)
    else:
        assert fault_of(report) == (fault, 400, instance)


@pytest.mark.parametrize("given", [{"id": 1}, {"id": None}])
@pytest.mark.parametrize("where", ["input", "output"])
def test_data_of_a_workflow_is_checked_where_a_schema_says_so(
    stack: RunningStack, where: str, given: Json
) -> None:
    body = f"""
        {where}: {SCHEMA}
        do:
        - one: {{set: '${{ . }}'}}
    """
    report = stack.run(named(f"workflow-schema-{where}", body), given)
    if given == {"id": 1}:
        assert (report.phase, report.output) == ("completed", given)
    else:
        assert fault_of(report) == ("validation", 400, f"/{where}")
        assert report.names == ([] if where == "input" else ["one"])


def test_a_workflow_transforms_its_input_and_its_output(stack: RunningStack) -> None:
    body = """
        input: {from: '{inner: .outer}'}
        output: {as: '{answer: .x, raw: $workflow.input.outer, context: $context.c}'}
        do:
        - one: {set: {x: '${ .inner + 1 }'}, export: {as: '{c: .x}'}}
    """
    assert stack.run(named("workflow-data", body), {"outer": 1}).output == {
        "answer": 2,
        "raw": 1,
        "context": 2,
    }


def test_without_input_there_is_an_empty_object(stack: RunningStack) -> None:
    body = """
        do:
        - one: {set: {got: '${ . }', context: '${ $context }'}}
    """
    assert stack.run(named("no-input", body)).output == {"got": {}, "context": {}}


@pytest.mark.parametrize("directive", ["continue", "exit", "end", "last"])
def test_then_says_where_to_go(stack: RunningStack, directive: str) -> None:
    body = f"""
        do:
        - outer:
            do:
            - first: {{set: {{at: first}}, then: {directive}}}
            - middle: {{set: {{at: middle}}}}
            - last: {{set: {{at: '${{ .at + " last" }}'}}}}
        - after: {{set: {{at: '${{ .at + " after" }}'}}}}
    """
    report = stack.run(named(f"then-{directive}", body))
    assert (report.output["at"], report.names[1:]) == {
        "continue": ("middle last after", ["first", "middle", "last", "after"]),
        "exit": ("first after", ["first", "after"]),
        "end": ("first", ["first"]),
        "last": ("first last after", ["first", "last", "after"]),
    }[directive]
    assert {phase for _, phase in report.runs} == {"completed"}


def test_metadata_changes_nothing_and_can_be_read(stack: RunningStack) -> None:
    body = """
        do:
        - one:
            metadata: {owner: sales}
            set: {owner: '${ $task.definition.metadata.owner }', name: '${ $task.name }',
                  reference: '${ $task.reference }', id: '${ $workflow.id }'}
    """
    report = stack.run(named("metadata", body))
    assert report.output == {
        "owner": "sales", "name": "one", "reference": "/do/0/one", "id": report.execution_id
    }  # fmt: skip


@pytest.mark.parametrize("timeout", ["{after: {milliseconds: 50}}", "brief"])
def test_a_task_that_takes_too_long_faults(stack: RunningStack, timeout: str) -> None:
    body = f"""
        use: {{timeouts: {{brief: {{after: PT0.05S}}}}}}
        do:
        - outer:
            timeout: {timeout}
            do:
            - sleep: {{wait: {{hours: 1}}}}
    """
    report = stack.run(named(f"timeout-{len(timeout)}", body))
    assert fault_of(report) == ("timeout", 408, "/do/0/outer")
    assert report.runs == [("outer", "faulted"), ("sleep", "cancelled")]


def test_a_time_limit_can_be_caught_and_ends_the_work_under_way(stack: RunningStack) -> None:
    body = f"""
        do:
        - guard:
            try:
            - stuck: {{call: 'test.never:1.0.0', with: {{name: limit}}, timeout: {{after: {{seconds: 2}}}}}}
            catch:
              errors: {{with: {{type: '{ERRORS}timeout'}}}}
              do:
              - note: {{set: {{status: '${{ $error.status }}'}}, export: {{as: .}}}}
        - stopped: {{call: 'test.cancelled:1.0.0', with: {{name: limit}}, output: {{as: '. + $context'}}}}
    """
    report = stack.run(named("timeout-caught", body))
    assert report.output == {"cancelled": True, "status": 408}
    assert report.runs == [
        ("guard", "completed"), ("stuck", "faulted"), ("note", "completed"), ("stopped", "completed")
    ]  # fmt: skip


def test_a_workflow_that_takes_too_long_faults_and_cannot_catch_that(stack: RunningStack) -> None:
    body = """
        timeout: {after: {milliseconds: 50}}
        do:
        - guard:
            try:
            - sleep: {wait: {hours: 1}}
            catch:
              do:
              - never: {set: {never: true}}
    """
    report = stack.run(named("workflow-timeout", body))
    assert fault_of(report)[:2] == ("timeout", 408)
    assert report.names == ["guard", "sleep"]


@pytest.mark.parametrize(
    ("expression", "fault"),
    [(".text + 1", "expression"), ('error("no")', "expression"), ("[range(1e12)]", "expression")],
)
def test_an_expression_that_fails_faults_its_task(stack: RunningStack, expression: str, fault: str) -> None:
    body = f"""
        do:
        - bad: {{set: {{x: '${{ {expression} }}'}}}}
    """
    report = stack.run(named(f"expression-{len(expression)}", body), {"text": "a"})
    assert fault_of(report) == (fault, 400, "/do/0/bad")
