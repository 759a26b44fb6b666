"""Backpressure and fairness, time limits, a ledger that refuses, and the drain."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.unit.actions.desk import DONE, Desk, Gated, gated_call
from tests.unit.actions.samples import call
from tidemill.action_kit import EffectClass
from tidemill.actions.core.decision import Claim
from tidemill.actions.core.model import (
    ActionState,
    Cancellation,
    Completed,
    DeliveryFailure,
    Outcome,
    Undelivered,
)
from tidemill.actions.ledger.memory import MemoryLedger
from tidemill.actions.ledger.port import ClaimAnswer, Record
from tidemill.storage import StorageRefusedError, StorageUnavailableError


class SickLedger(MemoryLedger):
    """A ledger whose disk is full as long as the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None

    def _check(self) -> None:
        if self.error is not None:
            raise self.error

    async def claim(self, claims: Sequence[Claim], now_us: int) -> list[ClaimAnswer]:
        self._check()
        return await super().claim(claims, now_us)

    async def record(self, records: Sequence[Record]) -> list[Outcome | None]:
        self._check()
        return await super().record(records)

    async def cancel(self, cancellations: Sequence[Cancellation], now_us: int) -> list[Outcome | None]:
        self._check()
        return await super().cancel(cancellations, now_us)


DISK_FULL = StorageUnavailableError("effect ledger", "database or disk is full")


@pytest.fixture
def send() -> Gated:
    return Gated("send")


async def test_one_namespace_cannot_hold_up_another(send: Gated) -> None:
    desk = Desk(send, calls_in_flight_max=10, namespace_calls_in_flight_max=8)
    await desk.offer(*(gated_call("send", f"flood{number}", namespace="flood") for number in range(100)))
    await desk.offer(gated_call("send", "one", namespace="quiet"))
    assert len(send.ran) == 9
    assert send.ran[-1] == ("one", 1)


async def test_namespaces_take_turns_at_places_that_get_free(send: Gated) -> None:
    desk = Desk(send, calls_in_flight_max=1)
    await desk.offer(*(gated_call("send", f"a{number}", namespace="a") for number in range(3)))
    await desk.offer(*(gated_call("send", f"b{number}", namespace="b") for number in range(2)))
    for _ in range(5):
        send.let_go(send.ran[-1][0])
        await desk.settle()
    assert [key for key, _ in send.ran] == ["a0", "a1", "b0", "a2", "b1"]


async def test_over_the_queue_limit_calls_are_turned_away_and_run_later(send: Gated) -> None:
    desk = Desk(send, calls_in_flight_max=1, calls_queued_max=1)
    await desk.offer(gated_call("send", "a"), gated_call("send", "b"), gated_call("send", "c"))
    answer = desk.box.undelivered()
    assert (answer.key, answer.failure) == ("c", DeliveryFailure.UNAVAILABLE)
    for key in ("a", "b"):
        send.let_go(key)
        await desk.settle()
    await desk.offer(gated_call("send", "c"))
    assert send.ran[-1] == ("c", 1)


async def test_a_slow_action_does_not_hold_up_another(send: Gated) -> None:
    desk = Desk(send, quick := Gated("quick"), group_calls_in_flight_max=2)
    await desk.offer(*(gated_call("send", f"s{number}") for number in range(5)), gated_call("quick", "q"))
    assert len(send.ran) == 2
    assert quick.ran == [("q", 1)]


async def test_a_thousand_queued_calls_that_are_all_cancelled_leave_room(send: Gated) -> None:
    desk = Desk(send, calls_in_flight_max=1)
    await desk.offer(*(gated_call("send", f"k{number}") for number in range(1_000)))
    desk.dispatcher.cancel(desk.box, [Cancellation(f"k{number}", 1) for number in range(1_000)])
    await desk.settle()
    assert len(desk.box.answers) == 2_000
    await desk.offer(gated_call("send", "next"))
    assert send.ran == [("k0", 1), ("next", 1)]


async def test_a_call_that_never_answers_is_a_timeout_error(send: Gated) -> None:
    desk = Desk(send)
    await desk.offer(gated_call("send", timeout_us=1))
    await desk.settle()
    outcome = desk.box.outcome()
    assert outcome.state is ActionState.FAILED
    assert outcome.error is not None
    assert (outcome.error.status, outcome.error.type.rpartition("/")[2]) == (408, "timeout")
    assert "within 1e-06 seconds" in outcome.error.detail


