"""The table from history to lifecycle events: whole, and right for each kind."""

from collections.abc import Sequence

import pytest

from tests.unit.core.asyncapi_calls import CONSUME, bring, subscribing
from tests.unit.core.driver import (
    EXECUTION_ID,
    START_US,
    Driver,
    Task,
    call_task,
    raise_task,
    set_task,
    wait_task,
)
from tests.unit.core.listener import Listener
from tidemill.api.events.v1.history_pb2 import Event, HistoryBatch
from tidemill.engine.core.tasks.listen import ListenNode
from tidemill.engine.core.times import rfc3339
from tidemill.engine.lifecycle import types
from tidemill.engine.lifecycle.projection import PROJECTIONS, Facts, LifecycleEvent, project
from tidemill.json import Json

NAME = f"orders-{EXECUTION_ID}.shop"
STARTED_AT = rfc3339(START_US)
WORKFLOW = "io.serverlessworkflow.workflow."
TASK = "io.serverlessworkflow.task."


def facts_of(driver: Driver, subject: str = "") -> Facts:
    listens = [reference for reference, node in driver.plan.tasks.items() if isinstance(node, ListenNode)]
    return Facts(EXECUTION_ID, "shop", "orders", "1.2.3", subject=subject, listens=listens)


def told(driver: Driver, wanted: Sequence[str] = ()) -> list[LifecycleEvent]:
    """The lifecycle events of all rows of an execution."""
    events: list[LifecycleEvent] = []
    sequence = 1
    for row in driver.rows:
        batch = HistoryBatch.FromString(row)
        events.extend(project(batch, sequence, facts_of(driver), wanted))
        sequence += len(batch.events)
    return events


def story(driver: Driver) -> list[str]:
    """Each event as `what name`, where the name is that of the task; the creation of tasks is left out."""
    lines = []
    for event in told(driver):
        words = event.type.removeprefix(WORKFLOW).removeprefix("io.serverlessworkflow.").removesuffix(".v1")
        task = str(event.data.get("task", "")).rpartition("/")[2]
        lines.append(f"{words} {task}".strip())
    return [line for line in lines if not line.startswith("task.created")]


def listen_task(name: str, to: Json) -> Task:
    return {name: {"listen": {"to": to}}}


def test_every_kind_of_history_event_has_a_row() -> None:
    kinds = {field.name for field in Event.DESCRIPTOR.oneofs_by_name["kind"].fields}
    assert set(PROJECTIONS) == kinds


def test_every_type_is_told_by_some_kind_under_one_part_a_fact() -> None:
    assert {projection.type for row in PROJECTIONS.values() for projection in row} == types.ALL_TYPES
    for row in PROJECTIONS.values():
        parts = [projection.part for projection in row]
        assert len(parts) == len(set(parts))


def test_a_start_names_the_definition() -> None:
    first = told(Driver(set_task("greet", {"x": 1})).start())[0]
    assert first == LifecycleEvent(
        id=f"{EXECUTION_ID}/1",
        type=types.WORKFLOW_STARTED,
        source="/shop/orders",
        subject=EXECUTION_ID,
        lane_subject="",
        time=STARTED_AT,
        data={
            "name": NAME,
            "definition": {"name": "orders", "namespace": "shop", "version": "1.2.3"},
            "startedAt": STARTED_AT,
        },
    )


def test_a_run_from_its_start_to_its_end() -> None:
    assert [
        (event.id.removeprefix(EXECUTION_ID), event.type, dict(event.data))
        for event in told(Driver(set_task("greet", {"x": 1})).start())
    ][1:] == [
        (
            "/2/created",
            types.TASK_CREATED,
            {"workflow": NAME, "task": "/do/0/greet", "createdAt": STARTED_AT},
        ),
        ("/2", types.TASK_STARTED, {"workflow": NAME, "task": "/do/0/greet", "startedAt": STARTED_AT}),
        ("/3", types.TASK_COMPLETED, {"workflow": NAME, "task": "/do/0/greet", "completedAt": STARTED_AT}),
        ("/4", types.WORKFLOW_COMPLETED, {"name": NAME, "completedAt": STARTED_AT}),
    ]


