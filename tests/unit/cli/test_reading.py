"""`get`, `list`, `history` and `watch`."""

import json

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tests.unit.cli.conftest import Tidemill
from tests.unit.cli.services import Answers
from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.definition_service_pb2 import Definition, GetResponse
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.errors.v1.problem_pb2 import Problem
from tidemill.api.events.v1.command_pb2 import EXECUTION_KIND_TRIGGER
from tidemill.api.events.v1.history_pb2 import (
    Cause,
    Event,
    ExecutionCompleted,
    ExecutionStarted,
    Listening,
    Subscription,
    TaskCompleted,
    TaskStarted,
)
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.errors import TidemillError
from tidemill.lanes import subject_lane

HEARS = b"""
document: {dsl: '1.0.3', namespace: shop, name: greet, version: '1.0.0'}
do:
- hear:
    listen:
      to:
        one: {with: {type: order.paid}}
"""
COMPLETED = execution_pb2.Execution(
    execution_id="0-1",
    namespace="shop",
    workflow="greet",
    version="1.0.0",
    phase=execution_pb2.EXECUTION_PHASE_COMPLETED,
    started_at=Timestamp(seconds=1),
    closed_at=Timestamp(seconds=4),
    output=Payload(data=b'{"done":true}'),
)
FAULTED = execution_pb2.Execution(
    execution_id="0-2",
    phase=execution_pb2.EXECUTION_PHASE_FAULTED,
    error=Problem(type="https://errors/x", status=500, title="Broken", detail="it broke", instance="/do/0/a"),
)
RUNNING = execution_pb2.Execution(execution_id="0-3", phase=execution_pb2.EXECUTION_PHASE_RUNNING)
FACTS = (
    Event(execution_started=ExecutionStarted(namespace="shop", workflow="greet")),
    Event(task_started=TaskStarted(reference="/do/0/a", input=Payload(data=b"[1]"))),
    Event(task_completed=TaskCompleted(reference="/do/0/a")),
    Event(execution_completed=ExecutionCompleted(output=Payload(data=b'{"done":true}'))),
)
HISTORY = [
    pb.HistoryEvent(
        sequence=number, time=Timestamp(seconds=number), event=fact, cause=Cause(log_offset=7), commit=number
    )
    for number, fact in enumerate(FACTS, start=1)
]


@pytest.fixture
def finished(answers: Answers) -> Answers:
    answers.by_method["ExecutionService/Get"] = pb.ExecutionServiceGetResponse(execution=COMPLETED)
    answers.by_method["ExecutionService/GetHistory"] = [
        pb.GetHistoryResponse(events=HISTORY[:2], next_page_token="2"),
        pb.GetHistoryResponse(events=HISTORY[2:]),
    ]
    return answers


def test_get_prints_one_object_from_all_pages_of_the_history(tidemill: Tidemill, finished: Answers) -> None:
    outcome = tidemill("get", "0-1", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out) == {
        "execution_id": "0-1",
        "namespace": "shop",
        "workflow": "greet",
        "version": "1.0.0",
        "subject": None,
        "kind": "workflow",
        "parent_execution_id": None,
        "phase": "completed",
        "started_at": "1970-01-01T00:00:01.000000Z",
        "closed_at": "1970-01-01T00:00:04.000000Z",
        "output": {"done": True},
        "error": None,
        "reason": None,
        "tasks": [
            {
                "name": "a",
                "reference": "/do/0/a",
                "phase": "completed",
                "started_at": "1970-01-01T00:00:02.000000Z",
                "ended_at": "1970-01-01T00:00:03.000000Z",
                "waits_for": None,
            }
        ],
    }
    get = finished.requests[0]
    assert isinstance(get, pb.ExecutionServiceGetRequest)
    assert (get.namespace, get.execution_id) == ("-", "0-1")


def test_get_shows_people_the_output_and_the_tasks(tidemill: Tidemill, finished: Answers) -> None:
    outcome = tidemill("get", "0-1")
    assert 'output     {"done":true}' in outcome.lines
    assert any("/do/0/a" in line and "completed" in line for line in outcome.lines)