async def test_an_at_most_once_call_that_never_answers_is_unknown_for_good() -> None:
    charge = Gated("charge", EffectClass.AT_MOST_ONCE)
    desk = Desk(charge)
    await desk.offer(gated_call("charge", timeout_us=1))
    await desk.settle()
    first = desk.box.outcome()
    assert first.state is ActionState.UNKNOWN
    assert await desk.outcome_of(gated_call("charge", attempt=2)) == first
    assert charge.ran == [("k", 1)]


async def test_a_timeout_that_the_function_raises_itself_is_its_own_error(send: Gated) -> None:
    desk = Desk(send)
    await desk.offer(gated_call("send"))
    send.fail("k", TimeoutError("the provider took too long"))
    await desk.settle()
    outcome = desk.box.outcome()
    assert outcome.error is not None
    assert outcome.error.detail == "TimeoutError: the provider took too long"


async def test_with_a_full_disk_nothing_runs_and_nothing_is_acknowledged(send: Gated) -> None:
    ledger = SickLedger()
    desk = Desk(send, ledger=ledger)
    ledger.error = DISK_FULL
    await desk.offer(gated_call("send"))
    answer = desk.box.undelivered()
    assert answer.failure is DeliveryFailure.UNAVAILABLE
    assert "full" in answer.detail
    assert send.ran == []
    ledger.error = None
    await desk.offer(gated_call("send"))
    assert send.ran == [("k", 1)]


async def test_an_outcome_that_cannot_be_written_waits_and_is_answered_once_it_is(send: Gated) -> None:
    ledger = SickLedger()
    desk = Desk(send, ledger=ledger)
    await desk.offer(gated_call("send"))
    ledger.error = DISK_FULL
    send.let_go("k")
    for _ in range(3):
        with pytest.raises(StorageUnavailableError):
            await desk.settle()
    assert desk.box.answers == []
    ledger.error = None
    await desk.settle()
    assert desk.box.outcome() == DONE
    assert send.ran == [("k", 1)]


async def test_outcomes_whose_data_the_ledger_refuses_are_sent_again_and_hold_up_nobody(send: Gated) -> None:
    ledger = SickLedger()
    desk = Desk(send, ledger=ledger)
    await desk.offer(gated_call("send"))
    ledger.error = StorageRefusedError("effect ledger", "no")
    send.let_go("k")
    await desk.settle()
    assert desk.box.undelivered().failure is DeliveryFailure.UNAVAILABLE
    ledger.error = None
    await desk.offer(call("other"))
    assert desk.box.outcome().state is ActionState.SUCCEEDED


async def test_a_cancellation_is_not_confirmed_while_it_cannot_be_kept(send: Gated) -> None:
    ledger = SickLedger()
    desk = Desk(send, ledger=ledger)
    ledger.error = DISK_FULL
    await desk.cancel("k")
    assert desk.box.undelivered().failure is DeliveryFailure.UNAVAILABLE


async def test_a_drain_finishes_what_has_begun_and_turns_away_the_rest(send: Gated) -> None:
    desk = Desk(send, calls_in_flight_max=1)
    await desk.offer(gated_call("send", "begun"), gated_call("send", "queued"))
    drain = asyncio.create_task(desk.dispatcher.drain(10_000_000))
    await desk.settle()
    assert desk.box.undelivered().key == "queued"
    await desk.offer(gated_call("send", "new"))
    assert desk.box.undelivered().key == "new"
    assert not drain.done()
    send.let_go("begun")
    await desk.settle()
    await drain
    assert desk.box.take() == Completed("begun", 1, DONE)


async def test_a_drain_that_takes_too_long_leaves_calls_to_the_next_process(send: Gated) -> None:
    desk = Desk(send)
    await desk.offer(gated_call("send"), gated_call("send", attempt=2))
    await desk.dispatcher.drain(1_000)
    assert [(answer.attempt, type(answer)) for answer in desk.box.answers] == [
        (1, Undelivered),
        (2, Undelivered),
    ]
    assert send.stopped == ["k"]
    [row] = await desk.ledger.lookup("k")
    assert row.outcome is None


async def test_an_idle_drain_is_done_at_once(send: Gated) -> None:
    await Desk(send).dispatcher.drain(1)
