"""Histories that do not fold say so; every kind of event has its row in every table."""

from typing import get_args

import pytest

from tests.unit.core.driver import EXECUTION_ID, START_US, Driver, call_task
from tidemill.api.events.v1 import history_pb2
from tidemill.engine import event_records
from tidemill.engine.core import apply as applying
from tidemill.engine.core import events
from tidemill.engine.core.apply import apply, fold
from tidemill.engine.core.events import ActionState, Event
from tidemill.engine.core.history import HistoryError
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.secrets import SecretPath, SecretUse
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.records import (
    ActionSource,
    Batch,
    Cause,
    LogSource,
    TimerSource,
    decode_batch,
    encode_batch,
)

PROBLEM = Problem("https://example.com/a", 418, "Teapot", "short and stout", "/do/0/tea")
CHILD = events.ChildRequested(
    execution_id="child",
    namespace="n",
    workflow="w",
    version="1.0.0",
    subject="s",
    input=Payload.of({}),
)
WAIT = events.Subscription("/do/0/a#1/1:0", 0, b"n\0s", b"k", Payload.of({"order": 7}), 5)
UNKNOWING_WAIT = events.Subscription(":stop:1", 1, b"n\0\0events\0*", b"", None, 0)
ONE_OF_EACH: list[Event] = [
    events.ExecutionStarted(
        namespace="n",
        workflow="w",
        version="1.0.0",
        subject="s",
        raw_input=Payload.of({"a": 1}),
        input=Payload.of(None),
        timeout_at_us=5,
        origin=events.TriggerOrigin("t", "/source", "id"),
        request_id="r",
        input_digest=b"\x00\xff",
        traceparent="00-a-b-01",
    ),
    events.ExecutionCompleted(Payload.of([1])),
    events.ExecutionFaulted(PROBLEM),
    events.ExecutionCancelled(""),
    events.ExecutionSuspended(""),
    events.ExecutionResumed(),
    events.ExecutionRetried(),
    events.TaskStarted("/do/0/a", "1.2.3", 4, Payload.of(None), 5),
    events.TaskSkipped("/do/0/a"),
    events.TaskCompleted("/do/0/a", Payload.of(None), Payload.of({})),
    events.TaskFaulted("/do/0/a", PROBLEM),
    events.TaskCancelled("/do/0/a"),
    events.RoundStarted("/do/0/a", 0),
    events.ErrorCaught("/do/0/a", PROBLEM, 2, 99),
    events.TaskRetried("/do/0/a", 77),
    events.ActionCompleted("/do/0/a", "k", 2, ActionState.FAILED, None, PROBLEM, True),
    events.CancellationConfirmed("k"),
    events.TimerFired("t"),
    events.ChildCompleted("/do/0/a", "child", events.ChildState.COMPLETED, Payload.of(None)),
    events.TaskYielded("/do/0/a"),
    events.SlotGranted("/do/0/a", 5),
    events.ScheduleFired("/do/0/a", (1, 2), 3),
    events.EventReceived("/do/0/a", 2, Payload.of({"id": "1"}), Payload.of({"order": 7})),
    events.ListeningEnded("/do/0/a"),
    events.RoundCompleted("/do/0/a", Payload.of(None), Payload.of({})),
]
VARIANTS: list[Event] = [
    events.ExecutionStarted(namespace="n", workflow="w", version="1.0.0", raw_input=Payload.of(1)),
    events.ExecutionStarted(
        namespace="n",
        workflow="w",
        version="1",
        raw_input=Payload.of(1),
        origin=events.TriggerOrigin("", "", ""),
    ),
    events.ExecutionRetried(9),
    events.TaskStarted("/do/0/a", "1", 1, action=events.ActionRequested("http", Payload.of({"a": "ä"}))),
    events.TaskStarted(
        "/do/0/a",
        "1",
        1,
        action=events.ActionRequested(
            "http",
            Payload.of({"a": "(secret)"}),
            (SecretUse("/a", ("Bearer ", SecretPath("token", ("key",)), "")),),
        ),
    ),
    events.TaskStarted("/do/0/a", "1", 1, due_at_us=9),
    events.TaskStarted("/do/0/a", "1", 1, items=Payload.of([])),
    events.TaskStarted("/do/0/a", "1", 1, attempt_timeout_at_us=9),
    events.TaskCompleted("/do/0/a"),
    events.TaskFaulted("/do/0/a", Problem("", 0)),
    events.ActionCompleted("/do/0/a", "k", 1, ActionState.SUCCEEDED, Payload.of(None)),
    events.TaskStarted("/do/0/a", "1", 1, child=CHILD),
    events.TaskStarted(
        "/do/0/a",
        "1",
        1,
        child=events.ChildRequested(
            execution_id="child",
            namespace="n",
            workflow="w",
            input=Payload.of({"a": "ä"}),
            awaited=False,
            origin=events.TriggerOrigin("cron", "", "2026-01-01T00:00:00Z"),
        ),
    ),
    events.TaskStarted("/do/0/a", "1", 1, slot=events.SlotRequested("r", b"n\0\0pace\0k", 10, 60_000_000)),
    events.ChildCompleted("/do/0/a", "child", events.ChildState.FAULTED, None, PROBLEM),
    events.ChildCompleted("/do/0/a", "child", events.ChildState.CANCELLED),
    events.ScheduleFired("/do/0/a", (), 0),
    events.TaskStarted("/do/0/a", "1", 1, listening=()),
    events.TaskStarted("/do/0/a", "1", 1, listening=(WAIT, UNKNOWING_WAIT)),
    events.ExecutionRetried(9, (WAIT,)),
    events.ExecutionStarted(
        namespace="n", workflow="w", version="1", raw_input=Payload.of(1), stopping=(UNKNOWING_WAIT,)
    ),
    events.EventReceived("", 0, Payload.of({})),
    events.RoundCompleted("/do/0/a"),
]


