"""`pace` asks its lane for a slot, and goes on when the slot has come."""

import pytest

from tests.unit.core.driver import SECOND_US, START_US, Driver, Task, Value, call_task, set_task
from tidemill import lanes
from tidemill.engine.core.events import SlotGranted, SlotRequested
from tidemill.engine.core.state import Phase

REQUEST = "/do/0/slow#1/1"


def pace(name: str = "slow", **given: Value) -> Task:
    return {name: {"call": "pace:1.0.0@default", "with": {"limit": 10, "per": "PT1M", **given}}}


def test_it_waits_for_its_slot_and_then_until_its_slot() -> None:
    driver = Driver(pace(), set_task("after", {"got": "${ . }"})).start({"a": 1})
    assert driver.phase is Phase.WAITING
    lane = lanes.pace_lane("shop", "orders")
    assert driver.slots == {REQUEST: SlotRequested(REQUEST, lane, 10, 60 * SECOND_US)}
    driver.grant(REQUEST, 30)
    assert driver.phase is Phase.WAITING
    assert list(driver.timers.values()) == [START_US + 30 * SECOND_US]
    driver.fire_next()
    assert driver.output == {"got": {"a": 1}}


def test_the_limit_the_period_and_the_key_may_be_expressions() -> None:
    task = pace(limit="${ .n }", per={"seconds": 2}, key="${ .key }")
    driver = Driver(task).start({"n": 3, "key": "sms"})
    assert driver.slots[REQUEST] == SlotRequested(REQUEST, lanes.pace_lane("shop", "sms"), 3, 2 * SECOND_US)


def test_a_grant_that_comes_twice_or_for_nobody_changes_nothing() -> None:
    driver = Driver(pace()).start()
    driver.grant(REQUEST)
    assert not driver.grant(REQUEST).events
    assert not driver.grant("nobody").events


def test_a_grant_is_a_fact_while_suspended_and_its_timer_too() -> None:
    driver = Driver(pace()).start({"a": 1})
    driver.suspend()
    driver.grant(REQUEST, 5)
    assert isinstance(driver.events[-1], SlotGranted)
    driver.fire_next()
    assert driver.phase is Phase.SUSPENDED
    driver.resume()
    assert driver.output == {"a": 1}


@pytest.mark.parametrize("end", ["timeout", "cancel", "race"])
def test_a_slot_that_nobody_wants_any_more_is_forgotten(end: str) -> None:
    task = pace()
    task["slow"]["timeout"] = {"after": "PT5S"}
    branches = [task, call_task("quick")]
    driver = Driver({"race": {"fork": {"branches": branches, "compete": True}}}).start()
    match end:
        case "timeout":
            driver.fire_next()
            assert driver.error.status == 408
        case "cancel":
            driver.cancel()
        case _:
            driver.succeed("/do/0/race/fork/branches/1/quick", 1)
    assert not driver.state.slots
    (request,) = driver.slots
    assert not driver.grant(request).events


def test_a_retry_asks_again_under_another_name() -> None:
    driver = Driver({"both": {"fork": {"branches": [pace(), call_task("ask")]}}}).start()
    driver.fail("/do/0/both/fork/branches/1/ask")
    driver.retry()
    assert [request.rpartition("#")[2] for request in driver.slots] == ["1/1", "1/2"]


@pytest.mark.parametrize(
    "given",
    [
        {"limit": "${ 0 }"},
        {"limit": "${ .nothing }"},
        {"limit": "${ 1e7 }"},
        {"per": "${ .nothing }"},
        {"per": {"seconds": 0}},
        {"key": "${ 5 }"},
        {"key": "k" * 300},
    ],
)
def test_what_means_no_pace_is_an_error_of_the_task(given: Task) -> None:
    driver = Driver(pace(**given)).start()
    assert driver.error.type.endswith("/errors/expression")
    assert driver.error.instance == "/do/0/slow"
