"""`wait` goes on after a time."""

import pytest

from tests.unit.core.driver import SECOND_US, START_US, Driver, Value, set_task, wait_task
from tidemill.engine.core.commands import FireTimer
from tidemill.engine.core.effects import ArmTimer
from tidemill.engine.core.state import Phase


def test_it_waits_for_its_timer_and_passes_its_input_on() -> None:
    driver = Driver(wait_task("pause", 90)).start({"a": 1})
    assert driver.phase is Phase.WAITING
    assert driver.timers == {"/do/0/pause#1/1:wait": START_US + 90 * SECOND_US}
    driver.fire_next()
    assert driver.output == {"a": 1}


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("PT30S", 30), ("P1DT12H", 129_600), ({"minutes": 2, "seconds": 1}, 121), ('${ "PT\\(.n)S" }', 7)],
)
def test_durations_come_in_all_forms(duration: Value, seconds: int) -> None:
    driver = Driver({"pause": {"wait": duration}})
    decision = driver.start({"n": 7})
    assert list(decision.timers.values()) == [START_US + seconds * SECOND_US]


def test_an_expression_that_gives_no_duration_faults() -> None:
    driver = Driver({"pause": {"wait": "${ .n }"}}).start({"n": "soon"})
    assert driver.error.type.endswith("/errors/expression")
    assert driver.error.instance == "/do/0/pause"


def test_a_timer_that_fires_twice_or_was_never_armed_changes_nothing() -> None:
    driver = Driver(wait_task("one", 1), wait_task("two", 1)).start()
    timer_id = next(iter(driver.timers))
    driver.fire_next()
    assert not driver.command(FireTimer(timer_id)).events
    assert not driver.command(FireTimer("anything")).events


def test_each_time_a_wait_is_entered_its_timer_has_a_name_of_its_own() -> None:
    driver = Driver(wait_task("tick", 1), set_task("again", "${ . }", then="tick")).start()
    seen = set()
    for _ in range(3):
        seen |= set(driver.timers)
        decision = driver.fire_next()
        assert any(isinstance(effect, ArmTimer) for effect in decision.effects)
    assert len(seen) == 3
