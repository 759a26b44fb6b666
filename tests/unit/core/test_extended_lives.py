"""The lives of extended tasks: keys, timeouts, cancellation, retries, suspensions, turns."""

from tests.unit.core.driver import call_task, set_task, wait_task
from tests.unit.core.extensions import add, extended, extension, seen
from tidemill.engine.core.commands import FireTimer
from tidemill.engine.core.state import Phase


def test_rounds_jumps_and_retries_keep_keys_apart() -> None:
    by = [extension("log", "call", before=[call_task("tell")], after=[call_task("told")])]
    catch = {"retry": {"limit": {"attempt": {"count": 1}}}}
    careful = {"careful": {"try": [call_task("ask")], "catch": catch}}
    again = {"again": {"switch": [{"more": {"when": ". == 1", "then": "careful"}}]}}
    driver = extended(careful, again, by=by).start()
    ask = "/do/0/careful/try/0/ask"
    before, itself, after = (
        f"{ask}/use/extensions/0/log/before/0/tell",
        f"{ask}/extended/0/ask",
        f"{ask}/use/extensions/0/log/after/0/told",
    )
    driver.succeed(before)
    driver.fail(itself)
    for output in (1, 2):
        driver.succeed(before)
        driver.succeed(itself)
        driver.succeed(after, output)
    assert driver.output == 2
    keys = [(call.key.partition("#")[2], call.attempt) for call in driver.all_calls]
    first, second = [("1.0.1", 2)] * 3, [("2.0.2", 1)] * 3
    assert keys == [("1.0.1", 1), ("1.0.1", 1), *first, *second]


def test_a_timeout_is_that_of_the_task_itself() -> None:
    by = [extension("log", "call", before=[wait_task("pause", 60)], after=[wait_task("pause", 60)])]
    driver = extended(call_task("ask", timeout={"after": {"seconds": 5}}), by=by).start()
    driver.fire_next()
    assert [timer.rpartition(":")[2] for timer in driver.timers] == ["timeout"]
    driver.fire_next()
    assert (driver.error.status, driver.error.instance) == (408, "/do/0/ask")
    assert driver.error.detail == "/do/0/ask took longer than its timeout"
    assert len(driver.cancellations) == 1


def test_a_cancelled_execution_cancels_what_an_extension_has_under_way() -> None:
    driver = extended(add("it"), by=[extension("log", "set", before=[call_task("tell")])]).start()
    driver.cancel()
    assert driver.phase is Phase.CANCELLED
    assert len(driver.cancellations) == 1


def test_an_operators_retry_goes_on_where_it_failed() -> None:
    by = [extension("log", "call", before=[call_task("tell")], after=[call_task("told")])]
    driver = extended(call_task("ask"), by=by).start()
    driver.succeed("/do/0/ask/use/extensions/0/log/before/0/tell", 1)
    driver.fail("/do/0/ask/extended/0/ask")
    driver.retry()
    driver.succeed("/do/0/ask/extended/0/ask", 2)
    driver.fail("/do/0/ask/use/extensions/0/log/after/0/told")
    driver.retry()
    driver.succeed("/do/0/ask/use/extensions/0/log/after/0/told", 3)
    assert driver.output == 3
    assert [call.attempt for call in driver.all_calls] == [1, 1, 2, 2, 3]


def test_an_extension_waits_through_a_suspension() -> None:
    driver = extended(add("it"), by=[extension("log", "set", after=[wait_task("pause", 60)])]).start()
    driver.suspend()
    (timer,) = driver.timers
    driver.now_us = driver.timers[timer]
    driver.command(FireTimer(timer))
    driver.resume()
    assert driver.output == seen("it")


def test_a_long_loop_of_extended_tasks_takes_its_turns() -> None:
    loop = {"loop": {"for": {"in": "[range(1500)]"}, "do": [set_task("n", "${ . + 1 }")]}}
    by = [extension("log", "set", before=[set_task("n", "${ . + 1 }")])]
    driver = extended(loop, by=by)
    driver.checks = False
    assert driver.start(0).go_on().output == 3000
