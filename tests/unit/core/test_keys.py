"""Idempotency keys and attempts: what makes a new key, and what keeps it."""

import hashlib

from tests.unit.core.driver import EXECUTION_ID, Driver, Task, call_task, set_task
from tidemill.engine.core.effects import CallAction
from tidemill.engine.core.keys import idempotency_key

RETRY: Task = {"retry": {"limit": {"attempt": {"count": 5}}}}


def activations(driver: Driver) -> list[tuple[str, int]]:
    return [(call.key.partition("#")[2], call.attempt) for call in driver.all_calls]


def succeed_all(driver: Driver, *, times: int) -> None:
    for _ in range(times):
        driver.succeed(next(iter(driver.calls.values())).reference, {})


def test_the_form_of_a_key() -> None:
    assert idempotency_key("id", "/do/0/send", "2.1") == "id:/do/0/send#2.1"


def test_a_key_is_ascii_that_a_header_can_carry() -> None:
    key = idempotency_key("id", "/do/0/grüß dich 100%", "1")
    assert key == "id:/do/0/gr%C3%BC%C3%9F%20dich%20100%25#1"
    assert idempotency_key("id", "/do/0/a\tb", "1") == "id:/do/0/a%09b#1"


def test_a_long_key_is_replaced_by_its_hash() -> None:
    name = "x" * 250
    key = idempotency_key("id", f"/do/0/{name}", "1")
    assert key == hashlib.sha256(f"id:/do/0/{name}#1".encode()).hexdigest()
    assert len(idempotency_key("", "x" * 252, "1")) == 255


def test_each_jump_back_makes_a_new_key() -> None:
    driver = Driver(call_task("ask", then="ask")).start()
    succeed_all(driver, times=2)
    assert activations(driver) == [("1", 1), ("2", 1), ("3", 1)]


def test_a_jump_back_to_a_block_makes_new_keys_for_all_below() -> None:
    driver = Driver({"block": {"do": [call_task("a"), call_task("b")], "then": "block"}}).start()
    succeed_all(driver, times=3)
    assert activations(driver) == [("1", 1), ("1", 1), ("2", 1), ("2", 1)]


def test_each_round_makes_a_new_key_in_every_activation_of_the_loop() -> None:
    loop: Task = {"loop": {"for": {"in": "[1, 2]"}, "do": [call_task("ask")], "then": "loop"}}
    driver = Driver(loop).start()
    succeed_all(driver, times=3)
    assert activations(driver) == [("1.1.1", 1), ("1.2.1", 1), ("2.1.1", 1), ("2.2.1", 1)]


def test_loops_in_loops_and_jumps_inside_a_round() -> None:
    again = {"again": {"switch": [{"once": {"when": ". < 2", "then": "ask"}}]}}
    inner = {"inner": {"for": {"in": "[1]"}, "do": [call_task("ask"), again]}}
    driver = Driver({"outer": {"for": {"in": "[1, 2]"}, "do": [inner]}}).start()
    for output in (1, 2, 1, 2):
        driver.succeed(next(iter(driver.calls.values())).reference, output)
    expected = ["1.1.1.1.1", "1.1.1.1.2", "1.2.1.1.1", "1.2.1.1.2"]
    assert activations(driver) == [(text, 1) for text in expected]


def test_an_authors_retry_keeps_the_key_and_raises_the_attempt() -> None:
    driver = Driver({"try": {"try": [call_task("a"), call_task("b")], "catch": RETRY}}).start()
    driver.succeed("/do/0/try/try/0/a")
    driver.fail("/do/0/try/try/1/b")
    driver.succeed("/do/0/try/try/0/a")
    driver.fail("/do/0/try/try/1/b")
    assert [
        (call.reference[-1], *pair) for call, pair in zip(driver.all_calls, activations(driver), strict=True)
    ] == [
        ("a", "1", 1),
        ("b", "1", 1),
        ("a", "1", 2),
        ("b", "1", 2),
        ("a", "1", 3),
    ]


def test_a_retry_counts_in_every_try_around_so_that_no_attempt_comes_twice() -> None:
    inner: Task = {
        "inner": {"try": [call_task("ask")], "catch": {"retry": {"limit": {"attempt": {"count": 1}}}}}
    }
    driver = Driver({"outer": {"try": [inner], "catch": RETRY}}).start()
    for _ in range(4):
        driver.fail(next(iter(driver.calls.values())).reference)
    assert activations(driver) == [("1", 1), ("1", 2), ("1", 3), ("1", 4), ("1", 5)]