def test_a_fault_an_operators_retry_and_a_cancellation() -> None:
    driver = Driver(raise_task("fail")).start()
    driver.retry()
    assert story(driver) == [
        "started",
        "task.started fail",
        "task.faulted fail",
        "faulted",
        "tidemill.workflow.retried",
        "task.started fail",
        "task.faulted fail",
        "faulted",
    ]
    faults = [event.data["error"] for event in told(driver) if "faulted" in event.type]
    assert all(isinstance(error, dict) and error["instance"] == "/do/0/fail" for error in faults)


def test_a_try_that_begins_its_block_again() -> None:
    catch = {"retry": {"delay": {"seconds": 1}, "limit": {"attempt": {"count": 1}}}}
    driver = Driver({"careful": {"try": [call_task("flaky")], "catch": catch}}).start()
    driver.fail("/do/0/careful/try/0/flaky")
    driver.fire_next()
    driver.succeed("/do/0/careful/try/0/flaky")
    assert story(driver) == [
        "started",
        "task.started careful",
        "task.started flaky",
        "task.faulted flaky",
        "task.retried careful",
        "task.started flaky",
        "task.completed flaky",
        "task.completed careful",
        "completed",
    ]


def test_a_pause_and_the_cancellation_of_an_execution() -> None:
    driver = Driver(wait_task("pause", 60)).start()
    driver.suspend()
    driver.resume()
    driver.cancel()
    assert story(driver) == ["started", "task.started pause", "suspended", "resumed", "cancelled"]
    assert [sorted(event.data) for event in told(driver)[-3:]] == [
        ["name", "suspendedAt"],
        ["name", "resumedAt"],
        ["cancelledAt", "name"],
    ]


def test_the_loser_of_a_race_is_cancelled_and_a_task_passed_over_is_not_told() -> None:
    race = {"race": {"fork": {"compete": True, "branches": [call_task("slow"), call_task("quick")]}}}
    driver = Driver(set_task("never", {"x": 1}, **{"if": "false"}), race).start()
    driver.succeed("/do/1/race/fork/branches/1/quick")
    assert "task.cancelled slow" in story(driver)
    assert not [line for line in story(driver) if "never" in line]


def test_a_listen_is_a_correlation_from_its_start_to_its_end() -> None:
    driver = Listener(listen_task("hear", {"one": {"with": {"type": "a"}}}))
    driver.start()
    assert driver.publish("a") == 1
    assert story(driver) == [
        "started",
        "task.started hear",
        "correlation-started",
        "correlation-completed",
        "task.completed hear",
        "completed",
    ]
    ids = [event.id for event in told(driver)]
    assert len(ids) == len(set(ids))


def test_the_steps_of_a_subscription_are_not_told() -> None:
    driver = subscribing(
        {"amount": 1}, foreach={"do": [set_task("note", {"n": "${ $item.payload }"})]}
    ).start()
    bring(driver, position=0)
    bring(driver, "a", position=1)
    assert story(driver) == [
        "started",
        "task.started call",
        "task.started note",
        "task.completed note",
        "task.completed call",
        "completed",
    ]
    faulted = subscribing({"amount": 1}).start()
    faulted.fail(CONSUME)
    assert story(faulted) == ["started", "task.started call", "faulted"]


def test_only_the_types_that_are_wanted_are_told() -> None:
    driver = Driver(set_task("greet", {"x": 1})).start()
    assert [event.type for event in told(driver, [types.TASK_CREATED])] == [types.TASK_CREATED]


def test_what_the_execution_is_about_goes_with_each_event() -> None:
    driver = Driver(set_task("greet", {"x": 1})).start(subject="contact-7")
    batch = HistoryBatch.FromString(driver.rows[0])
    assert {event.lane_subject for event in project(batch, 1, facts_of(driver, "contact-7"), ())} == {
        "contact-7"
    }


@pytest.mark.parametrize("data", [b"", HistoryBatch(schema=1, events=[Event()]).SerializeToString()])
def test_a_fact_of_a_kind_that_is_not_known_tells_nothing(data: bytes) -> None:
    facts = Facts(EXECUTION_ID, "shop", "orders", "1.2.3")
    assert list(project(HistoryBatch.FromString(data), 1, facts, ())) == []
