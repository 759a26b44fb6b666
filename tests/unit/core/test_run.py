"""`run` starts another workflow, and waits for its end or does not."""

import pytest

from tests.unit.core.driver import (
    EXECUTION_ID,
    PROBLEM_TYPE,
    START_US,
    Driver,
    Task,
    Value,
    call_task,
    rejected,
    set_task,
    wait_task,
)
from tidemill import lanes
from tidemill.engine.core.commands import Cancel, Start
from tidemill.engine.core.decision import RejectionReason
from tidemill.engine.core.effects import CancelChild, TellParent
from tidemill.engine.core.events import ChildCompleted, ChildState
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.state import Phase

OUTAGE = Problem(PROBLEM_TYPE, 503, "Outage", "all is dark", "/do/7/deep")
BILL = "/do/0/bill"


def run_task(name: str = "bill", awaits: bool | None = None, **workflow: Value) -> Task:
    run: Task = {"workflow": {"namespace": "shop", "name": "invoice", **workflow}}
    return {name: {"run": run if awaits is None else {**run, "await": awaits}}}


def start_of(*, parent: str = "", depth: int = 0) -> Start:
    return Start(
        execution_id=EXECUTION_ID,
        namespace="shop",
        workflow="orders",
        version="1.2.3",
        subject="contact-1",
        input=Payload.of({}),
        parent=parent,
        depth=depth,
    )


class TestStart:
    def test_the_child_stands_in_its_parents_lane_under_an_id_of_its_own(self) -> None:
        driver = Driver(run_task(version="2.0.0", input={"order": "${ .id }"}))
        driver.command(start_of())
        decision = driver.maybe_state
        assert decision is not None
        child = driver.child_of(BILL)
        unique = lanes.derived_uuid(("child", EXECUTION_ID, BILL, "1", "1"))
        assert child.execution_id == f"{EXECUTION_ID[:8]}-{unique}"
        assert (child.namespace, child.workflow, child.version) == ("shop", "invoice", "2.0.0")
        assert (child.subject, child.awaited, child.origin) == ("contact-1", True, None)
        assert driver.phase is Phase.RUNNING

    def test_the_input_is_resolved_and_is_an_empty_object_without_one(self) -> None:
        given = Driver(run_task(input={"order": "${ .id }"})).start({"id": 7})
        assert given.child_of(BILL).input.value == {"order": 7}
        assert Driver(run_task()).start({"id": 7}).child_of(BILL).input.value == {}

    @pytest.mark.parametrize("version", [{}, {"version": "latest"}, {"version": "${ .v }"}])
    def test_the_latest_version_is_left_to_the_start(self, version: Task) -> None:
        assert Driver(run_task(**version)).start({"v": "latest"}).child_of(BILL).version == ""

    def test_names_may_be_expressions(self) -> None:
        driver = Driver(run_task(name="bill", namespace="${ .where }")).start({"where": "elsewhere"})
        assert driver.child_of(BILL).namespace == "elsewhere"

    @pytest.mark.parametrize("name", ["", 5, None, "n" * 300])
    def test_a_name_that_cannot_be_one_is_an_error_of_the_task(self, name: Value) -> None:
        driver = Driver({"bill": {"run": {"workflow": {"namespace": "shop", "name": "${ .name }"}}}})
        driver.start({"name": name})
        assert driver.error.type.endswith("/errors/expression")
        assert driver.error.instance == BILL

    def test_without_await_the_task_ends_with_its_input_at_once(self) -> None:
        driver = Driver(run_task(awaits=False, input={"a": 1})).start({"n": 1})
        assert driver.output == {"n": 1}
        (child,) = driver.all_children
        assert not child.awaited
        assert not driver.cancelled_children

    def test_the_depth_of_children_is_bounded(self) -> None:
        limits = CoreSettings(child_depth_max=2)
        allowed = Driver(run_task(), settings=limits)
        allowed.command(start_of(depth=1))
        assert allowed.phase is Phase.RUNNING
        refused = Driver(run_task(awaits=False), settings=limits)
        refused.command(start_of(depth=2))
        assert "child_depth_max (2)" in refused.error.detail
        assert not refused.all_children

    def test_a_successor_that_is_started_after_a_while_is_no_deeper(self) -> None:
        limits = CoreSettings(child_depth_max=2, runaway_us=1_000_000)
        pause: Task = {"pause": {"wait": {"seconds": 1}}}
        driver = Driver(pause, run_task(awaits=False), settings=limits)
        driver.command(start_of(depth=2))
        driver.fire_next()
        (child,) = driver.all_children
        assert child.depth == 0