def test_a_jump_back_to_a_try_makes_new_keys_and_its_retries_keep_them() -> None:
    driver = Driver({"try": {"try": [call_task("ask")], "catch": RETRY, "then": "try"}}).start()
    reference = "/do/0/try/try/0/ask"
    driver.fail(reference)
    driver.succeed(reference)
    driver.fail(reference)
    driver.succeed(reference)
    assert activations(driver) == [("1", 1), ("1", 2), ("2", 1), ("2", 2), ("3", 1)]


def test_jumps_inside_a_retried_block_count_from_the_start_again() -> None:
    again = {"again": {"switch": [{"once": {"when": ". < 2", "then": "ask"}}]}}
    driver = Driver({"try": {"try": [call_task("ask"), again, call_task("end")], "catch": RETRY}}).start()
    ask, end = "/do/0/try/try/0/ask", "/do/0/try/try/2/end"
    driver.succeed(ask, 1)
    driver.succeed(ask, 2)
    driver.fail(end)
    driver.succeed(ask, 1)
    assert activations(driver) == [("1", 1), ("2", 1), ("1", 1), ("1", 2), ("2", 2)]


def test_a_jump_back_counts_on_from_attempts_that_were_given_up() -> None:
    attempt: Task = {
        "try": {
            "try": [call_task("a"), call_task("b")],
            "catch": {"retry": {"limit": {"attempt": {"count": 1}}}, "do": []},
            "then": "try",
        }
    }
    driver = Driver(attempt).start()
    driver.succeed("/do/0/try/try/0/a")
    driver.fail("/do/0/try/try/1/b")
    # The second attempt does not come as far as `b`, whose first key was used all the same.
    driver.fail("/do/0/try/try/0/a")
    driver.succeed("/do/0/try/try/0/a")
    assert activations(driver) == [("1", 1), ("1", 1), ("1", 2), ("2", 1), ("2", 1)]


def test_an_operators_retry_of_a_try_rises_above_its_attempts() -> None:
    attempt: Task = {"try": {"try": [call_task("a")], "catch": RETRY, "timeout": {"after": "PT5S"}}}
    driver = Driver(attempt).start()
    driver.fail("/do/0/try/try/0/a")
    driver.fail("/do/0/try/try/0/a")
    driver.fire_next()
    driver.retry()
    assert activations(driver) == [("1", 1), ("1", 2), ("1", 3), ("1", 4)]


def test_an_operators_retry_keeps_the_key_and_raises_the_attempt() -> None:
    driver = Driver(call_task("a"), call_task("b")).start()
    driver.succeed("/do/0/a")
    driver.fail("/do/1/b")
    driver.retry()
    driver.fail("/do/1/b")
    driver.retry()
    assert activations(driver) == [("1", 1), ("1", 1), ("1", 2), ("1", 3)]


def test_an_operators_retry_of_a_whole_block_keeps_the_keys_below_it() -> None:
    block: Task = {"block": {"do": [call_task("a"), call_task("b")], "timeout": {"after": "PT5S"}}}
    driver = Driver(block).start()
    driver.succeed("/do/0/block/do/0/a")
    driver.fire_next()
    driver.retry()
    assert activations(driver) == [("1", 1), ("1", 1), ("1", 2)]


def test_an_operators_retry_in_a_round_keeps_the_round() -> None:
    loop = {"loop": {"for": {"in": "[1, 2]"}, "do": [call_task("ask")]}}
    driver = Driver(loop).start()
    driver.succeed("/do/0/loop/do/0/ask")
    driver.fail("/do/0/loop/do/0/ask")
    driver.retry()
    assert activations(driver) == [("1.1.1", 1), ("1.2.1", 1), ("1.2.1", 2)]


def test_the_key_names_the_execution_and_the_task() -> None:
    driver = Driver(set_task("x", 1), call_task("ask")).start()
    call = driver.all_calls[0]
    assert isinstance(call, CallAction)
    assert call.key == f"{EXECUTION_ID}:/do/1/ask#1"
