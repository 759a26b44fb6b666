"""Children and `stopOn` through the whole stack: an end from outside reaches the action in flight."""

import pytest

from tests.e2e.documents import NAMESPACE, named
from tests.e2e.running import Report, RunningStack
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.events.v1.payload_pb2 import CloudEvent

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

# Ends once `test.never` has begun under the name of the run, or was cancelled under it.
BEGUN = "do: [{wait: {call: 'test.begun:1.0.0', with: {name: '${ .run }'}}}]"
CANCELLED = "do: [{wait: {call: 'test.cancelled:1.0.0', with: {name: '${ .run }'}}}]"
NEVER = "do: [{never: {call: 'test.never:1.0.0', with: {name: '${ .run }'}}}]"


def in_child(child: str) -> str:
    """A task that runs a child and waits for it."""
    return f"""
        do:
        - inside:
            run:
              workflow:
                {{namespace: {NAMESPACE}, name: {child}, version: latest, input: {{run: '${{ .run }}'}}}}
    """


def until(stack: RunningStack, what: str, run: str) -> None:
    """Return once the action of a run has begun, or was cancelled."""
    body = BEGUN if what == "begun" else CANCELLED
    assert stack.run(named(f"until-{what}", body), {"run": run}).phase == "completed"


def child_of(stack: RunningStack, workflow: str) -> Report:
    """The report of the one execution of a workflow."""

    async def find() -> str:
        request = pb.ExecutionServiceListRequest(namespace=NAMESPACE, workflow=workflow)
        (execution,) = [each async for page in stack.client.executions.pages(request) for each in page]
        return execution.execution_id

    execution_id = stack.wait(find())
    stack.wait(stack.client.executions.wait_closed(execution_id))
    return stack.report(execution_id)


def stop(stack: RunningStack, subject: str) -> None:
    """Send the event that ends a subject's executions."""
    event = CloudEvent(id=subject, source="/test", type="com.example.stop", subject=subject, data=b"{}")
    stack.wait(stack.client.events.publish(NAMESPACE, [event]))


def test_a_child_gives_its_output_to_its_parent(stack: RunningStack) -> None:
    stack.publish(named("doubling", "do: [{double: {set: {doubled: '${ .run * 2 }'}}}]"))
    report = stack.run(named("doubles", in_child("doubling")), {"run": 21})
    assert (report.phase, report.output) == ("completed", {"doubled": 42})


def test_a_fault_of_a_grandchild_reaches_the_parent(stack: RunningStack) -> None:
    error = "{type: 'https://example.com/no', status: 418, title: No}"
    stack.publish(named("refusing", f"do: [{{refuse: {{raise: {{error: {error}}}}}}}]"))
    stack.publish(named("between", in_child("refusing")))
    report = stack.run(named("above", in_child("between")), {"run": 1})
    assert (report.phase, report.error["status"]) == ("faulted", 418)
    assert report.error["instance"] == "/do/0/inside"


def test_a_cancelled_parent_cancels_its_grandchild_and_the_action_in_flight(stack: RunningStack) -> None:
    stack.publish(named("calling", NEVER))
    stack.publish(named("middle", in_child("calling")))
    started = stack.start(stack.publish(named("top", in_child("middle"))), {"run": "cancelled"})
    until(stack, "begun", "cancelled")
    request = pb.CancelRequest(namespace=NAMESPACE, execution_id=started.execution_id, reason="enough")
    stack.wait(stack.client.executions.cancel(request))
    until(stack, "cancelled", "cancelled")
    assert stack.closed(started).phase == "cancelled"
    for workflow in ("middle", "calling"):
        assert child_of(stack, workflow).phase == "cancelled"


def test_a_timeout_cancels_the_child_and_the_action_in_flight(stack: RunningStack) -> None:
    stack.publish(named("slow-child", NEVER))
    limited = named("limited", in_child("slow-child")) + "    timeout: {after: {milliseconds: 300}}\n"
    report = stack.run(limited, {"run": "timed-out"})
    assert (report.phase, report.error["status"]) == ("faulted", 408)
    until(stack, "cancelled", "timed-out")
    assert child_of(stack, "slow-child").phase == "cancelled"


def test_an_event_of_stop_on_ends_the_parent_its_child_and_the_action(stack: RunningStack) -> None:
    stack.publish(named("stopped-child", NEVER))
    body = in_child("stopped-child")
    document = named("stopped", body).replace(
        "version: '1.0.0'}",
        "version: '1.0.0', metadata: {tidemill: {stopOn: [{with: {type: com.example.stop}}]}}}",
    )
    definition = stack.publish(document)
    started = stack.start(definition, {"run": "stopped"}, subject="ada")
    other = stack.start(definition, {"run": "goes-on"}, subject="bob")
    for run in ("stopped", "goes-on"):
        until(stack, "begun", run)
    stop(stack, "ada")
    until(stack, "cancelled", "stopped")
    assert stack.closed(started).phase == "cancelled"
    # The other subject's execution goes on, until it is stopped in the same way.
    assert stack.report(other.execution_id).phase == "running"
    stop(stack, "bob")
    until(stack, "cancelled", "goes-on")
