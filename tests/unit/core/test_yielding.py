"""A long run without waits is put off again and again, and nothing of it is lost or done twice."""

import pytest

from tests.unit.core.driver import Driver, Task, Value, call_task, set_task, wait_task
from tidemill.engine.core.commands import FireTimer
from tidemill.engine.core.events import RoundStarted, TaskStarted, TaskYielded, TimerFired
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.state import Phase

LIMITS = CoreSettings(entries_per_command_max=10)
COUNT = set_task("count", {"n": "${ .n + 1 }"})


def loop(rounds: int, *tasks: Task, name: str = "loop", **members: Value) -> Task:
    return {name: {"for": {"in": f"[range({rounds})]"}, "do": list(tasks or (COUNT,)), **members}}


def fork(*branches: Task, compete: bool = False) -> Task:
    return {"fork": {"fork": {"branches": list(branches), "compete": compete}}}


def fire(driver: Driver, timer_id: str) -> None:
    driver.now_us = max(driver.now_us, driver.timers[timer_id])
    driver.command(FireTimer(timer_id))


def counting(rounds: int = 30) -> Driver:
    """An execution that has been put off once, in the middle of its loop."""
    driver = Driver(loop(rounds), settings=LIMITS).start({"n": 0})
    assert driver.phase is Phase.RUNNING
    assert driver.state.yields_in_a_row == 1
    return driver


def test_a_command_enters_so_many_tasks_and_the_next_one_goes_on() -> None:
    driver = counting()
    assert len(driver.names(TaskStarted)) + len(driver.names(RoundStarted)) == 10
    (timer,) = driver.timers
    assert driver.timers == {timer: driver.now_us}
    assert driver.go_on().output == {"n": 30}
    assert len(driver.names(RoundStarted)) == 30


def test_a_turn_that_just_suffices_puts_nothing_off() -> None:
    driver = Driver(*[set_task(f"t{index}", 1) for index in range(10)], settings=LIMITS).start()
    assert driver.output == 1
    assert not driver.names(TaskYielded)


def test_what_an_outcome_leads_to_is_put_off_too() -> None:
    driver = Driver(call_task("ask"), loop(30), settings=LIMITS).start()
    driver.succeed("/do/0/ask", {"n": 0})
    assert driver.state.yielded
    assert driver.go_on().output == {"n": 30}


def test_all_that_was_put_off_goes_on_in_order() -> None:
    driver = Driver(fork(loop(20, name="a"), loop(20, name="b")), settings=LIMITS).start({"n": 0})
    assert [reference.rpartition("/")[2] for reference in driver.state.yielded] == ["a", "b"]
    assert len(driver.timers) == 1
    driver.fire_next()
    # The first one has had its turn: the other one is the next.
    assert [reference.rpartition("/")[2] for reference in driver.state.yielded] == ["b", "a"]
    assert driver.go_on().output == [{"n": 20}, {"n": 20}]


def test_a_branch_beside_a_wait_goes_on() -> None:
    driver = Driver(fork(loop(30), wait_task("pause", 60)), settings=LIMITS).start({"n": 0}).go_on()
    assert driver.phase is Phase.WAITING
    driver.fire_next()
    assert driver.output == [{"n": 30}, {"n": 0}]


def test_a_fact_from_outside_begins_the_count_of_turns_anew() -> None:
    limits = CoreSettings(entries_per_command_max=10, yields_in_a_row_max=5)
    driver = Driver(loop(3, loop(20, name="inner"), call_task("ask")), settings=limits).start({"n": 0})
    for _ in range(3):
        driver.go_on()
        driver.succeed("/do/0/loop/do/1/ask", {"n": 0})
    assert driver.go_on().output == {"n": 0}
    assert driver.names(TaskYielded)[5:]


def test_the_timer_fires_while_suspended_and_resume_goes_on() -> None:
    for fires in (True, False):
        driver = counting()
        driver.suspend()
        if fires:
            driver.fire_next()
            assert isinstance(driver.events[-1], TimerFired)
        driver.resume()
        assert driver.phase is Phase.RUNNING
        assert driver.go_on().output == {"n": 30}


def test_a_cancelled_execution_forgets_what_was_put_off() -> None:
    driver = counting()
    driver.cancel()
    assert driver.phase is Phase.CANCELLED
    assert not driver.timers
    assert not driver.state.yielded


@pytest.mark.parametrize("place", ["workflow", "loop", "inside"])
def test_a_timeout_comes_between(place: str) -> None:
    timeout: Value = {"timeout": {"after": {"seconds": 5}}}
    inner = loop(30, **timeout if place == "loop" else {})
    block: Task = {"block": {"do": [inner], **(timeout if place == "inside" else {})}}
    driver = Driver(block, settings=LIMITS, **timeout if place == "workflow" else {}).start({"n": 0})
    (due,) = [timer for timer in driver.timers if "timeout" in timer]
    fire(driver, due)
    assert driver.error.status == 408
    assert not driver.timers


