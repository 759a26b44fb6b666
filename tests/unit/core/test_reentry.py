"""Re-entry: who may start again, and when."""

import pytest

from tests.unit.core.driver import SECOND_US, Value, document
from tidemill.dsl import DocumentError
from tidemill.engine.core.decision import Rejection, RejectionReason
from tidemill.engine.core.plan import compile_plan
from tidemill.engine.core.reentry import Reentry, compile_reentry


def policy(value: Value) -> Reentry:
    found = maybe_policy(value)
    assert found is not None
    return found


def maybe_policy(value: Value) -> Reentry | None:
    whole = document()
    header = whole["document"]
    assert isinstance(header, dict)
    return compile_reentry({"document": {**header, "metadata": {"tidemill": {"reentry": value}}}})


def entered(reentry: Reentry, counter: bytes, now_us: int = 0) -> bytes:
    after = reentry.enter(counter, now_us)
    assert isinstance(after, bytes)
    return after


def refused(reentry: Reentry, counter: bytes, now_us: int = 0) -> Rejection:
    after = reentry.enter(counter, now_us)
    assert isinstance(after, Rejection)
    assert after.reason is RejectionReason.REENTRY_REFUSED
    return after


def test_always_is_the_default_and_needs_no_counter() -> None:
    assert maybe_policy("always") is None
    assert compile_reentry(document()) is None
    assert compile_plan(document()).reentry is None


def test_once_is_once_for_ever() -> None:
    once = policy("once")
    counter = entered(once, b"")
    refused(once, counter)
    rejection = refused(once, once.leave(counter, 5))
    assert dict(rejection.metadata) == {"workflow": "orders", "policy": "once"}
    assert "has run" in rejection.message


def test_after_exit_waits_for_the_end() -> None:
    after_exit = policy("afterExit")
    counter = entered(after_exit, b"")
    refused(after_exit, counter)
    counter = entered(after_exit, after_exit.leave(counter, 5))
    refused(after_exit, counter)


def test_a_retry_of_a_closed_execution_is_open_again() -> None:
    after_exit = policy("afterExit")
    counter = after_exit.again(after_exit.leave(entered(after_exit, b""), 5))
    refused(after_exit, counter)
    # Another one began after the fault, and then the first one was retried: both have to end.
    both = after_exit.again(entered(after_exit, after_exit.leave(counter, 6)))
    refused(after_exit, after_exit.leave(both, 7))
    entered(after_exit, after_exit.leave(after_exit.leave(both, 7), 8))


def test_a_cooldown_counts_from_the_last_start() -> None:
    cooldown = policy({"cooldown": {"seconds": 10}})
    counter = entered(cooldown, b"", 5 * SECOND_US)
    rejection = refused(cooldown, cooldown.leave(counter, 6 * SECOND_US), 15 * SECOND_US - 1)
    assert "1970-01-01T00:00:15Z" in rejection.message
    assert dict(rejection.metadata) == {"workflow": "orders", "policy": "cooldown"}
    again = entered(cooldown, counter, 15 * SECOND_US)
    refused(cooldown, again, 24 * SECOND_US)
    # A start that is refused does not put the time off, nor does a retry.
    entered(cooldown, cooldown.again(again), 25 * SECOND_US)


@pytest.mark.parametrize("value", ["never", 5, {"cooldown": "soon"}])
def test_what_is_no_policy_is_refused(value: Value) -> None:
    with pytest.raises(DocumentError):
        maybe_policy(value)


def test_ends_that_nobody_counted_do_no_harm() -> None:
    after_exit = policy("afterExit")
    entered(after_exit, after_exit.leave(b"", 1))
