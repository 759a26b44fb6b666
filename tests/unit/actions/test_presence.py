"""Leases of replicas: found out when they have run out, taken anew, and what the late are told."""

from collections.abc import Sequence

import pytest

from tests.unit.actions.desk import DONE, Desk, Gated, gated_call
from tests.unit.actions.samples import SUCCESS
from tidemill.actions.core.decision import Claim
from tidemill.actions.core.model import CANCELLED, Completed, DeliveryFailure
from tidemill.actions.ledger.memory import MemoryLedger
from tidemill.actions.ledger.port import ClaimAnswer
from tidemill.actions.runtime.meters import Meters
from tidemill.actions.runtime.presence import Presence
from tidemill.storage import StorageUnavailableError
from tidemill.telemetry.metrics import Metrics


class Replica(Desk):
    """A desk that shares its ledger."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.send = Gated("send")
        super().__init__(self.send, ledger=ledger, replicas=ledger)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
async def pair(ledger: MemoryLedger) -> tuple[Replica, Replica]:
    first, second = Replica(ledger), Replica(ledger)
    for replica in (first, second):
        await replica.presence.begin()
    return first, second


async def test_a_lease_is_kept_while_it_lasts(ledger: MemoryLedger) -> None:
    presence = Presence(ledger, "one", Meters(Metrics()))
    await presence.begin()
    token = presence.token
    assert token > 0
    assert await presence.run_once() is False
    assert presence.token == token


async def test_a_lease_that_has_run_out_is_followed_by_a_new_one(ledger: MemoryLedger) -> None:
    presence = Presence(ledger, "one", Meters(Metrics()))
    await presence.begin()
    token = presence.token
    await ledger.leave(token)
    await presence.run_once()
    assert presence.token not in (0, token)
    assert await ledger.renew(presence.token)


async def test_a_stop_does_not_fail_for_want_of_the_ledger() -> None:
    class Gone(MemoryLedger):
        async def leave(self, token: int) -> None:
            raise StorageUnavailableError("effect ledger", "gone")

    presence = Presence(Gone(), "one", Meters(Metrics()))
    await presence.begin()
    await presence.end()


async def test_a_claim_under_a_lease_that_has_run_out_is_not_made_and_the_lease_looked_at_at_once(
    pair: tuple[Replica, Replica], ledger: MemoryLedger
) -> None:
    first, _ = pair
    await ledger.leave(first.presence.token)
    await first.offer(gated_call("send"))
    assert first.box.undelivered().failure is DeliveryFailure.UNAVAILABLE
    assert first.presence.wake.is_set()
    await first.presence.run_once()
    assert first.counted("tidemill_actions_leases_lost_total") == 1
    await first.offer(gated_call("send"))
    assert first.send.ran == [("k", 1)]


async def test_what_a_dead_replica_ran_is_run_by_the_other_and_the_dead_one_comes_late(
    pair: tuple[Replica, Replica], ledger: MemoryLedger
) -> None:
    first, second = pair
    await first.offer(gated_call("send"))
    await second.offer(gated_call("send"))
    assert second.send.ran == []
    await ledger.leave(first.presence.token)
    await second.clock.advance_us(second.settings.join_poll_us)
    await second.settle()
    assert second.send.ran == [("k", 1)]
    first.send.let_go("k")
    await first.settle()
    # Somebody else runs it: the engine asks again, and gets the outcome that is recorded.
    assert first.box.undelivered().failure is DeliveryFailure.UNAVAILABLE
    assert first.counted("tidemill_actions_late_outcomes_total") == 1
    second.send.let_go("k", SUCCESS)
    await second.settle()
    assert second.box.outcome() == SUCCESS
    await first.presence.run_once()
    await first.offer(gated_call("send"))
    assert first.box.take() == Completed("k", 1, SUCCESS, from_record=True)


async def test_a_call_that_another_replica_runs_is_cancelled_where_it_runs(
    pair: tuple[Replica, Replica],
) -> None:
    first, second = pair
    await first.offer(gated_call("send"))
    await second.cancel("k")
    assert second.box.answers == []
    await first.cancel("k")
    assert first.send.stopped == ["k"]
    await second.clock.advance_us(second.settings.join_poll_us)
    await second.settle()
    assert second.box.outcome() == CANCELLED


async def test_a_call_that_ended_first_answers_a_cancellation_at_the_other_replica(
    pair: tuple[Replica, Replica],
) -> None:
    first, second = pair
    await first.offer(gated_call("send"))
    await second.cancel("k")
    first.send.let_go("k")
    await first.settle()
    await second.clock.advance_us(second.settings.join_poll_us)
    await second.settle()
    assert second.box.outcome() == DONE


async def test_a_call_whose_claim_was_made_but_never_heard_of_runs_when_it_comes_again() -> None:
    class Cut(MemoryLedger):
        """Loses the answer to the first claim: its commit is through."""

        cut = True

        async def claim(self, claims: Sequence[Claim], now_us: int) -> list[ClaimAnswer]:
            answers = await super().claim(claims, now_us)
            if self.cut:
                self.cut = False
                raise StorageUnavailableError("effect ledger", "the connection is lost")
            return answers

    replica = Replica(Cut())
    await replica.presence.begin()
    await replica.offer(gated_call("send"))
    assert replica.box.undelivered().failure is DeliveryFailure.UNAVAILABLE
    await replica.offer(gated_call("send"))
    assert replica.send.ran == [("k", 1)]
    replica.send.let_go("k")
    await replica.settle()
    assert replica.box.outcome() == DONE
