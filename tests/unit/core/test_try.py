"""`try` catches errors, retries, and handles what is left."""

import pytest

from tests.unit.core.driver import (
    PROBLEM_TYPE,
    SECOND_US,
    START_US,
    Driver,
    Task,
    Value,
    call_task,
    raise_task,
    set_task,
    wait_task,
)
from tidemill.engine.core.events import ErrorCaught, TaskCancelled, TaskRetried, TaskStarted
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.state import Phase

WORK = "/do/0/attempt/try/0/work"


def attempt(*tasks: Task, **catch: Value) -> Task:
    return {"attempt": {"try": list(tasks or [call_task("work")]), "catch": catch}}


def retrying(*tasks: Task, catch: Task | None = None, **policy: Value) -> Driver:
    return Driver(attempt(*tasks, retry=policy, **(catch or {})), set_task("after", {"after": "${ . }"}))


def test_without_an_error_the_output_is_that_of_the_block() -> None:
    assert Driver(attempt(set_task("ok", {"a": 1}))).start().output == {"a": 1}


def test_a_caught_error_without_a_handler_leaves_the_input() -> None:
    driver = Driver(attempt(set_task("ok", {"a": 1}), raise_task("oops"))).start({"in": 1})
    assert driver.output == {"in": 1}
    assert driver.names(ErrorCaught) == ["attempt"]


def test_the_handler_gets_the_input_and_the_error() -> None:
    handler = set_task("handle", {"data": "${ . }", "error": "${ $oops }"})
    driver = Driver(attempt(raise_task("oops", 404), **{"as": "oops", "do": [handler]})).start({"in": 1})
    error = {"type": PROBLEM_TYPE, "status": 404, "instance": "/do/0/attempt/try/0/oops"}
    assert driver.output == {"data": {"in": 1}, "error": error}


def test_the_errors_variable_is_called_error_by_default() -> None:
    driver = Driver(attempt(raise_task("oops"), do=[set_task("handle", "${ $error.status }")])).start()
    assert driver.output == 400


@pytest.mark.parametrize(
    ("wanted", "caught"),
    [
        ({"status": 400}, True),
        ({"status": 401}, False),
        ({"type": PROBLEM_TYPE}, True),
        ({"type": PROBLEM_TYPE, "status": 503}, False),
        ({"instance": "/do/0/attempt/try/0/oops"}, True),
        ({"title": "Nothing"}, False),
    ],
)
def test_the_static_filter(wanted: Task, caught: bool) -> None:
    driver = Driver(attempt(raise_task("oops"), errors={"with": wanted})).start()
    assert (driver.phase is Phase.COMPLETED) == caught


@pytest.mark.parametrize(
    "standard_type",
    [
        "https://open-workflow-specification.org/spec/1.0.0/errors/communication",
        "https://open-workflow-specification.org/dsl/errors/types/communication",
        "https://serverlessworkflow.io/spec/1.0.0/errors/communication",
        "https://serverlessworkflow.io/dsl/errors/types/communication",
    ],
)
def test_standard_types_match_under_all_their_names(standard_type: str) -> None:
    driver = Driver(attempt(errors={"with": {"type": standard_type}})).start()
    driver.fail(WORK, error_type="https://open-workflow-specification.org/spec/1.0.0/errors/communication")
    assert driver.phase is Phase.COMPLETED


@pytest.mark.parametrize(
    ("members", "caught"),
    [
        ({"when": "$error.status == 400"}, True),
        ({"when": "$error.status == 401"}, False),
        ({"exceptWhen": "$error.status == 400"}, False),
        ({"exceptWhen": ".n == 2"}, True),
        ({"when": "true", "exceptWhen": ".n == 1"}, False),
    ],
)
def test_the_dynamic_filter(members: Task, caught: bool) -> None:
    driver = Driver(attempt(raise_task("oops"), **members)).start({"n": 1})
    assert (driver.phase is Phase.COMPLETED) == caught


def test_a_filter_that_cannot_be_evaluated_faults_the_try() -> None:
    driver = Driver(attempt(raise_task("oops"), when="$error + 1")).start()
    assert driver.error.type.endswith("/errors/expression")
    assert driver.error.instance == "/do/0/attempt"


