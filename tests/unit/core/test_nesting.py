"""A fork in a for in a try in a fork, with a timeout at every level: what is left behind is cancelled."""

from typing import Final

import pytest

from tests.unit.core.driver import Driver, Task, Value, call_task, wait_task
from tidemill.engine.core.commands import FireTimer
from tidemill.engine.core.events import TaskCancelled, TaskFaulted
from tidemill.engine.core.state import Phase

OUTER: Final = "/do/0/outer"
GUARD: Final = f"{OUTER}/fork/branches/0/guard"
EACH: Final = f"{GUARD}/try/0/each"
INNER: Final = f"{EACH}/do/0/inner"
FAST: Final = f"{INNER}/fork/branches/0/fast"
SLOW: Final = f"{INNER}/fork/branches/1/slow"
CHILD: Final = f"{INNER}/fork/branches/2/child"
PACED: Final = f"{INNER}/fork/branches/3/paced"
BESIDE: Final = f"{OUTER}/fork/branches/1/beside"
# The levels from the outside in, each of which may run out of time.
LEVELS: Final = {"workflow": "", "outer": OUTER, "guard": GUARD, "each": EACH, "inner": INNER, "fast": FAST}


def after(seconds: int) -> Value:
    return {"timeout": {"after": {"seconds": seconds}}}


def nested(*, first: str = "", compete: bool = True, catch: Task | None = None) -> Driver:
    """The timeout of one level is the first to come; without one the tasks may take their time."""

    def timeout(level: str) -> Value:
        return after(5 if level == first else 500)

    child: Task = {"child": {"run": {"workflow": {"namespace": "shop", "name": "other"}}}}
    paced: Task = {"paced": {"call": "pace:1.0.0@default", "with": {"limit": 1, "per": "PT1S"}}}
    branches = [call_task("fast", **timeout("fast")), wait_task("slow", 600), child, paced]
    inner: Task = {"inner": {"fork": {"branches": branches, "compete": compete}, **timeout("inner")}}
    each: Task = {"each": {"for": {"in": "[1, 2]"}, "do": [inner], **timeout("each")}}
    guard: Task = {"guard": {"try": [each], "catch": catch or {"do": []}, **timeout("guard")}}
    outer: Task = {"outer": {"fork": {"branches": [guard, call_task("beside")]}, **timeout("outer")}}
    return Driver(outer, **timeout("workflow")).start({"n": 1})


def fire_first(driver: Driver) -> None:
    timer_id = min(driver.timers, key=lambda name: driver.timers[name])
    driver.now_us = driver.timers[timer_id]
    driver.command(FireTimer(timer_id))


def test_the_losers_of_each_round_are_really_cancelled() -> None:
    driver = nested()
    for number in (1, 2):
        assert set(driver.state.frames) >= {FAST, SLOW, CHILD, PACED}
        child = driver.child_of(CHILD)
        driver.succeed(FAST, {"round": number})
        assert driver.cancelled_children[-1] == child.execution_id
        assert driver.names(TaskCancelled) == ["slow", "child", "paced"] * number
    assert not driver.children
    assert not driver.state.slots
    driver.succeed(BESIDE, "b")
    assert driver.output == [{"round": 2}, "b"]
    assert not driver.timers


def test_a_child_may_win_and_then_the_calls_of_the_round_are_cancelled() -> None:
    driver = nested()
    fast = driver.call_of(FAST)
    driver.end_child(driver.child_of(CHILD), output={"by": "child"})
    assert driver.cancellations == {(fast.key, 1)}
    assert driver.call_of(FAST).key != fast.key


@pytest.mark.parametrize("first", LEVELS)
def test_a_timeout_ends_all_that_is_below_its_level(first: str) -> None:
    driver = nested(first=first)
    fast, beside, child = driver.call_of(FAST), driver.call_of(BESIDE), driver.child_of(CHILD)
    fire_first(driver)
    assert (fast.key, 1) in driver.cancellations
    assert driver.cancelled_children == [child.execution_id]
    assert not driver.state.slots
    if first in ("workflow", "outer", "guard"):
        assert driver.error.status == 408
        assert driver.error.instance == (LEVELS[first] or "/timeout")
        assert (beside.key, 1) in driver.cancellations
        assert not driver.timers
    else:
        # What is inside of the `try` is caught there, and the branch beside it goes on.
        assert driver.phase is Phase.RUNNING
        assert set(driver.state.frames) == {OUTER, BESIDE}
        driver.succeed(BESIDE, "b")
        assert driver.output == [{"n": 1}, "b"]
        assert not driver.timers


def test_a_fault_deep_inside_ends_the_round_and_is_caught_outside() -> None:
    driver = nested(compete=False)
    child = driver.child_of(CHILD)
    driver.fail(FAST)
    assert driver.names(TaskFaulted) == ["fast"]
    assert driver.cancelled_children == [child.execution_id]
    assert set(driver.state.frames) == {OUTER, BESIDE}


def test_a_retry_of_the_whole_enters_each_level_again_with_a_child_of_its_own() -> None:
    catch: Value = {"retry": {"delay": "PT1S", "limit": {"attempt": {"count": 1}}}}
    driver = nested(first="inner", catch=catch)
    fire_first(driver)
    assert list(driver.state.frames) == [OUTER, GUARD, BESIDE]
    fire_first(driver)
    assert driver.call_of(FAST).attempt == 2
    assert len({child.execution_id for child in driver.all_children}) == 2
    fire_first(driver)
    assert driver.error.instance == INNER
    assert len(driver.cancelled_children) == 2
    driver.retry()
    assert driver.call_of(FAST).attempt == 3
    assert len({child.execution_id for child in driver.all_children}) == 3


@pytest.mark.parametrize("end", ["cancel", "fault beside"])
def test_an_end_from_outside_leaves_nothing_under_way(end: str) -> None:
    driver = nested()
    child = driver.child_of(CHILD)
    if end == "cancel":
        driver.cancel()
    else:
        driver.fail(BESIDE)
    assert driver.cancelled_children == [child.execution_id]
    assert not driver.timers
    assert not driver.state.slots
    assert not driver.state.children