class TestEnd:
    def test_the_output_of_the_child_is_that_of_the_task(self) -> None:
        driver = Driver(run_task()).start({"n": 1})
        driver.end_child(driver.child_of(BILL), output={"paid": True})
        assert driver.output == {"paid": True}

    def test_a_child_may_end_with_null(self) -> None:
        driver = Driver(run_task()).start({"n": 1})
        driver.end_child(driver.child_of(BILL))
        assert driver.output is None

    def test_its_error_is_raised_here_as_it_gave_it(self) -> None:
        driver = Driver(run_task()).start()
        driver.end_child(driver.child_of(BILL), ChildState.FAULTED, error=OUTAGE)
        assert driver.error == Problem(PROBLEM_TYPE, 503, "Outage", "all is dark", BILL)

    def test_its_error_can_be_caught(self) -> None:
        catch: Value = {"errors": {"with": {"status": 503}}, "do": [set_task("sorry", {"ok": False})]}
        driver = Driver({"guard": {"try": [run_task()], "catch": catch}}).start()
        child = driver.child_of("/do/0/guard/try/0/bill")
        driver.end_child(child, ChildState.FAULTED, error=OUTAGE)
        assert driver.output == {"ok": False}

    @pytest.mark.parametrize("state", [ChildState.CANCELLED, ChildState.FAULTED])
    def test_an_end_without_an_error_of_its_own_is_a_runtime_error(self, state: ChildState) -> None:
        driver = Driver(run_task()).start()
        child = driver.child_of(BILL)
        driver.end_child(child, state)
        assert driver.error.type.endswith("/errors/runtime")
        assert driver.error.detail == f"the execution {child.execution_id} ended as {state.name.lower()}"

    def test_an_end_that_comes_twice_or_late_changes_nothing(self) -> None:
        driver = Driver(run_task(), call_task("ask")).start()
        child = driver.child_of(BILL)
        driver.end_child(child)
        assert not driver.end_child(child).events
        driver.cancel()
        assert not driver.end_child(child).events

    def test_an_end_is_kept_while_suspended_and_acted_on_by_resume(self) -> None:
        driver = Driver(run_task(), set_task("after", {"a": "${ . }"})).start()
        driver.suspend()
        driver.end_child(driver.child_of(BILL), output=5)
        assert driver.phase is Phase.SUSPENDED
        assert isinstance(driver.events[-1], ChildCompleted)
        driver.resume()
        assert driver.output == {"a": 5}

    def test_a_timeout_and_an_end_count_in_the_order_in_which_they_came(self) -> None:
        for timer_first in (True, False):
            driver = Driver({"bill": {**run_task()["bill"], "timeout": {"after": "PT5S"}}}).start()
            child = driver.child_of(BILL)
            driver.suspend()
            if timer_first:
                driver.fire_next()
            driver.end_child(child)
            if not timer_first:
                driver.fire_next()
            driver.resume()
            assert (driver.phase is Phase.FAULTED) == timer_first