def test_an_error_that_is_not_caught_goes_to_the_next_try_around() -> None:
    inner = {"inner": {"try": [raise_task("oops")], "catch": {"errors": {"with": {"status": 999}}}}}
    driver = Driver(attempt(inner, do=[set_task("handle", "${ $error.instance }")])).start()
    assert driver.output == "/do/0/attempt/try/0/inner/try/0/oops"


def test_an_error_in_a_handler_is_not_caught_by_its_own_try() -> None:
    driver = Driver(attempt(raise_task("oops"), do=[raise_task("again", 500)])).start()
    assert driver.error.instance == "/do/0/attempt/catch/do/0/again"


def test_an_error_comes_up_through_blocks_and_loops() -> None:
    block: Value = {"do": [{"loop": {"for": {"in": "[1, 2]"}, "do": [raise_task("oops")]}}]}
    driver = Driver(attempt({"block": block}, do=[set_task("handle", "${ $error.instance }")])).start()
    assert driver.output == "/do/0/attempt/try/0/block/do/0/loop/do/0/oops"


def test_a_caught_error_of_a_branch_cancels_the_branches_beside_it() -> None:
    fork = {"fork": {"fork": {"branches": [call_task("a"), call_task("b")]}}}
    driver = Driver(attempt(fork)).start()
    other = driver.call_of("/do/0/attempt/try/0/fork/fork/branches/1/b")
    driver.fail("/do/0/attempt/try/0/fork/fork/branches/0/a")
    assert driver.phase is Phase.COMPLETED
    assert driver.names(TaskCancelled) == ["b"]
    assert driver.cancellations == {(other.key, 1)}


def test_then_of_the_catch_counts_on_the_path_of_the_error_only() -> None:
    ending = [set_task("normal", {"path": "normal"}, then="end"), set_task("failed", {"path": "failed"})]
    driver = Driver(attempt(then="failed"), *ending).start()
    driver.fail(WORK)
    assert driver.output == {"path": "failed"}
    driver = Driver(attempt(then="failed"), *ending).start()
    driver.succeed(WORK)
    assert driver.output == {"path": "normal"}


def test_a_retry_begins_the_block_again_with_the_tries_input_after_its_delay() -> None:
    driver = retrying(set_task("first", {"n": "${ .n + 1 }"}), call_task("work", "${ . }"), delay="PT3S")
    driver.start({"n": 1})
    reference = "/do/0/attempt/try/1/work"
    driver.fail(reference)
    assert driver.phase is Phase.WAITING
    assert list(driver.timers.values()) == [START_US + 3 * SECOND_US]
    driver.fire_next()
    assert driver.names(TaskRetried) == ["attempt"]
    assert driver.call_of(reference).arguments.value == {"n": 2}
    driver.succeed(reference, 5)
    assert driver.output == {"after": 5}


def test_a_retry_without_a_delay_begins_at_once() -> None:
    driver = retrying().start()
    driver.fail(WORK)
    assert driver.call_of(WORK).attempt == 2


