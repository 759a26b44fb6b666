"""The way of calls through the service: run, answered from the record, joined, followed, refused, lost."""

import pytest

from tests.unit.actions.desk import DONE, Desk, Gated, Mailbox, gated_call
from tests.unit.actions.samples import FAILURE, NOW_US, call
from tidemill.action_kit import EffectClass
from tidemill.actions.core.model import ActionState, Completed, DeliveryFailure, Outcome
from tidemill.actions.core.problems import LOST
from tidemill.actions.ledger.memory import MemoryLedger
from tidemill.actions.registry import NotDeliveredError


@pytest.fixture
def send() -> Gated:
    return Gated("send")


@pytest.fixture
def desk(send: Gated) -> Desk:
    return Desk(send)


async def test_a_call_is_run_and_answered(desk: Desk) -> None:
    await desk.offer(call())
    assert desk.box.take() == Completed("k", 1, Outcome(ActionState.SUCCEEDED, b"{}"), from_record=False)


async def test_a_repeat_is_answered_from_the_record_and_runs_nothing(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send"))
    send.let_go("k")
    await desk.settle()
    assert desk.box.take() == Completed("k", 1, DONE)
    await desk.offer(gated_call("send"))
    assert desk.box.take() == Completed("k", 1, DONE, from_record=True)
    assert send.ran == [("k", 1)]
    assert desk.counted("tidemill_actions_record_answers_total") == 1


async def test_calls_of_a_batch_start_in_their_order(desk: Desk, send: Gated) -> None:
    await desk.offer(*(gated_call("send", f"k{number}") for number in range(20)))
    assert [key for key, _ in send.ran] == [f"k{number}" for number in range(20)]


async def test_a_repeat_under_way_is_joined_and_both_are_answered(desk: Desk, send: Gated) -> None:
    other = Mailbox()
    await desk.offer(gated_call("send"))
    await desk.offer(gated_call("send"), box=other)
    send.let_go("k")
    await desk.settle()
    assert desk.box.outcome() == other.outcome() == DONE
    assert send.ran == [("k", 1)]


async def test_the_same_call_twice_in_one_batch_runs_once_and_is_answered_twice(
    desk: Desk, send: Gated
) -> None:
    await desk.offer(gated_call("send"), gated_call("send"))
    send.let_go("k")
    await desk.settle()
    assert len(desk.box.answers) == 2
    assert send.ran == [("k", 1)]


async def test_a_later_attempt_waits_for_the_earlier_and_takes_its_success(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send"))
    await desk.offer(gated_call("send", attempt=2))
    assert send.ran == [("k", 1)]
    send.let_go("k")
    await desk.settle()
    first, second = desk.box.answers
    assert first == Completed("k", 1, DONE)
    assert second == Completed("k", 2, DONE, from_record=True)
    assert send.ran == [("k", 1)]


async def test_a_later_attempt_runs_after_the_earlier_has_failed(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send"), gated_call("send", attempt=2), gated_call("send", attempt=3))
    send.let_go("k", FAILURE)
    await desk.settle()
    assert send.ran == [("k", 1), ("k", 2)]
    send.let_go("k", FAILURE)
    await desk.settle()
    send.let_go("k")
    await desk.settle()
    assert [answer.attempt for answer in desk.box.answers] == [1, 2, 3]
    assert send.ran == [("k", 1), ("k", 2), ("k", 3)]


async def test_an_attempt_from_the_past_is_refused(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send", attempt=2))
    await desk.offer(gated_call("send", attempt=1))
    assert desk.box.undelivered().failure is DeliveryFailure.REFUSED
    send.let_go("k", FAILURE)
    await desk.settle()
    desk.box.answers.clear()
    await desk.offer(gated_call("send", attempt=1))
    assert desk.box.undelivered().failure is DeliveryFailure.REFUSED
    assert send.ran == [("k", 2)]


async def test_another_request_under_a_later_attempt_runs(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send"))
    send.let_go("k")
    await desk.offer(gated_call("send", attempt=2, arguments=b'{"changed":true}'))
    assert send.ran == [("k", 1), ("k", 2)]


async def test_a_call_from_an_owner_that_lost_its_shard_is_refused(desk: Desk) -> None:
    await desk.offer(call("new", shard=3, epoch=5))
    desk.box.answers.clear()
    await desk.offer(call("old", shard=3, epoch=4))
    assert desk.box.undelivered().failure is DeliveryFailure.REFUSED


async def test_an_unknown_action_is_a_delivery_failure(desk: Desk) -> None:
    await desk.offer(call(action="crm.nothing:1.0.0"))
    answer = desk.box.undelivered()
    assert answer.failure is DeliveryFailure.UNKNOWN_ACTION
    assert "crm.nothing:1.0.0" in answer.detail


async def test_arguments_over_their_limit_fail_the_call(send: Gated) -> None:
    desk = Desk(send, arguments_bytes_max=10)
    outcome = await desk.outcome_of(call(arguments=b"[" + b" " * 10 + b"]"))
    assert outcome.error is not None
    assert outcome.error.status == 400
    assert "arguments_bytes_max" in outcome.error.detail


async def test_an_output_over_its_limit_fails_the_call(send: Gated) -> None:
    desk = Desk(send, output_bytes_max=10)
    outcome = await desk.outcome_of(call(action="tidemill.echo:1.0.0", arguments=b'"a long argument"'))
    assert outcome.error is not None
    assert "output_bytes_max" in outcome.error.detail


async def test_a_raised_exception_is_a_runtime_error_without_a_traceback(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send"))
    send.fail("k", LookupError("no such contact"))
    await desk.settle()
    outcome = desk.box.outcome()
    assert outcome.state is ActionState.FAILED
    assert outcome.error is not None
    assert (outcome.error.status, outcome.error.detail) == (500, "LookupError: no such contact")


async def test_an_effect_that_was_not_made_is_sent_again_and_runs_then(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send"))
    send.fail("k", NotDeliveredError("triggers are away"))
    await desk.settle()
    answer = desk.box.undelivered()
    assert (answer.failure, answer.detail) == (DeliveryFailure.UNAVAILABLE, "triggers are away")
    await desk.offer(gated_call("send"))
    assert send.ran == [("k", 1), ("k", 1)]


async def test_a_lost_stream_loses_no_outcome(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send"))
    desk.box.is_open = False
    send.let_go("k")
    await desk.settle()
    after = Mailbox()
    await desk.offer(gated_call("send"), box=after)
    assert after.take() == Completed("k", 1, DONE, from_record=True)
    assert send.ran == [("k", 1)]


async def test_a_pure_call_leaves_no_record() -> None:
    look = Gated("look", EffectClass.PURE)
    desk = Desk(look)
    await desk.offer(gated_call("look"))
    look.let_go("k")
    await desk.settle()
    await desk.offer(gated_call("look"))
    assert look.ran == [("k", 1)] * 2
    assert await desk.ledger.lookup("k") == []


async def test_a_call_lost_with_another_process_runs_again_once_its_lease_is_over(send: Gated) -> None:
    ledger = MemoryLedger()
    lost, desk = Desk(send, ledger=ledger), Desk(send, ledger=ledger)
    await lost.offer(gated_call("send"))
    await desk.offer(gated_call("send"))
    assert send.ran == [("k", 1)]
    await desk.clock.advance_us(120_000_000)
    assert send.ran == [("k", 1), ("k", 1)]
    send.let_go("k")
    await desk.settle()
    assert desk.box.outcome() == DONE


async def test_a_call_under_way_in_another_process_is_joined_through_the_ledger(send: Gated) -> None:
    ledger = MemoryLedger()
    other, desk = Desk(send, ledger=ledger), Desk(send, ledger=ledger)
    await other.offer(gated_call("send"))
    await desk.offer(gated_call("send"))
    send.let_go("k")
    await other.settle()
    await desk.clock.advance_us(desk.settings.join_poll_us)
    assert desk.box.take() == Completed("k", 1, DONE, from_record=True)
    assert send.ran == [("k", 1)]


async def test_an_at_most_once_call_lost_with_its_process_ends_as_unknown() -> None:
    ledger = MemoryLedger()
    charge = Gated("charge", EffectClass.AT_MOST_ONCE)
    await Desk(charge, ledger=ledger).offer(gated_call("charge"))
    desk = Desk(charge, ledger=ledger)
    await desk.clock.advance_us(120_000_000)
    assert await desk.outcome_of(gated_call("charge")) == LOST
    assert await desk.outcome_of(gated_call("charge", attempt=2)) == LOST
    assert charge.ran == [("k", 1)]


async def test_an_outcome_that_comes_after_another_stands_is_logged_as_late(send: Gated) -> None:
    ledger = MemoryLedger()
    slow, quick = Desk(send, ledger=ledger), Desk(again := Gated("send"), ledger=ledger)
    await slow.offer(gated_call("send"))
    await quick.clock.advance_us(120_000_000)
    await quick.offer(gated_call("send"))
    again.let_go("k", DONE)
    await quick.settle()
    send.let_go("k", FAILURE)
    await slow.settle()
    assert slow.box.outcome() == quick.box.outcome() == DONE
    assert slow.counted("tidemill_actions_late_outcomes_total") == 1


async def test_a_call_that_waited_past_its_dispatch_limit_is_refused_and_not_run(send: Gated) -> None:
    desk = Desk(send, calls_in_flight_max=1)
    await desk.offer(gated_call("send", "a"), gated_call("send", "b", dispatch_before_us=NOW_US + 5))
    await desk.clock.advance_us(10)
    send.let_go("a")
    await desk.settle()
    assert [type(answer).__name__ for answer in desk.box.answers] == ["Completed", "Undelivered"]
    assert send.ran == [("a", 1)]


async def test_a_call_whose_stream_went_while_it_waited_is_not_run(send: Gated) -> None:
    desk = Desk(send, calls_in_flight_max=1)
    gone = Mailbox()
    await desk.offer(gated_call("send", "a"))
    await desk.offer(gated_call("send", "b"), box=gone)
    gone.is_open = False
    send.let_go("a")
    await desk.settle()
    assert send.ran == [("a", 1)]
    await desk.offer(gated_call("send", "b"))
    assert send.ran == [("a", 1), ("b", 1)]
