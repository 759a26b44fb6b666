"""What open tasks are said to wait for."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.api.engine.v1.execution_service_pb2 import HistoryEvent
from tidemill.api.events.v1 import history_pb2 as events
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.client.awaited import add_types, untyped
from tidemill.client.plain import rfc3339
from tidemill.client.report import execution_report, task_runs
from tidemill.client.waits import wait_text
from tidemill.json import Json
from tidemill.lanes import ALL_TYPES, correlation_lane, pace_lane, subject_lane

HEAR = "/do/0/hear"
LISTEN: Json = {"listen": {"to": {"one": {"with": {"type": "a"}}}}}


def history(*facts: events.Event) -> list[HistoryEvent]:
    return [
        HistoryEvent(sequence=number, time=Timestamp(seconds=1), event=fact)
        for number, fact in enumerate(facts, start=1)
    ]


def started(task: events.TaskStarted) -> events.Event:
    return events.Event(task_started=task)


def waits(*facts: events.Event) -> list[str | None]:
    """The words of each run."""
    return [None if run.waits_for is None else wait_text(run.waits_for) for run in task_runs(history(*facts))]


def listening(*subscriptions: events.Subscription, reference: str = HEAR) -> events.Event:
    listening = events.Listening(subscriptions=subscriptions)
    return started(events.TaskStarted(reference=reference, listening=listening))


def test_a_time() -> None:
    wait = started(events.TaskStarted(reference="/do/0/a", due_at_us=5, timeout_at_us=4))
    assert waits(wait) == [f"{rfc3339(5)}, at most until {rfc3339(4)}"]


def test_what_has_ended_waits_for_nothing() -> None:
    wait = started(events.TaskStarted(reference="/do/0/a", due_at_us=5))
    ended = events.Event(task_completed=events.TaskCompleted(reference="/do/0/a"))
    assert waits(wait, ended) == [None]


def test_events_of_a_type_with_the_values_that_they_must_have() -> None:
    paid = events.Subscription(
        lane=correlation_lane("shop", "order.paid"), expected=Payload(data=b'{"order":"o7"}')
    )
    other = events.Subscription(filter=1, lane=correlation_lane("shop", ALL_TYPES))
    received = events.EventReceived(reference=HEAR, filter=1, correlations=Payload(data=b'{"shop":2}'))
    assert waits(listening(paid, other)) == ['an event order.paid with order = "o7", an event']
    assert waits(listening(paid, other), events.Event(event_received=received)) == [
        'an event order.paid with order = "o7", shop = 2, an event with shop = 2 (1 heard)'
    ]


def test_a_listen_that_has_heard_enough_waits_for_no_more_events() -> None:
    paid = events.Subscription(lane=correlation_lane("shop", "order.paid"))
    ended = events.Event(listening_ended=events.ListeningEnded(reference=HEAR))
    assert waits(listening(paid), ended) == [None]


def test_a_child_that_is_awaited() -> None:
    child = events.ChildRequested(execution_id="0-1", awaited=True)
    assert waits(started(events.TaskStarted(reference="/do/0/a", child=child))) == [
        "the end of execution 0-1"
    ]
    child.awaited = False
    assert waits(started(events.TaskStarted(reference="/do/0/a", child=child))) == [None]


def test_a_slot_and_its_time_once_it_is_known() -> None:
    slot = events.SlotRequested(lane=pace_lane("shop", "sms"), limit=2, per_us=60_000_000)
    asked = started(events.TaskStarted(reference="/do/0/a", slot=slot))
    granted = events.Event(slot_granted=events.SlotGranted(reference="/do/0/a", due_at_us=9))
    assert waits(asked) == ["a slot of sms: 2 in 60 s"]
    assert waits(asked, granted) == [f"a slot of sms: 2 in 60 s and {rfc3339(9)}"]


def test_an_outcome() -> None:
    action = events.ActionRequested(action="http")
    assert waits(started(events.TaskStarted(reference="/do/0/a", action=action))) == ["the outcome of http"]


def test_a_retry_until_it_begins() -> None:
    block = started(events.TaskStarted(reference="/do/0/a"))
    caught = events.Event(error_caught=events.ErrorCaught(reference="/do/0/a", retry=1, retry_at_us=7))
    retried = events.Event(task_retried=events.TaskRetried(reference="/do/0/a"))
    assert waits(block, caught) == [rfc3339(7)]
    assert waits(block, caught, retried) == [None]


def report_of(*subscriptions: events.Subscription, reference: str = HEAR) -> dict[str, Json]:
    heard = history(listening(*subscriptions, reference=reference))
    return execution_report(Execution(execution_id="0-1"), heard)


def test_the_definition_gives_the_types_that_the_lane_of_a_subject_does_not() -> None:
    lane = subject_lane("shop", "ada")
    report = report_of(*(events.Subscription(filter=number, lane=lane) for number in range(4)))
    filters: list[Json] = [{"with": {"type": "a"}}, {"with": {"type": "^b$"}}, {}]
    to: Json = {"any": filters, "until": {"one": {"with": {"type": "c"}}}}
    document: Json = {"do": [{"hear": {"listen": {"to": to}}}]}
    assert untyped(report)
    add_types(report, document)
    (task,) = task_waits(report)
    assert wait_text(task).split(", ") == [
        "an event a of subject ada",
        "an event of subject ada",
        "an event of subject ada",
        "an event c of subject ada",
    ]


@pytest.mark.parametrize(
    ("reference", "document"),
    [
        ("/do/0/wait/use/functions/hear", {"use": {"functions": {"hear": LISTEN}}}),
        (
            "/do/0/call/use/extensions/1/slow/before/0/hear",
            {"use": {"extensions": [{}, {"slow": {"before": [{"hear": LISTEN}]}}]}},
        ),
        ("/do/0/hear/extended/0/hear", {"do": [{"hear": LISTEN}]}),
    ],
)
def test_a_task_that_is_written_elsewhere_has_its_types_too(reference: str, document: Json) -> None:
    report = report_of(events.Subscription(lane=subject_lane("shop", "ada")), reference=reference)
    add_types(report, document)
    assert not untyped(report)


def test_a_document_without_the_task_leaves_the_types_open() -> None:
    report = report_of(events.Subscription(lane=correlation_lane("shop", ALL_TYPES)))
    add_types(report, {"do": []})
    assert untyped(report)


def test_types_that_history_knows_need_no_definition() -> None:
    assert not untyped(report_of(events.Subscription(lane=correlation_lane("shop", "a"))))


def task_waits(report: dict[str, Json]) -> list[Json]:
    tasks = report["tasks"]
    assert isinstance(tasks, list)
    return [task["waits_for"] for task in tasks if isinstance(task, dict)]
