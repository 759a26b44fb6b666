"""Cancellations: in every stage of a call, before it has come, and with another process in between."""

import asyncio

import pytest

from tests.unit.actions.desk import DONE, Desk, Gated, Mailbox, gated_call
from tests.unit.actions.samples import call
from tidemill.action_kit import EffectClass
from tidemill.actions.core.model import CANCELLED, ActionState, Cancellation, Completed
from tidemill.actions.ledger.memory import MemoryLedger


@pytest.fixture
def send() -> Gated:
    return Gated("send")


@pytest.fixture
def desk(send: Gated) -> Desk:
    return Desk(send)


async def test_a_running_call_is_stopped_and_both_it_and_the_cancellation_are_answered(
    desk: Desk, send: Gated
) -> None:
    await desk.offer(gated_call("send"))
    await desk.cancel("k")
    assert send.stopped == ["k"]
    assert desk.box.answers == [Completed("k", 1, CANCELLED)] * 2


@pytest.mark.parametrize("turns", range(12))
async def test_a_call_may_be_cancelled_at_any_turn_of_the_event_loop(
    desk: Desk, send: Gated, turns: int
) -> None:
    desk.dispatcher.offer(desk.box, [gated_call("send")])
    for _ in range(turns):
        await asyncio.sleep(0)
    desk.dispatcher.cancel(desk.box, [Cancellation("k", 1)])
    await desk.settle()
    assert [answer for answer in desk.box.answers if isinstance(answer, Completed)] == desk.box.answers
    assert [answer.outcome for answer in desk.box.answers] == [CANCELLED] * 2  # type: ignore[union-attr]


async def test_a_stopped_call_stays_stopped_when_it_is_sent_again(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send"))
    await desk.cancel("k")
    desk.box.answers.clear()
    await desk.offer(gated_call("send"))
    assert desk.box.take() == Completed("k", 1, CANCELLED, from_record=True)
    assert send.ran == [("k", 1)]


async def test_a_call_that_comes_after_its_cancellation_does_not_run(desk: Desk, send: Gated) -> None:
    await desk.cancel("k")
    assert desk.box.outcome() == CANCELLED
    await desk.offer(gated_call("send"))
    assert desk.box.outcome() == CANCELLED
    assert send.ran == []


async def test_a_later_attempt_runs_after_a_cancelled_one(desk: Desk, send: Gated) -> None:
    await desk.cancel("k", attempt=1)
    await desk.offer(gated_call("send", attempt=2))
    assert send.ran == [("k", 2)]


async def test_a_call_that_is_done_answers_its_cancellation_with_its_outcome(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send"))
    send.let_go("k")
    await desk.settle()
    desk.box.answers.clear()
    await desk.cancel("k")
    assert desk.box.outcome() == DONE


async def test_a_call_in_the_queue_is_taken_out_of_it(send: Gated) -> None:
    desk = Desk(send, calls_in_flight_max=1)
    await desk.offer(gated_call("send", "a"), gated_call("send", "b"), gated_call("send", "c"))
    await desk.cancel("b")
    assert desk.box.answers == [Completed("b", 1, CANCELLED, from_record=True)] * 2
    send.let_go("a")
    await desk.settle()
    assert send.ran == [("a", 1), ("c", 1)]
    send.let_go("c")
    await desk.settle()
    assert desk.counted("tidemill_actions_in_flight") == 0


async def test_a_call_that_is_being_claimed_is_not_run(desk: Desk, send: Gated) -> None:
    desk.dispatcher.offer(desk.box, [gated_call("send")])
    await desk.cancel("k")
    assert send.ran == []
    assert desk.box.answers == [Completed("k", 1, CANCELLED)] * 2


async def test_an_attempt_that_follows_another_is_cancelled_alone(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send"), gated_call("send", attempt=2))
    await desk.cancel("k", attempt=2)
    assert [answer.attempt for answer in desk.box.answers] == [2, 2]
    send.let_go("k")
    await desk.settle()
    assert send.ran == [("k", 1)]


async def test_cancelling_one_attempt_lets_the_next_begin(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send"), gated_call("send", attempt=2))
    await desk.cancel("k", attempt=1)
    assert send.ran == [("k", 1), ("k", 2)]


async def test_a_cancellation_of_another_attempt_leaves_the_running_one_alone(
    desk: Desk, send: Gated
) -> None:
    await desk.offer(gated_call("send", attempt=2))
    await desk.cancel("k", attempt=1)
    assert desk.box.outcome() == CANCELLED
    assert send.stopped == []


async def test_the_answer_goes_to_the_stream_that_cancels_too(desk: Desk, send: Gated) -> None:
    await desk.offer(gated_call("send"))
    other = Mailbox()
    await desk.cancel("k", box=other)
    assert other.outcome() == desk.box.outcome() == CANCELLED


async def test_a_stopped_at_most_once_call_is_unknown_once_it_has_begun() -> None:
    charge = Gated("charge", EffectClass.AT_MOST_ONCE)
    desk = Desk(charge)
    await desk.offer(gated_call("charge"))
    await desk.cancel("k")
    assert {answer.outcome.state for answer in desk.box.answers if isinstance(answer, Completed)} == {
        ActionState.UNKNOWN
    }


async def test_a_pure_call_is_stopped_too() -> None:
    look = Gated("look", EffectClass.PURE)
    desk = Desk(look)
    await desk.offer(gated_call("look"))
    await desk.cancel("k")
    assert look.stopped == ["k"]
    assert len(desk.box.answers) == 2


async def test_a_quick_function_cannot_be_caught(desk: Desk) -> None:
    await desk.offer(call())
    desk.box.answers.clear()
    await desk.cancel("k")
    assert desk.box.outcome().state is ActionState.SUCCEEDED


async def test_a_call_that_another_process_holds_is_confirmed_only_when_it_has_ended(send: Gated) -> None:
    ledger = MemoryLedger()
    other, desk = Desk(send, ledger=ledger), Desk(send, ledger=ledger)
    await other.offer(gated_call("send"))
    await desk.cancel("k")
    assert desk.box.answers == []
    send.let_go("k")
    await other.settle()
    await desk.clock.advance_us(desk.settings.join_poll_us)
    assert desk.box.outcome() == DONE


async def test_a_cancellation_of_a_lost_call_ends_it_for_good(send: Gated) -> None:
    ledger = MemoryLedger()
    await Desk(send, ledger=ledger).offer(gated_call("send"))
    desk = Desk(send, ledger=ledger)
    await desk.clock.advance_us(120_000_000)
    await desk.cancel("k")
    assert desk.box.outcome() == CANCELLED
    await desk.offer(gated_call("send"))
    assert desk.box.outcome() == CANCELLED
    assert send.ran == [("k", 1)]