def test_a_caught_timeout_forgets_what_was_put_off_inside() -> None:
    inner = loop(30, timeout={"after": "PT5S"})
    block: Task = {"guard": {"try": [inner], "catch": {"do": [set_task("late", {"late": True})]}}}
    driver = Driver(block, settings=LIMITS).start({"n": 0})
    (due,) = [timer for timer in driver.timers if "timeout" in timer]
    fire(driver, due)
    assert driver.output == {"late": True}


def test_the_winner_of_a_race_ends_what_the_loser_has_put_off() -> None:
    driver = Driver(fork(loop(100), call_task("quick"), compete=True), settings=LIMITS).start({"n": 0})
    driver.fire_next()
    driver.fire_next()
    driver.succeed("/do/0/fork/fork/branches/1/quick", "won")
    assert driver.output == "won"
    assert not driver.timers


class TestRetry:
    def test_a_block_that_a_fault_cancelled_goes_on_where_it_was(self) -> None:
        """What the loop has done is not done again, and neither is the call before it."""
        slow: Task = {"slow": {"do": [call_task("first"), loop(20)]}}
        driver = Driver(fork(call_task("beside"), slow), settings=LIMITS).start({"n": 0})
        branches = "/do/0/fork/fork/branches"
        driver.succeed(f"{branches}/1/slow/do/0/first", {"n": 0})
        assert driver.state.yielded
        driver.fail(f"{branches}/0/beside")
        assert driver.phase is Phase.FAULTED
        assert not driver.timers
        driver.retry()
        driver.go_on()
        driver.succeed(f"{branches}/0/beside", "b")
        assert driver.output == ["b", {"n": 20}]
        assert driver.names(TaskStarted).count("first") == 1
        assert len(driver.names(RoundStarted)) == 20

    def test_the_last_turn_of_a_workflow_that_ran_out_of_time_is_taken_again(self) -> None:
        driver = Driver(
            *[set_task(f"t{index}", {"n": index}) for index in range(15)],
            settings=LIMITS,
            timeout={"after": "PT5S"},
        ).start()
        (due,) = [timer for timer in driver.timers if "timeout" in timer]
        fire(driver, due)
        assert driver.error.instance == "/timeout"
        driver.retry()
        assert driver.output == {"n": 14}
        assert driver.names(TaskStarted).count("t9") == 1

    def test_what_a_retry_itself_puts_off_survives_another_fault(self) -> None:
        """Fifteen branches, of which a retry enters ten at a time: the last ones wait for their turn."""
        driver = Driver(fork(*[call_task(f"b{index}") for index in range(15)]), settings=LIMITS).start()
        driver.go_on()
        path = "/do/0/fork/fork/branches"
        driver.fail(f"{path}/3/b3")
        for _ in range(2):
            driver.retry()
            assert len(driver.state.yielded) == 5
            driver.fail(f"{path}/0/b0")
            assert driver.phase is Phase.FAULTED
        driver.retry()
        driver.go_on()
        for index in range(15):
            driver.succeed(f"{path}/{index}/b{index}", index)
        assert driver.output == list(range(15))

    def test_a_resume_acts_on_no_fact_of_before_the_fault(self) -> None:
        """The last task that failed waits for its turn to be entered again; its failure is of the past."""
        limits = CoreSettings(entries_per_command_max=2)
        driver = Driver(fork(*[call_task(f"b{index}") for index in range(4)]), settings=limits)
        driver.start().go_on()
        path = "/do/0/fork/fork/branches"
        driver.fail(f"{path}/3/b3")
        driver.retry()
        assert list(driver.state.yielded) == [f"{path}/2/b2", f"{path}/3/b3"]
        driver.suspend()
        driver.resume()
        assert driver.phase is Phase.RUNNING
        driver.go_on()
        for index in range(4):
            driver.succeed(f"{path}/{index}/b{index}", index)
        assert driver.output == [0, 1, 2, 3]


def test_two_hundred_thousand_rounds_run_to_their_end() -> None:
    limits = CoreSettings(payload_bytes_max=4_194_304)
    task: Task = {"loop": {"for": {"in": ".items"}, "do": [COUNT]}}
    driver = Driver(task, settings=limits)
    driver.checks = False
    driver.start({"items": list(range(200_000)), "n": 0}).go_on()
    assert driver.output == {"n": 200_000}
    assert driver.state.yields == 400
