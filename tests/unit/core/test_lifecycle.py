"""Suspension, cancellation, faults and retries of a whole execution."""

from tests.unit.core.driver import (
    EXECUTION_ID,
    Driver,
    Task,
    Value,
    call_task,
    raise_task,
    set_task,
    wait_task,
)
from tidemill.engine.core.apply import fold
from tidemill.engine.core.commands import Resume
from tidemill.engine.core.decide import decide
from tidemill.engine.core.effects import CallAction, CancelAction
from tidemill.engine.core.events import (
    ActionCompleted,
    ActionState,
    Event,
    ExecutionStarted,
    ExecutionSuspended,
    TaskStarted,
)
from tidemill.engine.core.owed import owed_effects
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.state import Phase

FORK = "/do/0/fork/fork/branches"


def fork(*branches: Task, **members: Value) -> Task:
    return {"fork": {"fork": {"branches": list(branches)}, **members}}


class TestSuspension:
    def test_a_result_is_kept_as_a_fact_and_acted_on_by_resume(self) -> None:
        driver = Driver(call_task("a"), call_task("b")).start()
        driver.suspend()
        driver.succeed("/do/0/a", {"n": 1})
        assert driver.phase is Phase.SUSPENDED
        assert not driver.calls
        assert not driver.state.owes
        driver.resume()
        assert driver.call_of("/do/1/b").attempt == 1

    def test_a_call_that_was_released_before_stays_owed(self) -> None:
        driver = Driver(call_task("a")).start()
        driver.suspend()
        assert owed_effects(driver.state) == driver.all_calls
        assert driver.state.owes

    def test_a_timer_that_fires_is_kept_as_a_fact(self) -> None:
        driver = Driver(wait_task("pause", 5), set_task("after", {"a": 1})).start()
        driver.suspend()
        driver.fire_next()
        assert driver.phase is Phase.SUSPENDED
        driver.resume()
        assert driver.output == {"a": 1}

    def test_facts_are_acted_on_in_the_order_in_which_they_came(self) -> None:
        for timer_first in (True, False):
            driver = Driver(call_task("a", timeout={"after": "PT5S"})).start()
            call = driver.call_of("/do/0/a")
            driver.suspend()
            if timer_first:
                driver.fire_next()
            driver.answer(call, ActionState.SUCCEEDED, output=Payload.of(1))
            if not timer_first:
                driver.fire_next()
            driver.resume()
            assert (driver.phase is Phase.FAULTED) == timer_first

    def test_a_retry_delay_and_a_workflow_timeout_can_run_out_meanwhile(self) -> None:
        attempt: Task = {"try": {"try": [call_task("a")], "catch": {"retry": {"delay": "PT3S"}}}}
        driver = Driver(attempt, timeout={"after": "PT9S"}).start()
        driver.fail("/do/0/try/try/0/a")
        driver.suspend()
        driver.fire_next()
        driver.fire_next()
        driver.resume()
        assert driver.error.instance == "/timeout"
        # The retry's call was cancelled before it was ever sent.
        assert len(driver.all_calls) == 1
        assert driver.cancellations == {(driver.all_calls[0].key, 2)}

    def test_two_branches_go_on_from_their_facts(self) -> None:
        driver = Driver(fork(call_task("a"), wait_task("b", 5))).start({"n": 1})
        driver.suspend()
        driver.fire_next()
        driver.succeed(f"{FORK}/0/a", 5)
        driver.resume()
        assert driver.output == [5, {"n": 1}]

    def test_nothing_to_go_on_from_is_fine(self) -> None:
        driver = Driver(call_task("a")).start()
        driver.suspend()
        driver.resume()
        assert driver.phase is Phase.RUNNING
        driver.succeed("/do/0/a", 1)
        assert driver.output == 1

    def test_an_execution_that_was_suspended_before_its_first_task_begins(self) -> None:
        driver = Driver(call_task("a"), timeout={"after": "PT9S"})
        raw_input = Payload.of({"n": 1})
        started = ExecutionStarted(namespace="shop", workflow="orders", version="1.2.3", raw_input=raw_input)
        history: list[tuple[int, Event]] = [(0, started), (0, ExecutionSuspended("engine_error"))]
        state = fold(EXECUTION_ID, history)
        decision = decide(driver.plan, state, Resume(), now_us=1, seed=1)
        assert [type(event).__name__ for event in decision.events] == ["ExecutionResumed", "TaskStarted"]


