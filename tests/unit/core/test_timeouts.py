"""Timeouts of tasks and of the workflow."""

from tests.unit.core.driver import SECOND_US, START_US, Driver, Task, Value, call_task, set_task, wait_task
from tidemill.engine.core.effects import CancelAction, DisarmTimer
from tidemill.engine.core.events import TaskCancelled, TaskFaulted
from tidemill.engine.core.state import Phase

FIVE: Value = {"after": "PT5S"}


def test_a_task_that_takes_too_long_faults_and_its_call_is_cancelled() -> None:
    driver = Driver(call_task("ask", timeout=FIVE)).start()
    assert list(driver.timers.values()) == [START_US + 5 * SECOND_US]
    call = driver.call_of("/do/0/ask")
    decision = driver.fire_next()
    assert driver.error.type.endswith("/errors/timeout")
    assert (driver.error.status, driver.error.instance) == (408, "/do/0/ask")
    assert CancelAction(call.key, 1) in decision.effects


def test_a_task_in_time_leaves_no_timer() -> None:
    driver = Driver(call_task("ask", timeout=FIVE)).start()
    timer_id = next(iter(driver.timers))
    assert DisarmTimer(timer_id) in driver.succeed("/do/0/ask", 1).effects
    assert driver.output == 1


def test_a_block_that_takes_too_long_ends_all_below_it() -> None:
    inner = {"fork": {"fork": {"branches": [call_task("a"), wait_task("b", 60)]}}}
    driver = Driver({"block": {"do": [inner], "timeout": FIVE}}).start()
    driver.fire_next()
    assert driver.error.instance == "/do/0/block"
    assert driver.names(TaskCancelled) == ["fork"]
    assert driver.names(TaskFaulted) == ["block"]
    assert not driver.timers
    assert driver.state.owes


def test_a_timeout_can_be_caught() -> None:
    handler = set_task("handle", "${ $error.status }")
    driver = Driver({"try": {"try": [wait_task("long", 60, timeout=FIVE)], "catch": {"do": [handler]}}})
    driver.start().fire_next()
    assert driver.output == 408


def test_timeouts_come_by_name_and_by_expression() -> None:
    use: Value = {"timeouts": {"short": FIVE}}
    named = Driver(call_task("ask", timeout="short"), use=use).start()
    assert list(named.timers.values()) == [START_US + 5 * SECOND_US]
    calculated = Driver(call_task("ask", timeout={"after": '${ "PT\\(.n)S" }'})).start({"n": 9})
    assert list(calculated.timers.values()) == [START_US + 9 * SECOND_US]


def test_a_timeout_that_is_no_duration_faults_the_task() -> None:
    driver = Driver(call_task("ask", timeout={"after": "${ .n }"})).start({"n": "soon"})
    assert driver.error.instance == "/do/0/ask"
    assert not driver.all_calls


def test_the_workflows_timeout_cannot_be_caught_inside() -> None:
    driver = Driver({"try": {"try": [wait_task("long", 60)], "catch": {"do": []}}}, timeout=FIVE).start()
    assert driver.timers[":timeout"] == START_US + 5 * SECOND_US
    driver.fire_next()
    assert (driver.error.status, driver.error.instance) == (408, "/timeout")
    assert driver.names(TaskCancelled) == ["try"]
    assert not driver.timers


def test_a_workflow_in_time_leaves_no_timer() -> None:
    driver = Driver(call_task("ask"), timeout=FIVE).start()
    driver.succeed("/do/0/ask")
    assert driver.phase is Phase.COMPLETED
    assert not driver.timers


def test_a_workflow_that_was_started_with_a_timeout_only_is_still_running() -> None:
    assert Driver(call_task("ask"), timeout=FIVE).start().phase is Phase.RUNNING


def test_retry_arms_the_timeouts_around_the_faulted_task_again() -> None:
    block: Task = {"block": {"do": [call_task("ask")], "timeout": {"after": "PT9S"}}}
    driver = Driver(block, timeout=FIVE).start()
    old_timers = set(driver.timers)
    driver.now_us += 4 * SECOND_US
    driver.fail("/do/0/block/do/0/ask")
    assert not driver.timers
    driver.now_us += 60 * SECOND_US
    driver.retry()
    assert sorted(driver.timers.values()) == [driver.now_us + 5 * SECOND_US, driver.now_us + 9 * SECOND_US]
    assert not old_timers & set(driver.timers)


def test_after_the_workflows_timeout_a_retry_enters_again_what_was_under_way() -> None:
    driver = Driver(set_task("first", {"n": 1}), call_task("ask", "${ . }"), timeout=FIVE).start()
    driver.fire_next()
    driver.retry()
    call = driver.call_of("/do/1/ask")
    assert (call.attempt, call.arguments.value) == (2, {"n": 1})
    driver.succeed("/do/1/ask", "done")
    assert driver.output == "done"


def test_a_timeout_of_a_task_that_was_entered_again_starts_anew() -> None:
    driver = Driver(wait_task("tick", 60, timeout=FIVE)).start()
    driver.fire_next()
    driver.retry()
    assert min(driver.timers.values()) == driver.now_us + 5 * SECOND_US