def test_get_shows_people_the_error(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/Get"] = pb.ExecutionServiceGetResponse(execution=FAULTED)
    answers.by_method["ExecutionService/GetHistory"] = pb.GetHistoryResponse()
    outcome = tidemill("get", "0-2")
    assert outcome.code == 0
    assert {"error      500 Broken", "           it broke"} <= set(outcome.lines)


def test_get_reads_again_when_the_execution_moved_on_meanwhile(tidemill: Tidemill, answers: Answers) -> None:
    moved = COMPLETED
    answers.by_method["ExecutionService/Get"] = [
        pb.ExecutionServiceGetResponse(execution=RUNNING),
        pb.ExecutionServiceGetResponse(execution=moved),
    ]
    answers.by_method["ExecutionService/GetHistory"] = [
        pb.GetHistoryResponse(events=HISTORY[:2]),
        pb.GetHistoryResponse(events=HISTORY),
    ]
    report = json.loads(tidemill("get", "0-3", "--json").out)
    assert report["phase"] == "completed"
    assert report["tasks"][0]["phase"] == "completed"


def test_get_shows_people_why_an_execution_waits(tidemill: Tidemill, answers: Answers) -> None:
    waiting = execution_pb2.Execution(
        execution_id="0-6",
        namespace="shop",
        workflow="greet",
        version="1.0.0",
        subject="ada",
        phase=execution_pb2.EXECUTION_PHASE_SUSPENDED,
        reason="holiday",
        parent_execution_id="0-1",
    )
    wait = Subscription(lane=subject_lane("shop", "ada"))
    fact = TaskStarted(
        reference="/do/0/hear", listening=Listening(subscriptions=[wait]), timeout_at_us=60_000_000
    )
    answers.by_method["ExecutionService/Get"] = pb.ExecutionServiceGetResponse(execution=waiting)
    answers.by_method["ExecutionService/GetHistory"] = pb.GetHistoryResponse(
        events=[pb.HistoryEvent(sequence=1, time=Timestamp(seconds=1), event=Event(task_started=fact))]
    )
    answers.by_method["DefinitionService/Get"] = GetResponse(definition=Definition(document=HEARS))
    outcome = tidemill("get", "0-6")
    assert outcome.lines[:7] == [
        "execution  0-6",
        "workflow   shop/greet:1.0.0",
        "subject    ada",
        "parent     0-1",
        "phase      suspended: holiday",
        "waits for  an event order.paid of subject ada, at most until 1970-01-01T00:01:00.000000Z",
        "           in /do/0/hear",
    ]


def test_an_unknown_execution_is_one_line(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/Get"] = TidemillError(
        reasons.ERROR_REASON_EXECUTION_NOT_FOUND, "there is no execution 0-9"
    )
    outcome = tidemill("get", "0-9", "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "error: there is no execution 0-9 (EXECUTION_NOT_FOUND)\n"


def test_list_prints_one_object_a_line_over_all_pages(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/List"] = [
        pb.ExecutionServiceListResponse(executions=[COMPLETED, FAULTED], next_page_token="2"),
        pb.ExecutionServiceListResponse(executions=[RUNNING]),
    ]
    outcome = tidemill("list", "--json", "--workflow", "greet", "--phase", "completed", "--phase", "faulted")
    rows = [json.loads(line) for line in outcome.lines]
    assert [(row["execution_id"], row["phase"]) for row in rows] == [
        ("0-1", "completed"),
        ("0-2", "faulted"),
        ("0-3", "running"),
    ]
    assert rows[0]["output"] == {"done": True}
    assert rows[1]["error"]["status"] == 500
    first, second = answers.requests
    assert isinstance(first, pb.ExecutionServiceListRequest)
    assert isinstance(second, pb.ExecutionServiceListRequest)
    assert (first.namespace, first.workflow, len(first.phases)) == ("-", "greet", 2)
    assert (first.page_token, second.page_token, second.workflow) == ("", "2", "greet")


def test_list_stops_at_the_limit(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/List"] = pb.ExecutionServiceListResponse(
        executions=[COMPLETED, FAULTED], next_page_token="more"
    )
    assert len(tidemill("list", "--json", "--limit", "3").lines) == 3


def test_list_prints_a_table_that_keeps_ids_whole(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/List"] = pb.ExecutionServiceListResponse(executions=[COMPLETED])
    lines = tidemill("list").lines
    assert any(
        line.split() == ["0-1", "shop/greet:1.0.0", "completed", "1970-01-01T00:00:01Z"] for line in lines
    )


def test_list_tells_children_and_schedules_from_what_clients_and_events_start(
    tidemill: Tidemill, answers: Answers
) -> None:
    child = execution_pb2.Execution(execution_id="0-4", parent_execution_id="0-1")
    schedule = execution_pb2.Execution(execution_id="0-5", kind=EXECUTION_KIND_TRIGGER)
    page = pb.ExecutionServiceListResponse(executions=[child, schedule, COMPLETED])
    answers.by_method["ExecutionService/List"] = page
    lines = tidemill("list", "--with-triggers").lines
    kinds = {line.split()[0]: line.split()[2] for line in lines if line.strip().startswith("0-")}
    assert kinds == {"0-4": "child", "0-5": "trigger", "0-1": "completed"}
    (request,) = answers.requests
    assert isinstance(request, pb.ExecutionServiceListRequest)
    assert request.with_triggers
    rows = [json.loads(line) for line in tidemill("list", "--json").lines]
    assert [(row["kind"], row["parent_execution_id"]) for row in rows] == [
        ("workflow", "0-1"),
        ("trigger", None),
        ("workflow", None),
    ]


def test_a_list_of_nothing_says_so_beside(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/List"] = pb.ExecutionServiceListResponse()
    outcome = tidemill("list")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "no executions\n")


def test_an_unknown_phase_is_answered_with_the_known_ones(tidemill: Tidemill) -> None:
    outcome = tidemill("list", "--phase", "done")
    assert outcome.code == 2
    assert "'done' is not a phase; there are pending, running," in outcome.err


def test_history_prints_one_event_a_line(tidemill: Tidemill, finished: Answers) -> None:
    lines = [json.loads(line) for line in tidemill("history", "0-1", "--json").lines]
    assert [(line["sequence"], line["kind"]) for line in lines] == [
        (1, "execution_started"),
        (2, "task_started"),
        (3, "task_completed"),
        (4, "execution_completed"),
    ]
    assert lines[1] == {
        "sequence": 2,
        "time": "1970-01-01T00:00:02.000000Z",
        "kind": "task_started",
        "event": {"reference": "/do/0/a", "input": [1]},
        "cause": {"log_offset": 7},
        "commit": 2,
    }


def test_history_is_readable(tidemill: Tidemill, finished: Answers) -> None:
    line = tidemill("history", "0-1").lines[1]
    assert line.split() == ["2", "1970-01-01T00:00:02.000000Z", "task_started", "/do/0/a", "input=[1]"]


def test_watch_prints_events_until_the_stream_ends(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/Watch"] = [
        pb.WatchResponse(events=HISTORY[:2], execution=RUNNING),
        pb.WatchResponse(events=HISTORY[2:], execution=COMPLETED),
    ]
    outcome = tidemill("watch", "0-1", "--json")
    assert [json.loads(line)["sequence"] for line in outcome.lines] == [1, 2, 3, 4]