@pytest.mark.parametrize(
    ("backoff", "delays"),
    [({"constant": {}}, [2, 2, 2]), ({"linear": {}}, [2, 4, 6]), ({"exponential": {}}, [2, 4, 8])],
)
def test_backoffs(backoff: Value, delays: list[int]) -> None:
    driver = retrying(delay="PT2S", backoff=backoff).start()
    seen = []
    for _ in delays:
        driver.fail(WORK)
        seen.append((next(iter(driver.timers.values())) - driver.now_us) // SECOND_US)
        driver.fire_next()
    assert seen == delays


def test_jitter_is_drawn_with_the_commands_seed_and_added() -> None:
    def delay_us(seed: int) -> int:
        driver = retrying(delay="PT1S", jitter={"from": "PT0.5S", "to": "PT2S"}).start()
        driver.seed = seed
        driver.fail(WORK)
        return next(iter(driver.timers.values())) - driver.now_us

    delays = [delay_us(seed) for seed in range(40)]
    assert all(1_500_000 <= delay <= 3_000_000 for delay in delays)
    assert len(set(delays)) > 30
    assert delays == [delay_us(seed) for seed in range(40)]


def test_the_count_is_of_retries_after_the_first_try() -> None:
    driver = retrying(limit={"attempt": {"count": 2}}).start()
    for _ in range(3):
        driver.fail(WORK)
    assert driver.error.instance == WORK
    assert [call.attempt for call in driver.all_calls] == [1, 2, 3]


def test_the_handler_runs_after_the_retries_are_spent() -> None:
    catch: Task = {"do": [set_task("handle", "${ $error.status }")]}
    driver = retrying(catch=catch, limit={"attempt": {"count": 1}}).start()
    driver.fail(WORK)
    driver.fail(WORK, status=500)
    assert driver.output == {"after": 500}


def test_the_policy_may_come_by_name() -> None:
    use: Value = {"retries": {"twice": {"limit": {"attempt": {"count": 2}}}}}
    driver = Driver(attempt(retry="twice"), use=use).start()
    for _ in range(3):
        driver.fail(WORK)
    assert driver.phase is Phase.FAULTED


@pytest.mark.parametrize("policy", [{"when": "$error.status == 500"}, {"exceptWhen": "$error.status == 503"}])
def test_the_policy_may_exclude_errors_from_retries(policy: Task) -> None:
    driver = retrying(**policy).start()
    driver.fail(WORK, status=503)
    assert driver.phase is Phase.FAULTED


def test_the_whole_duration_bounds_the_retries() -> None:
    driver = retrying(delay="PT4S", limit={"duration": "PT10S"}).start()
    driver.fail(WORK)
    driver.fire_next()
    driver.fail(WORK)
    driver.fire_next()
    driver.fail(WORK)
    assert driver.error.status == 503


def test_the_whole_duration_ends_an_attempt_under_way() -> None:
    driver = retrying(limit={"duration": "PT10S"}).start()
    driver.now_us += 4 * SECOND_US
    driver.fail(WORK)
    assert list(driver.timers.values()) == [START_US + 10 * SECOND_US]
    driver.fire_next()
    assert (driver.error.status, driver.error.instance) == (408, "/do/0/attempt")
    assert driver.cancellations == {(driver.all_calls[-1].key, 2)}


def test_the_attempts_duration_bounds_each_attempt_the_first_too() -> None:
    driver = retrying(limit={"attempt": {"count": 2, "duration": "PT5S"}}).start()
    for number in (1, 2):
        driver.fire_next()
        assert driver.now_us == START_US + number * 5 * SECOND_US
        assert driver.call_of(WORK).attempt == number + 1
    driver.fire_next()
    assert driver.error.status == 408


def test_an_attempts_timeout_is_filtered_like_any_error_of_the_block() -> None:
    driver = retrying(
        catch={"errors": {"with": {"status": 503}}}, limit={"attempt": {"duration": "PT5S"}}
    ).start()
    driver.fire_next()
    assert driver.error.status == 408


def test_no_limit_of_an_attempt_is_left_behind() -> None:
    driver = retrying(delay="PT1S", limit={"attempt": {"duration": "PT5S"}}).start()
    driver.fail(WORK)
    assert [timer.rpartition(":")[2] for timer in driver.timers] == ["retry/1"]
    driver.fire_next()
    assert [timer.rpartition(":")[2] for timer in driver.timers] == ["attempt/2"]
    driver.succeed(WORK)
    assert not driver.timers


def test_the_context_is_not_rolled_back_by_a_retry() -> None:
    export: Value = {"as": "{n: ($context.n // 0) + 1}"}
    driver = retrying(set_task("count", 0, export=export), call_task("work", "${ $context }")).start()
    reference = "/do/0/attempt/try/1/work"
    driver.fail(reference)
    assert driver.call_of(reference).arguments.value == {"n": 2}


def test_a_retry_in_a_circle_faults_with_the_limit() -> None:
    limits = CoreSettings(entries_per_command_max=10, yields_in_a_row_max=3)
    driver = Driver(attempt(raise_task("oops"), retry={}), settings=limits).start().go_on()
    assert "entries_per_command_max" in driver.error.detail


def test_a_wait_inside_a_retried_block_is_forgotten_with_it() -> None:
    fork = {"fork": {"fork": {"branches": [wait_task("a", 60), call_task("b")]}}}
    driver = retrying(fork, delay="PT1S").start()
    driver.fail("/do/0/attempt/try/0/fork/fork/branches/1/b")
    assert [timer.rpartition(":")[2] for timer in driver.timers] == ["retry/1"]
    driver.fire_next()
    assert driver.names(TaskStarted).count("a") == 2
