"""`stopOn`: events that end an execution, with a reason, whatever it does."""

import pytest

from tests.unit.core.driver import Driver, Task, Value, call_task, raise_task, set_task
from tests.unit.core.listener import Listener, event, with_policies
from tidemill import lanes
from tidemill.engine.core.commands import DeliverEvent, Start
from tidemill.engine.core.decide import decide, opening_event, stopping_of
from tidemill.engine.core.events import (
    EventReceived,
    ExecutionCancelled,
    ExecutionStarted,
    Kind,
    TriggerOrigin,
)
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.state import Phase

BOUGHT: Task = {"with": {"type": "bought", "data": "${ .total > 10 }"}, "reason": "the contact has bought"}
LEFT: Task = {"with": {"type": "left"}}


def stopping(*tasks: Task, filters: Value = (BOUGHT, LEFT), **members: Value) -> Listener:
    """A workflow of these tasks that the filters end."""
    return Listener(*tasks, document=with_policies({"stopOn": list(filters)}), **members)


def test_an_event_ends_the_execution_and_its_work() -> None:
    listener = stopping(call_task("ask")).start()
    assert not listener.publish("bought", {"total": 5})
    assert listener.publish("bought", {"total": 50})
    assert listener.phase is Phase.CANCELLED
    assert listener.state.reason == "the contact has bought"
    assert listener.cancellations
    assert not listener.subscriptions
    received, cancelled = listener.events[-2:]
    assert received == EventReceived("", 0, Payload.of(event("bought", {"total": 50}, id="e2")))
    assert isinstance(cancelled, ExecutionCancelled)


def test_without_a_reason_the_event_is_named() -> None:
    listener = stopping(call_task("ask")).start()
    listener.publish("left")
    assert listener.state.reason == "stopped by an event of the type left"


def test_a_suspended_execution_ends_too() -> None:
    listener = stopping(call_task("ask")).start()
    listener.suspend()
    listener.publish("left")
    assert listener.phase is Phase.CANCELLED


def test_the_waits_stand_in_the_first_event_and_in_the_lane_of_the_subject() -> None:
    listener = stopping(call_task("ask")).start(subject="ann")
    (started,) = [fact for fact in listener.events if isinstance(fact, ExecutionStarted)]
    assert [wait.id for wait in started.stopping] == [":stop:0", ":stop:1"]
    assert {wait.lane for wait in started.stopping} == {lanes.subject_lane("shop", "ann")}
    assert {wait.since_us for wait in started.stopping} == {listener.now_us}
    assert not listener.publish("left", subject="bob")
    assert listener.publish("left", subject="ann")


def test_an_explicit_subject_is_heard_in_the_lane_of_the_type() -> None:
    filters = [{"with": {"type": "left", "subject": "bob"}}]
    listener = stopping(call_task("ask"), filters=filters).start(subject="ann")
    (wait,) = [wait for _, wait in listener.subscriptions.values()]
    assert wait.lane == lanes.correlation_lane("shop", "left")


def test_what_started_it_does_not_end_it() -> None:
    listener = stopping(call_task("ask")).start(origin=TriggerOrigin("on", "/shop", "first"))
    assert not listener.publish("left", id="first")
    assert listener.publish("left", id="second")


@pytest.mark.parametrize("correlate", [{}, {"n": {"from": ".data"}}])
def test_it_comes_before_a_task_that_waits_for_the_same_event(correlate: Task) -> None:
    wait = {"hear": {"listen": {"to": {"one": {"with": {"type": "left"}, "correlate": correlate}}}}}
    for subject in ("", "ann"):
        listener = stopping(wait).start(subject=subject)
        # The wait of the task stands before those of `stopOn`, in each lane.
        assert min(listener.subscriptions).startswith("/do/0/hear")
        assert listener.publish("left", 1, subject="ann") == 1
        assert listener.phase is Phase.CANCELLED


def test_an_execution_that_ends_listens_no_longer() -> None:
    listener = stopping(set_task("a", 1)).start()
    assert listener.phase is Phase.COMPLETED
    assert listener.all_subscriptions == []
    waiting = stopping(call_task("ask")).start()
    waiting.succeed("/do/0/ask")
    assert not waiting.subscriptions


def test_a_retry_listens_anew_also_to_what_came_while_it_was_faulted() -> None:
    listener = stopping(call_task("ask")).start()
    listener.fail("/do/0/ask")
    assert not listener.publish("left")
    listener.retry()
    assert listener.all_subscriptions[2:] == ["+1:stop:0", "+1:stop:1"]
    assert listener.phase is Phase.CANCELLED


def test_a_start_that_is_refused_waits_for_nothing() -> None:
    listener = stopping(raise_task("oops"), input={"from": ". + 1"}).start()
    assert listener.phase is Phase.FAULTED
    assert listener.all_subscriptions == []


@pytest.mark.parametrize(("kind", "count"), [(Kind.WORKFLOW, 2), (Kind.TRIGGER, 0)])
def test_whoever_opens_an_execution_gives_it_the_same_waits(kind: Kind, count: int) -> None:
    driver = stopping(call_task("ask"))
    start = Start(
        execution_id="0a1b2c3d-0190f0aa-1111-7222-8333-444455556666",
        namespace="shop",
        workflow="orders",
        version="1.2.3",
        subject="ann",
        input=Payload.of({}),
        kind=kind,
    )
    decided = decide(driver.plan, None, start, now_us=5, seed=1)
    waits = stopping_of(driver.plan, start, 5)
    assert len(waits) == count
    assert decided.events[0] == opening_event(start, start.input, stopping=waits)


def test_a_workflow_without_it_waits_for_nothing() -> None:
    driver = Driver(call_task("ask")).start()
    assert driver.state.subscriptions == {}
    assert not driver.command(DeliverEvent(":stop:0", Payload.of(event("left", id="x")), 1)).events
