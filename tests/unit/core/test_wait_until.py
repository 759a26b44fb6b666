"""`waitUntil` goes on at a civil time, or once a window is open."""

import pytest

from tests.unit.core.driver import SECOND_US, START_US, Driver, Task, Value, set_task
from tidemill.civil.timestamps import parse_instant
from tidemill.civil.zones import load_zone
from tidemill.engine.core.state import Phase
from tidemill.engine.core.times import rfc3339

# START_US is Tuesday, 2023-11-14T22:13:20Z.


def until(name: str = "until", **given: Value) -> Task:
    return {name: {"call": "waitUntil:1.0.0@default", "with": given}}


def due_of(driver: Driver) -> str:
    (due_at_us,) = driver.timers.values()
    return rfc3339(due_at_us)


def with_metadata(**metadata: Value) -> Value:
    header = {"dsl": "1.0.3", "namespace": "shop", "name": "orders", "version": "1.2.3"}
    return {"document": {**header, "metadata": metadata}}


@pytest.mark.parametrize(
    "at",
    [
        "2023-11-15T08:00:00Z",
        "2023-11-15T09:00:00+01:00",
        "2023-11-15T08:00",
        "${ .when }",
        "${ .epoch }",
        {"iso8601": "2023-11-15T08:00:00Z"},
    ],
)
def test_it_waits_until_a_time_and_passes_its_input_on(at: Value) -> None:
    data = {"when": "2023-11-15T08:00:00Z", "epoch": 1_700_035_200}
    driver = Driver(until(at=at)).start(data)
    assert driver.phase is Phase.WAITING
    assert due_of(driver) == "2023-11-15T08:00:00Z"
    driver.fire_next()
    assert driver.output == data


@pytest.mark.parametrize(
    ("given", "metadata", "due"),
    [
        ({"timezone": "Europe/Paris"}, {}, "2023-11-15T07:00:00Z"),
        ({"timezone": "${ .zone }"}, {}, "2023-11-15T13:00:00Z"),
        ({}, {"timezone": "Europe/Paris"}, "2023-11-15T07:00:00Z"),
        ({}, {"timezone": "Asia/Tokyo", "tidemill": {"timezone": "Europe/Paris"}}, "2023-11-15T07:00:00Z"),
        ({"timezone": "UTC"}, {"timezone": "Asia/Tokyo"}, "2023-11-15T08:00:00Z"),
    ],
)
def test_a_time_without_an_offset_is_meant_in_a_zone(given: Task, metadata: Task, due: str) -> None:
    driver = Driver(until(at="2023-11-15T08:00", **given), **with_metadata(**metadata))
    assert due_of(driver.start({"zone": "America/New_York"})) == due


def test_a_time_that_the_clocks_jump_over_is_the_first_one_after() -> None:
    driver = Driver(until(at="2024-03-31T02:30", timezone="Europe/Paris")).start()
    assert due_of(driver) == "2024-03-31T01:00:00Z"


def test_a_window_that_is_open_is_no_wait() -> None:
    driver = Driver(until(window={"from": "22:00", "to": "23:00"})).start({"a": 1})
    assert driver.output == {"a": 1}


def test_a_window_that_is_closed_is_waited_for() -> None:
    window = {"days": "${ .days }", "from": "09:00", "to": "17:00"}
    driver = Driver(until(window=window, timezone="Europe/Paris")).start({"days": ["thu", "fri"]})
    assert due_of(driver) == "2023-11-16T08:00:00Z"
    driver.fire_next()
    assert driver.phase is Phase.COMPLETED


class TestPastDue:
    PAST = "2023-11-14T22:13:19Z"

    @pytest.mark.parametrize("given", [{}, {"pastDue": "continue"}, {"pastDue": "${ .policy }"}])
    def test_it_goes_on_at_once(self, given: Task) -> None:
        driver = Driver(until(at=self.PAST, **given), set_task("after", {"on": True}))
        assert driver.start({"policy": "continue"}).output == {"on": True}

    def test_it_leaves_the_list_that_holds_it(self) -> None:
        block: Task = {"block": {"do": [until(at=self.PAST, pastDue="skip"), set_task("greet", {"late": 1})]}}
        driver = Driver(block, set_task("after", {"got": "${ . }"})).start({"a": 1})
        assert driver.output == {"got": {"a": 1}}

    def test_it_raises_a_timeout_that_can_be_caught(self) -> None:
        driver = Driver(until(at=self.PAST, pastDue="fault")).start()
        assert (driver.error.status, driver.error.instance) == (408, "/do/0/until")
        assert driver.error.detail == f"the time to wait until, {self.PAST}, is past"
        guard: Task = {"guard": {"try": [until(at=self.PAST, pastDue="fault")], "catch": {}}}
        assert Driver(guard).start({"a": 1}).output == {"a": 1}

    @pytest.mark.parametrize("policy", ["skip", "fault"])
    def test_a_time_that_is_now_is_not_past(self, policy: str) -> None:
        now = rfc3339(START_US)
        driver = Driver(until(at=now, pastDue=policy), set_task("after", {"on": True}))
        assert driver.start().output == {"on": True}

    def test_a_timer_that_fires_late_was_in_time(self) -> None:
        driver = Driver(until(at="2023-11-15", pastDue="skip"), set_task("after", {"on": True})).start()
        driver.suspend()
        driver.now_us += 10 * 86_400 * SECOND_US
        driver.fire_next()
        driver.resume()
        assert driver.output == {"on": True}


@pytest.mark.parametrize(
    "given",
    [
        {"at": "${ .nothing }"},
        {"at": "tomorrow"},
        {"at": "2023-11-15", "timezone": "Mars/Base"},
        {"at": "2023-11-15", "pastDue": "${ .nothing }"},
        {"window": {"from": "9", "to": "17:00"}},
    ],
)
def test_what_means_no_time_is_an_error_of_the_task(given: Task) -> None:
    driver = Driver(until(**given)).start()
    assert driver.error.type.endswith("/errors/expression")
    assert driver.error.instance == "/do/0/until"


def test_a_timeout_of_the_task_comes_before_its_time() -> None:
    task = until(at="2023-11-16")
    task["until"]["timeout"] = {"after": "PT1H"}
    driver = Driver(task).start()
    driver.fire_next()
    assert driver.error.status == 408
    assert not driver.timers


def test_the_start_of_these_tests_is_known() -> None:
    assert parse_instant("2023-11-14T22:13:20Z", load_zone("UTC")) == START_US
