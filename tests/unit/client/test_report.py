"""The fold of a history into task runs."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1.execution_service_pb2 import HistoryEvent
from tidemill.api.errors.v1.problem_pb2 import Problem
from tidemill.api.events.v1 import history_pb2 as events
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.client.report import execution_report, task_runs

Fact = (
    events.TaskStarted
    | events.TaskSkipped
    | events.TaskCompleted
    | events.TaskFaulted
    | events.TaskCancelled
    | events.RoundStarted
    | events.ErrorCaught
    | events.TaskRetried
    | events.ExecutionStarted
    | events.ExecutionCompleted
    | events.ExecutionFaulted
    | events.ExecutionCancelled
    | events.ExecutionSuspended
    | events.ExecutionResumed
    | events.ExecutionRetried
    | events.ActionCompleted
)


def snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")


def history(*facts: Fact) -> list[HistoryEvent]:
    """One event a second, from second 1."""
    found = []
    for sequence, fact in enumerate(facts, start=1):
        event = HistoryEvent(sequence=sequence, time=Timestamp(seconds=sequence))
        getattr(event.event, snake(type(fact).__name__)).CopyFrom(fact)
        found.append(event)
    return found


def started(reference: str, **fields: int) -> events.TaskStarted:
    return events.TaskStarted(reference=reference, **fields)  # type: ignore[arg-type]


def completed(reference: str) -> events.TaskCompleted:
    return events.TaskCompleted(reference=reference)


def faulted(reference: str) -> events.TaskFaulted:
    return events.TaskFaulted(reference=reference, error=Problem(status=500))


def cancelled(reference: str) -> events.TaskCancelled:
    return events.TaskCancelled(reference=reference)


def phases(*facts: Fact) -> list[tuple[str, str, int | None]]:
    """Reference, phase and end (in seconds) of each run."""
    return [
        (run.reference, run.phase, None if run.ended_at_us is None else run.ended_at_us // 1_000_000)
        for run in task_runs(history(*facts))
    ]


def test_a_task_runs_from_its_start_to_its_end() -> None:
    assert phases(events.ExecutionStarted(), started("/do/0/a"), completed("/do/0/a")) == [
        ("/do/0/a", "completed", 3)
    ]


def test_a_skipped_task_stands_with_one_moment_as_its_life() -> None:
    (run,) = task_runs(history(events.TaskSkipped(reference="/do/0/a")))
    assert (run.phase, run.started_at_us, run.ended_at_us) == ("skipped", 1_000_000, 1_000_000)


def test_a_loop_gives_one_run_for_each_round() -> None:
    inner = "/do/0/each/for/do/0/a"
    rounds: list[Fact] = []
    for index in range(3):
        rounds += [events.RoundStarted(reference="/do/0/each", index=index), started(inner), completed(inner)]
    found = phases(started("/do/0/each"), *rounds, completed("/do/0/each"))
    assert [entry[:2] for entry in found] == [("/do/0/each", "completed")] + [(inner, "completed")] * 3


def test_the_losers_of_a_race_are_cancelled() -> None:
    fast, slow = "/do/0/race/fork/branches/0/fast", "/do/0/race/fork/branches/1/slow"
    assert phases(
        started("/do/0/race"),
        started(fast),
        started(slow),
        completed(fast),
        cancelled(slow),
        completed("/do/0/race"),
    ) == [("/do/0/race", "completed", 6), (fast, "completed", 4), (slow, "cancelled", 5)]


def test_ending_a_container_from_outside_ends_what_is_open_below_it() -> None:
    assert phases(started("/do/0/a"), started("/do/0/a/do/0/b"), cancelled("/do/0/a")) == [
        ("/do/0/a", "cancelled", 3),
        ("/do/0/a/do/0/b", "cancelled", 3),
    ]


def test_a_sibling_with_a_longer_name_is_not_below() -> None:
    found = phases(started("/do/0/a"), started("/do/0/ab"), completed("/do/0/a"))
    assert found[1] == ("/do/0/ab", "running", None)


def test_a_caught_error_faults_the_scopes_that_it_passed_and_cancels_the_rest() -> None:
    fork = "/do/0/t/try/0/f"
    bad, good = f"{fork}/fork/branches/0/bad", f"{fork}/fork/branches/1/good"
    assert phases(
        started("/do/0/t"),
        started(fork),
        started(bad),
        started(good),
        faulted(bad),
        events.ErrorCaught(reference="/do/0/t"),
        completed("/do/0/t"),
    ) == [
        ("/do/0/t", "completed", 7),
        (fork, "faulted", 6),
        (bad, "faulted", 5),
        (good, "cancelled", 6),
    ]


def test_each_retry_of_a_try_gives_a_run_of_what_is_inside() -> None:
    call = "/do/0/t/try/0/call"
    found = phases(
        started("/do/0/t"),
        started(call),
        faulted(call),
        events.ErrorCaught(reference="/do/0/t", retry=1),
        events.TaskRetried(reference="/do/0/t"),
        started(call, attempt=2),
        completed(call),
        completed("/do/0/t"),
    )
    assert [entry[:2] for entry in found] == [
        ("/do/0/t", "completed"),
        (call, "faulted"),
        (call, "completed"),
    ]


def test_a_try_waits_between_its_retries() -> None:
    facts: list[Fact] = [started("/do/0/t"), started("/do/0/t/try/0/a"), faulted("/do/0/t/try/0/a")]
    facts.append(events.ErrorCaught(reference="/do/0/t", retry=1))
    assert phases(*facts)[0] == ("/do/0/t", "waiting", None)
    assert phases(*facts, events.TaskRetried(reference="/do/0/t"))[0] == ("/do/0/t", "running", None)


def test_a_container_waits_when_all_that_is_open_below_it_waits() -> None:
    fork, left, right = "/do/0/f", "/do/0/f/fork/branches/0/l", "/do/0/f/fork/branches/1/r"
    both = [started(fork), started(left, due_at_us=5), started(right)]
    assert [phase for _, phase, _ in phases(*both)] == ["running", "waiting", "running"]
    assert [phase for _, phase, _ in phases(*both, completed(right))] == ["waiting", "waiting", "completed"]


def test_what_is_open_in_a_suspended_execution_is_suspended() -> None:
    facts: list[Fact] = [started("/do/0/a", due_at_us=5), events.ExecutionSuspended()]
    assert phases(*facts) == [("/do/0/a", "suspended", None)]
    assert phases(*facts, events.ExecutionResumed()) == [("/do/0/a", "waiting", None)]


def test_a_cancelled_execution_leaves_nothing_open() -> None:
    assert phases(started("/do/0/a"), events.ExecutionCancelled()) == [("/do/0/a", "cancelled", 2)]


@pytest.mark.parametrize(
    "waits",
    [
        events.TaskStarted(listening=events.Listening()),
        events.TaskStarted(child=events.ChildRequested()),
        events.TaskStarted(slot=events.SlotRequested()),
    ],
    ids=lambda fact: str(fact.WhichOneof("detail")),
)
def test_events_children_and_slots_are_waited_for(waits: events.TaskStarted) -> None:
    waits.reference = "/do/0/a"
    assert phases(waits) == [("/do/0/a", "waiting", None)]
    assert phases(waits, completed("/do/0/a")) == [("/do/0/a", "completed", 2)]


def test_a_fault_halts_the_scopes_around_it() -> None:
    assert phases(
        started("/do/0/a"), started("/do/0/a/do/0/b"), faulted("/do/0/a/do/0/b"), events.ExecutionFaulted()
    ) == [("/do/0/a", "faulted", 4), ("/do/0/a/do/0/b", "faulted", 3)]


def test_a_retry_by_an_operator_goes_on_inside_the_same_scopes() -> None:
    inner = "/do/0/a/do/0/b"
    found = phases(
        started("/do/0/a"),
        started(inner),
        faulted(inner),
        events.ExecutionFaulted(),
        events.ExecutionRetried(),
        started(inner, attempt=2),
        completed(inner),
        completed("/do/0/a"),
        events.ExecutionCompleted(),
    )
    assert found == [("/do/0/a", "completed", 8), (inner, "faulted", 3), (inner, "completed", 7)]


def test_an_end_from_within_completes_the_scopes_around_it() -> None:
    found = phases(
        started("/do/0/a"),
        started("/do/0/a/do/0/b"),
        completed("/do/0/a/do/0/b"),
        events.ExecutionCompleted(),
    )
    assert found[0] == ("/do/0/a", "completed", 4)


def test_events_that_are_not_about_tasks_change_nothing() -> None:
    assert phases(started("/do/0/a"), events.ActionCompleted(reference="/do/0/a")) == [
        ("/do/0/a", "running", None)
    ]


@pytest.mark.parametrize(
    ("reference", "name"), [("/do/0/a", "a"), ("/do/0/a~1b~0c", "a/b~c"), ("/do/2/t/try/0/call", "call")]
)
def test_the_name_is_the_last_segment_unescaped(reference: str, name: str) -> None:
    (run,) = task_runs(history(started(reference)))
    assert run.name == name


def test_the_report_of_a_completed_execution() -> None:
    execution = execution_pb2.Execution(
        execution_id="1-2",
        phase=execution_pb2.EXECUTION_PHASE_COMPLETED,
        output=Payload(data=b'{"sum":3}'),
    )
    assert execution_report(execution, history(started("/do/0/a"), completed("/do/0/a"))) == {
        "execution_id": "1-2",
        "namespace": "",
        "workflow": "",
        "version": "",
        "subject": None,
        "kind": "workflow",
        "parent_execution_id": None,
        "phase": "completed",
        "started_at": "1970-01-01T00:00:00.000000Z",
        "closed_at": None,
        "output": {"sum": 3},
        "error": None,
        "reason": None,
        "tasks": [
            {
                "name": "a",
                "reference": "/do/0/a",
                "phase": "completed",
                "started_at": "1970-01-01T00:00:01.000000Z",
                "ended_at": "1970-01-01T00:00:02.000000Z",
                "waits_for": None,
            }
        ],
    }


def test_the_report_of_a_faulted_execution_has_the_problem() -> None:
    execution = execution_pb2.Execution(
        execution_id="1-2",
        phase=execution_pb2.EXECUTION_PHASE_FAULTED,
        error=Problem(type="https://errors/x", status=408, title="late", instance="/do/0/a"),
    )
    assert execution_report(execution, []) == {
        "execution_id": "1-2",
        "namespace": "",
        "workflow": "",
        "version": "",
        "subject": None,
        "kind": "workflow",
        "parent_execution_id": None,
        "phase": "faulted",
        "started_at": "1970-01-01T00:00:00.000000Z",
        "closed_at": None,
        "output": None,
        "error": {
            "type": "https://errors/x",
            "status": 408,
            "title": "late",
            "detail": None,
            "instance": "/do/0/a",
        },
        "reason": None,
        "tasks": [],
    }