class TestCancellation:
    def test_it_is_terminal_at_once_and_running_calls_are_cancelled(self) -> None:
        driver = Driver(fork(call_task("a"), wait_task("b", 5)), timeout={"after": "PT9S"}).start()
        call = driver.call_of(f"{FORK}/0/a")
        decision = driver.cancel()
        assert driver.phase is Phase.CANCELLED
        assert CancelAction(call.key, 1) in decision.effects
        assert not driver.timers
        assert driver.state.reason == "enough"
        assert driver.state.closed_at_us == driver.now_us
        assert driver.state.owes

    def test_a_late_result_is_recorded_as_late_and_settles_the_debt(self) -> None:
        driver = Driver(call_task("a"), call_task("b")).start()
        call = driver.call_of("/do/0/a")
        driver.cancel()
        decision = driver.answer(call, ActionState.SUCCEEDED, output=Payload.of(1))
        (event,) = decision.events
        assert isinstance(event, ActionCompleted)
        assert event.late
        assert not driver.state.owes
        assert not driver.answer(call, ActionState.SUCCEEDED).events

    def test_a_confirmation_settles_the_debt_once(self) -> None:
        driver = Driver(call_task("a")).start()
        call = driver.call_of("/do/0/a")
        driver.cancel()
        assert len(driver.confirm(call.key).events) == 1
        assert not driver.state.owes
        assert not driver.confirm(call.key).events

    def test_a_suspended_execution_can_be_cancelled(self) -> None:
        driver = Driver(call_task("a")).start()
        driver.suspend()
        driver.cancel()
        assert driver.phase is Phase.CANCELLED