def history(*rest: Event) -> list[tuple[int, Event]]:
    driver = Driver(call_task("ask")).start()
    return [(START_US, event) for event in [*driver.events, *rest]]


def test_every_event_survives_being_stored() -> None:
    causes = [
        Cause(3, LogSource(0)),
        Cause(2, TimerSource("t")),
        Cause(1, ActionSource("k", 2)),
        Cause(4, None),
    ]
    stored = encode_batch(ONE_OF_EACH + VARIANTS, causes, 123)
    assert decode_batch(stored) == Batch(123, ONE_OF_EACH + VARIANTS, causes)


def test_every_kind_has_its_row_in_every_table() -> None:
    kinds = set(get_args(Event))
    assert {type(event) for event in ONE_OF_EACH} == kinds
    assert set(applying._APPLIERS) == kinds
    assert set(event_records._WRITERS) == kinds
    fields = history_pb2.Event.DESCRIPTOR.oneofs_by_name["kind"].fields
    assert set(event_records._READERS) == {field.name for field in fields}


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff",
        history_pb2.HistoryBatch(schema=2).SerializeToString(),
        history_pb2.HistoryBatch(schema=1, events=[history_pb2.Event()]).SerializeToString(),
    ],
)
def test_a_row_that_cannot_be_read_says_so(data: bytes) -> None:
    with pytest.raises(HistoryError):
        decode_batch(data)


def test_an_unknown_action_state_says_so() -> None:
    row = history_pb2.HistoryBatch(schema=1)
    row.events.add().action_completed.key = "k"
    with pytest.raises(HistoryError, match="unknown action state"):
        decode_batch(row.SerializeToString())


@pytest.mark.parametrize(
    "impossible",
    [
        events.ExecutionStarted(namespace="n", workflow="w", version="1", raw_input=Payload.of(1)),
        events.TaskStarted("/do/0/ask", "1", 1),
        events.TaskStarted("/do/1/other/do/0/inner", "1", 1),
        events.TaskStarted("nonsense", "1", 1),
        events.TaskCompleted("/do/9/missing"),
        events.TaskFaulted("/do/9/missing", PROBLEM),
        events.TaskCancelled("/do/9/missing"),
        events.RoundStarted("/do/0/ask", 0),
        events.ActionCompleted("/do/0/ask", "stranger", 1, ActionState.SUCCEEDED),
        events.ActionCompleted("/do/0/ask", f"{EXECUTION_ID}:/do/0/ask#1", 2, ActionState.SUCCEEDED),
        events.TimerFired("stranger"),
        events.ChildCompleted("/do/0/ask", "stranger", events.ChildState.COMPLETED),
        events.SlotGranted("/do/0/ask", 1),
        events.ScheduleFired("/do/9/missing", (), 0),
        events.EventReceived("/do/0/ask", 0, Payload.of({"id": "1", "source": "/s"})),
        events.EventReceived("/do/9/missing", 0, Payload.of({"id": "1", "source": "/s"})),
        events.ListeningEnded("/do/0/ask"),
        events.RoundCompleted("/do/0/ask"),
        events.ExecutionRetried(),
    ],
)
def test_an_event_that_cannot_follow_says_so(impossible: Event) -> None:
    with pytest.raises(HistoryError):
        fold(EXECUTION_ID, history(impossible))


def test_a_history_begins_with_its_start() -> None:
    with pytest.raises(HistoryError):
        fold(EXECUTION_ID, [])
    with pytest.raises(HistoryError):
        fold(EXECUTION_ID, [(START_US, events.TaskSkipped("/do/0/a"))])


def test_nothing_begins_in_a_closed_execution() -> None:
    closed = history(events.ExecutionCancelled("x"), events.TaskStarted("/do/1/b", "1", 1))
    with pytest.raises(HistoryError):
        fold(EXECUTION_ID, closed)


def test_apply_changes_the_state_in_place() -> None:
    state: ExecutionState | None = None
    for now_us, event in history():
        changed = apply(state, event, now_us, execution_id=EXECUTION_ID)
        assert state is None or changed is state
        state = changed
