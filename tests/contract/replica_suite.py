"""What every ledger that replicas share must do when one of them is gone."""

import pytest

from tests.contract.ledger_suite import OTHER, ask, hold_of
from tests.unit.actions.samples import NOW_US, SUCCESS, claim
from tidemill.action_kit import EffectClass
from tidemill.actions.core.model import CANCELLED, Cancellation
from tidemill.actions.core.problems import LOST
from tidemill.actions.ledger.port import Answered, Granted, Held, LeaseLostError, Ledger, Record, Replicas


class ReplicaSuite:
    """The contract of leases as tests; the leases of `replicas` outlast a test."""

    async def test_a_claim_is_held_while_its_holder_lives(self, ledger: Ledger, replicas: Replicas) -> None:
        first, second = await replicas.join("first"), await replicas.join("second")
        assert first != second
        await hold_of(ledger, claim(holder=first))
        assert await replicas.renew(first)
        assert await ask(ledger, claim(token=2, holder=second)) == [Held(claim().lease_until_us)]
        assert await ledger.cancel([Cancellation("k", 1)], NOW_US) == [None]

    async def test_a_claim_is_lost_at_once_when_its_holder_leaves(
        self, ledger: Ledger, replicas: Replicas
    ) -> None:
        first, second = await replicas.join("first"), await replicas.join("second")
        hold = await hold_of(ledger, claim(holder=first))
        await replicas.leave(first)
        assert await ask(ledger, claim(token=2, holder=second)) == [Granted(hold)]
        third = await replicas.join("third")
        assert await ask(ledger, claim(token=3, holder=third)) == [Held(claim().lease_until_us)]

    async def test_the_dead_come_late(self, ledger: Ledger, replicas: Replicas) -> None:
        first, second = await replicas.join("first"), await replicas.join("second")
        lost, again = claim(holder=first), claim(token=2, holder=second)
        hold = await hold_of(ledger, lost)
        await replicas.leave(first)
        await hold_of(ledger, again)
        assert await ledger.record([Record(lost, hold, OTHER)]) == [None]
        assert await ledger.record([Record(again, hold, SUCCESS)]) == [SUCCESS]
        assert await ledger.record([Record(lost, hold, OTHER)]) == [SUCCESS]

    async def test_who_was_thought_dead_may_still_write_while_nobody_took_over(
        self, ledger: Ledger, replicas: Replicas
    ) -> None:
        first, second = await replicas.join("first"), await replicas.join("second")
        lost = claim(holder=first)
        hold = await hold_of(ledger, lost)
        await replicas.leave(first)
        assert await ledger.record([Record(lost, hold, SUCCESS)]) == [SUCCESS]
        assert await ask(ledger, claim(token=2, holder=second)) == [Answered(SUCCESS)]

    async def test_an_at_most_once_call_of_the_dead_ends_as_unknown(
        self, ledger: Ledger, replicas: Replicas
    ) -> None:
        first, second = await replicas.join("first"), await replicas.join("second")
        lost = claim(holder=first, effect_class=EffectClass.AT_MOST_ONCE)
        hold = await hold_of(ledger, lost)
        await replicas.leave(first)
        again = claim(token=2, holder=second, effect_class=EffectClass.AT_MOST_ONCE)
        assert await ask(ledger, again) == [Answered(LOST)]
        assert await ledger.record([Record(lost, hold, SUCCESS)]) == [LOST]

    async def test_a_call_of_the_dead_can_be_cancelled(self, ledger: Ledger, replicas: Replicas) -> None:
        first = await replicas.join("first")
        lost = claim(holder=first)
        hold = await hold_of(ledger, lost)
        await replicas.leave(first)
        assert await ledger.cancel([Cancellation("k", 1)], NOW_US) == [CANCELLED]
        assert await ledger.record([Record(lost, hold, SUCCESS)]) == [CANCELLED]

    async def test_a_later_attempt_runs_in_place_of_one_of_the_dead(
        self, ledger: Ledger, replicas: Replicas
    ) -> None:
        first, second = await replicas.join("first"), await replicas.join("second")
        await hold_of(ledger, claim(holder=first))
        await replicas.leave(first)
        await hold_of(ledger, claim(attempt=2, token=2, holder=second))
        assert [row.attempt for row in await ledger.lookup("k")] == [1, 2]

    async def test_a_claim_whose_answer_never_came_is_lost_to_its_own_process_at_once(
        self, ledger: Ledger, replicas: Replicas
    ) -> None:
        first, second = await replicas.join("first"), await replicas.join("second")
        unheard = claim(holder=first)
        hold = await hold_of(ledger, unheard)
        assert await ask(ledger, claim(token=2, holder=second)) == [Held(claim().lease_until_us)]
        assert await ask(ledger, claim(token=3, holder=first)) == [Granted(hold)]
        assert await ask(ledger, claim(token=2, holder=second)) == [Held(claim().lease_until_us)]
        risky = claim("risky", holder=first, effect_class=EffectClass.AT_MOST_ONCE)
        await hold_of(ledger, risky)
        assert await ask(ledger, risky) == [Answered(LOST)]

    async def test_the_dead_claim_nothing(self, ledger: Ledger, replicas: Replicas) -> None:
        first = await replicas.join("first")
        await replicas.leave(first)
        assert not await replicas.renew(first)
        with pytest.raises(LeaseLostError):
            await ask(ledger, claim(holder=first))
        assert await ledger.lookup("k") == []