class TestCancellation:
    def test_a_timeout_ends_the_child(self) -> None:
        driver = Driver({"bill": {**run_task()["bill"], "timeout": {"after": "PT5S"}}}).start()
        child = driver.child_of(BILL)
        decision = driver.fire_next()
        assert driver.error.status == 408
        assert [effect for effect in decision.effects if isinstance(effect, CancelChild)] == [
            CancelChild(child.execution_id, "nothing waits for it any more")
        ]

    def test_a_lost_race_ends_the_child(self) -> None:
        branches = [run_task(), call_task("quick")]
        driver = Driver({"race": {"fork": {"branches": branches, "compete": True}}}).start()
        child = driver.child_of("/do/0/race/fork/branches/0/bill")
        driver.succeed("/do/0/race/fork/branches/1/quick", 1)
        assert driver.output == 1
        assert driver.cancelled_children == [child.execution_id]

    def test_a_fault_beside_it_and_a_cancellation_end_the_child(self) -> None:
        for end in ("fault", "cancel"):
            driver = Driver({"both": {"fork": {"branches": [run_task(), call_task("ask")]}}}).start()
            child = driver.child_of("/do/0/both/fork/branches/0/bill")
            if end == "fault":
                driver.fail("/do/0/both/fork/branches/1/ask")
            else:
                driver.cancel()
            assert driver.cancelled_children == [child.execution_id]

    def test_a_child_that_lost_in_the_turn_that_started_it_is_never_started(self) -> None:
        branches = [run_task(), set_task("quick", {"a": 1})]
        driver = Driver({"race": {"fork": {"branches": branches, "compete": True}}}).start()
        assert driver.output == {"a": 1}
        assert not driver.all_children
        assert not driver.cancelled_children


class TestRetry:
    def test_each_attempt_has_a_child_of_its_own(self) -> None:
        catch: Value = {"retry": {"delay": "PT1S", "limit": {"attempt": {"count": 1}}}}
        driver = Driver({"guard": {"try": [run_task()], "catch": catch}}).start()
        reference = "/do/0/guard/try/0/bill"
        driver.end_child(driver.child_of(reference), ChildState.FAULTED, error=OUTAGE)
        driver.fire_next()
        driver.end_child(driver.child_of(reference), ChildState.FAULTED, error=OUTAGE)
        driver.retry()
        driver.end_child(driver.child_of(reference), output=1)
        assert driver.output == 1
        assert len({child.execution_id for child in driver.all_children}) == 3

    def test_a_child_tells_its_parent_how_it_ended(self) -> None:
        for failing in (True, False):
            driver = Driver(call_task("ask"))
            driver.command(start_of(parent="the-parent"))
            if failing:
                driver.fail("/do/0/ask")
            else:
                driver.succeed("/do/0/ask", 5)
            state = ChildState.FAULTED if failing else ChildState.COMPLETED
            assert driver.told == [TellParent("the-parent", state, driver.state.output, driver.state.error)]

    @pytest.mark.parametrize("reason", ["", "has left"])
    def test_a_child_tells_its_parent_why_it_was_cancelled(self, reason: str) -> None:
        driver = Driver(call_task("ask"))
        driver.command(start_of(parent="the-parent"))
        driver.command(Cancel(reason))
        (told,) = driver.told
        assert isinstance(told, TellParent)
        assert told.state is ChildState.CANCELLED
        expected = f"the execution {driver.state.execution_id} was cancelled: has left" if reason else None
        assert (told.error and told.error.detail) == expected

    def test_a_child_whose_parent_has_taken_the_fault_is_not_retried(self) -> None:
        driver = Driver(call_task("ask"))
        driver.command(start_of(parent="the-parent"))
        driver.fail("/do/0/ask")
        decision = driver.retry()
        assert rejected(decision) is RejectionReason.PHASE_CONFLICT
        assert decision.rejection is not None
        assert "its parent has taken the fault" in decision.rejection.message
        assert decision.rejection.metadata["parent_execution_id"] == "the-parent"


def test_children_in_a_loop_have_an_id_for_each_round() -> None:
    driver = Driver({"each": {"for": {"in": "[1, 2]"}, "do": [run_task(), wait_task("pause", 1)]}}).start()
    reference = "/do/0/each/do/0/bill"
    driver.end_child(driver.child_of(reference))
    driver.fire_next()
    assert driver.now_us == START_US + 1_000_000
    driver.end_child(driver.child_of(reference))
    driver.fire_next()
    assert len({child.execution_id for child in driver.all_children}) == 2
    assert driver.phase is Phase.COMPLETED
