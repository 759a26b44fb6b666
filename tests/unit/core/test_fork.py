"""`fork` runs branches side by side."""

from tests.unit.core.driver import Driver, Task, Value, call_task, raise_task, set_task, wait_task
from tidemill.engine.core.effects import CancelAction, DisarmTimer
from tidemill.engine.core.events import ActionState, TaskCancelled, TaskStarted
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.state import Phase

FORK = "/do/0/fork/fork/branches"


def fork(*branches: Task, compete: bool = False, **members: Value) -> Task:
    return {"fork": {"fork": {"branches": list(branches), "compete": compete}, **members}}


def test_the_outputs_stand_in_declared_order_whatever_ends_first() -> None:
    driver = Driver(fork(call_task("a"), call_task("b"), set_task("c", {"n": 3}))).start({"n": 0})
    assert driver.phase is Phase.RUNNING
    driver.succeed(f"{FORK}/1/b", {"n": 2})
    driver.succeed(f"{FORK}/0/a", {"n": 1})
    assert driver.output == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_each_branch_gets_the_forks_transformed_input() -> None:
    branches = [set_task("a", {"a": "${ . }"}), set_task("b", {"b": "${ . }"})]
    driver = Driver(fork(*branches, input={"from": ".inner"})).start({"inner": 5})
    assert driver.output == [{"a": 5}, {"b": 5}]


def test_without_branches_the_output_is_an_empty_array() -> None:
    assert Driver(fork()).start().output == []


def test_a_skipped_branch_gives_its_input() -> None:
    driver = Driver(fork(set_task("a", 1, **{"if": "false"}), set_task("b", {"n": 2}))).start({"n": 1})
    assert driver.output == [{"n": 1}, {"n": 2}]


def test_the_first_branch_to_end_wins_and_the_others_are_cancelled() -> None:
    driver = Driver(fork(call_task("a"), wait_task("b", 5), call_task("c"), compete=True)).start()
    loser = driver.call_of(f"{FORK}/2/c")
    decision = driver.succeed(f"{FORK}/0/a", {"n": 1})
    assert driver.output == {"n": 1}
    assert driver.names(TaskCancelled) == ["b", "c"]
    assert CancelAction(loser.key, 1) in decision.effects
    assert DisarmTimer(f"{FORK}/1/b#1/1:wait") in decision.effects
    owed = driver.state.owes
    driver.answer(loser, ActionState.SUCCEEDED, output=Payload.of({"too": "late"}))
    assert [owed, driver.state.owes] == [True, False]
    assert driver.output == {"n": 1}


def test_a_branch_that_wins_at_once_keeps_the_others_from_beginning() -> None:
    driver = Driver(fork(set_task("a", {"n": 1}), call_task("b"), compete=True)).start()
    assert driver.output == {"n": 1}
    assert driver.names(TaskStarted) == ["fork", "a"]


def test_a_call_that_loses_in_its_own_turn_is_never_sent() -> None:
    driver = Driver(fork(call_task("a"), set_task("b", {"n": 2}), compete=True)).start()
    assert driver.output == {"n": 2}
    assert not driver.all_calls
    key = next(iter(driver.cancellations))[0]
    driver.confirm(key)
    assert not driver.state.owes


def test_a_timer_that_loses_in_its_own_turn_is_never_armed() -> None:
    driver = Driver(fork(wait_task("a", 5), set_task("b", {"n": 2}), compete=True))
    assert not driver.start().timers
    assert driver.output == {"n": 2}


def test_a_skipped_branch_wins_no_race_unless_all_are_skipped() -> None:
    skipped: Task = {"if": "false"}
    one = Driver(fork(set_task("a", 1, **skipped), set_task("b", {"n": 2}), compete=True))
    assert one.start({"n": 0}).output == {"n": 2}
    all_of_them = Driver(fork(set_task("a", 1, **skipped), set_task("b", 2, **skipped), compete=True))
    assert all_of_them.start({"n": 0}).output == {"n": 0}


def test_a_fault_of_one_branch_cancels_the_others_and_goes_up() -> None:
    driver = Driver(fork(call_task("a"), {"block": {"do": [wait_task("b", 5)]}})).start()
    driver.fail(f"{FORK}/0/a")
    assert driver.error.instance == f"{FORK}/0/a"
    assert driver.names(TaskCancelled) == ["block"]
    assert not driver.timers


def test_a_fault_at_once_keeps_the_later_branches_from_beginning() -> None:
    driver = Driver(fork(raise_task("a"), call_task("b"))).start()
    assert driver.error.instance == f"{FORK}/0/a"
    assert not driver.all_calls


def test_a_fork_waits_only_when_every_live_branch_waits() -> None:
    driver = Driver(fork(wait_task("a", 5), call_task("b"))).start()
    phases = [driver.phase]
    driver.succeed(f"{FORK}/1/b")
    phases.append(driver.phase)
    driver.fire_next()
    assert [*phases, driver.phase] == [Phase.RUNNING, Phase.WAITING, Phase.COMPLETED]


def test_of_two_branches_that_export_the_last_one_in_history_stays() -> None:
    export: Value = {"as": "${ {from: .n} }"}
    branches = [call_task("a", export=export), call_task("b", export=export)]
    driver = Driver(fork(*branches), set_task("see", "${ $context }")).start()
    driver.succeed(f"{FORK}/1/b", {"n": "b"})
    driver.succeed(f"{FORK}/0/a", {"n": "a"})
    assert driver.output == {"from": "a"}


def test_end_in_a_branch_ends_the_workflow_and_cancels_the_others() -> None:
    driver = Driver(fork(call_task("a"), set_task("b", {"n": 2}, then="end")), set_task("never", 0)).start()
    assert driver.output == {"n": 2}
    assert driver.state.owes


def test_forks_nest() -> None:
    inner: Task = {"inner": {"fork": {"branches": [call_task("a"), call_task("b")]}}}
    driver = Driver(fork(inner, call_task("c"))).start()
    driver.succeed(f"{FORK}/1/c", 3)
    driver.succeed(f"{FORK}/0/inner/fork/branches/1/b", 2)
    driver.succeed(f"{FORK}/0/inner/fork/branches/0/a", 1)
    assert driver.output == [[1, 2], 3]


def test_tasks_named_like_the_lists_of_the_language_are_told_apart() -> None:
    odd: Task = {"catch": {"do": [{"fork": {"do": [call_task("do")]}}]}}
    driver = Driver(fork({"branches": {"do": [odd]}}, {"0": {"do": [call_task("1")]}})).start()
    driver.succeed(f"{FORK}/0/branches/do/0/catch/do/0/fork/do/0/do", "a")
    driver.succeed(f"{FORK}/1/0/do/0/1", "b")
    assert driver.output == ["a", "b"]


def test_an_output_that_cannot_be_transformed_faults_the_fork() -> None:
    driver = Driver(fork(set_task("a", 1), output={"as": ". + {}"})).start()
    assert driver.error.instance == "/do/0/fork"