class TestRetry:
    def test_the_faulted_task_is_entered_again_with_its_recorded_input(self) -> None:
        driver = Driver(call_task("a"), call_task("b", "${ . }", input={"from": ".n"})).start()
        driver.succeed("/do/0/a", {"n": 5})
        driver.fail("/do/1/b")
        driver.retry()
        call = driver.call_of("/do/1/b")
        assert (call.attempt, call.arguments.value) == (2, 5)
        assert driver.phase is Phase.RUNNING
        assert driver.state.error is None
        driver.succeed("/do/1/b", "done")
        assert driver.output == "done"

    def test_branches_that_the_fault_cancelled_are_entered_again_where_they_were(self) -> None:
        block: Task = {"block": {"do": [call_task("b1"), call_task("b2", "${ . }")]}}
        driver = Driver(fork(call_task("a"), block, set_task("c", {"c": 1}))).start({"n": 0})
        driver.succeed(f"{FORK}/1/block/do/0/b1", {"n": 1})
        second = driver.call_of(f"{FORK}/1/block/do/1/b2")
        driver.fail(f"{FORK}/0/a")
        driver.retry()
        assert driver.call_of(f"{FORK}/0/a").attempt == 2
        again = driver.call_of(second.reference)
        assert (again.key, again.attempt, again.arguments.value) == (second.key, 2, {"n": 1})
        # The cancelled attempt is still owed its end, apart from the new one.
        assert CancelAction(second.key, 1) in owed_effects(driver.state)
        driver.answer(second, ActionState.CANCELLED, error=Problem("x", 500))
        driver.succeed(f"{FORK}/1/block/do/1/b2", "b")
        driver.succeed(f"{FORK}/0/a", "a")
        assert driver.output == ["a", "b", {"c": 1}]

    def test_branches_that_never_began_are_entered(self) -> None:
        driver = Driver(
            fork(set_task("a", {"t": "${ if now > 1700000001 then 1 else . + 1 end }"}), call_task("b"))
        ).start({"x": 1})
        assert driver.phase is Phase.FAULTED
        assert not driver.all_calls
        driver.now_us += 2_000_000
        driver.retry()
        driver.succeed(f"{FORK}/1/b", 2)
        assert driver.output == [{"t": 1}, 2]

    def test_a_loop_goes_on_in_its_round(self) -> None:
        loop = {"loop": {"for": {"in": "[1, 2, 3]"}, "do": [call_task("ask", {"n": "${ $item }"})]}}
        driver = Driver(loop).start()
        driver.succeed("/do/0/loop/do/0/ask")
        driver.fail("/do/0/loop/do/0/ask")
        driver.retry()
        for item in (2, 3):
            assert driver.call_of("/do/0/loop/do/0/ask").arguments.value == {"n": item}
            driver.succeed("/do/0/loop/do/0/ask", item)
        assert driver.output == 3

    def test_a_faulted_block_is_entered_again_as_a_whole(self) -> None:
        block: Task = {
            "block": {"do": [call_task("a")], "output": {"as": "if . == 1 then . + {} else . end"}}
        }
        driver = Driver(block).start({"n": 0})
        driver.succeed("/do/0/block/do/0/a", 1)
        assert driver.error.instance == "/do/0/block"
        driver.retry()
        assert driver.names(TaskStarted) == ["block", "a", "block", "a"]
        driver.succeed("/do/0/block/do/0/a", 2)
        assert driver.output == 2

    def test_inside_a_handler_the_caught_error_is_still_known(self) -> None:
        catch: Value = {"do": [call_task("help", {"status": "${ $error.status }"})]}
        driver = Driver({"try": {"try": [raise_task("oops", 404)], "catch": catch}}).start()
        driver.fail("/do/0/try/catch/do/0/help")
        driver.retry()
        assert driver.call_of("/do/0/try/catch/do/0/help").arguments.value == {"status": 404}

    def test_it_can_fault_again_and_be_retried_again(self) -> None:
        driver = Driver(call_task("a")).start()
        for attempt in (1, 2, 3):
            assert driver.call_of("/do/0/a").attempt == attempt
            driver.fail("/do/0/a")
            driver.retry()
        driver.succeed("/do/0/a", 1)
        assert driver.output == 1

    def test_a_skip_on_the_second_look_is_a_skip(self) -> None:
        task = raise_task("oops", **{"if": "now < 1700000001"})
        driver = Driver(task, set_task("after", {"n": "${ .n }"})).start({"n": 1})
        driver.now_us += 5_000_000
        driver.retry()
        assert driver.output == {"n": 1}

    def test_a_cancelled_wait_in_a_branch_waits_its_whole_time_again(self) -> None:
        driver = Driver(fork(call_task("a"), wait_task("b", 10))).start()
        driver.now_us += 5_000_000
        driver.fail(f"{FORK}/0/a")
        driver.retry()
        assert list(driver.timers.values()) == [driver.now_us + 10_000_000]

    def test_a_fault_at_once_in_the_retry_leaves_the_others_to_the_next_one(self) -> None:
        wanted = "if now > 1700000009 then 1 else . + 1 end"
        branches = [set_task("a", {"t": f"${{ {wanted} }}"}), call_task("b")]
        outer = fork(call_task("x"), {"inner": {"fork": {"branches": branches}}})
        driver = Driver(outer).start({"o": 1})
        driver.retry()
        assert driver.phase is Phase.FAULTED
        driver.now_us += 10_000_000
        driver.retry()
        inner = f"{FORK}/1/inner/fork/branches"
        driver.succeed(f"{FORK}/0/x", "x")
        driver.succeed(f"{inner}/1/b", "b")
        assert driver.output == ["x", [{"t": 1}, "b"]]
        assert all(isinstance(call, CallAction) for call in driver.all_calls)
