"""The demo's verdict and figures."""

from collections import Counter

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from examples.demo.counting import judge, latencies_of
from examples.demo.expectations import Expectation
from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1.execution_service_pb2 import HistoryEvent
from tidemill.api.events.v1 import history_pb2 as history
from tidemill.testing.effects import Effects, Identity

DONE = Identity("e1", "/do/0/a")
OTHER = Identity("e2", "/do/0/a")
WANTED = Expectation(Counter(w=1), {DONE})
COMPLETED = execution_pb2.Execution(workflow="w", phase=execution_pb2.EXECUTION_PHASE_COMPLETED)
FAULTED = execution_pb2.Execution(workflow="w", phase=execution_pb2.EXECUTION_PHASE_FAULTED)


def effects(*made: Identity) -> Effects:
    counted = Effects()
    for number, identity in enumerate(made):
        counted.add(identity, f"k{number}")
    return counted


def test_each_effect_once_and_each_execution_completed_is_what_was_wanted() -> None:
    verdict = judge(WANTED, effects(DONE), [COMPLETED])
    assert verdict.faults() == []
    assert verdict.holds


@pytest.mark.parametrize(
    ("made", "executions", "fault"),
    [
        ([], [COMPLETED], "lost: e1 /do/0/a"),
        ([DONE, DONE], [COMPLETED], "done 2x: e1 /do/0/a"),
        ([DONE, OTHER], [COMPLETED], "not wanted: e2 /do/0/a"),
        ([DONE], [], "w: 0 executions, not 1"),
        ([DONE], [COMPLETED, COMPLETED], "w: 2 executions, not 1"),
        ([DONE], [FAULTED], "1 executions are faulted"),
    ],
)
def test_whatever_differs_is_a_fault(
    made: list[Identity], executions: list[execution_pb2.Execution], fault: str
) -> None:
    verdict = judge(WANTED, effects(*made), executions)
    assert verdict.faults() == [fault]
    assert not verdict.holds


def at_ms(milliseconds: int, **event: object) -> HistoryEvent:
    time = Timestamp(seconds=1, nanos=milliseconds * 1_000_000)
    return HistoryEvent(time=time, event=history.Event(**event))  # type: ignore[arg-type]


def test_latencies_run_from_request_to_outcome_and_from_due_to_done() -> None:
    asked = history.TaskStarted(reference="/do/0/a", action=history.ActionRequested(action="http"))
    found = latencies_of(
        [
            at_ms(0, task_started=asked),
            at_ms(5, action_completed=history.ActionCompleted(reference="/do/0/a")),
            at_ms(6, action_completed=history.ActionCompleted(reference="/do/0/a", late=True)),
            at_ms(6, task_started=history.TaskStarted(reference="/do/1/w", due_at_us=1_100_000)),
            at_ms(103, task_completed=history.TaskCompleted(reference="/do/1/w")),
        ]
    )
    assert (found.steps, found.waits) == ([5.0], [3.0])
