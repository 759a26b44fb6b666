"""What every ledger must do. An implementation's test module subclasses this and gives a `ledger`."""

from tests.unit.actions.samples import FAILURE, NOW_US, OTHER_DIGEST, SUCCESS, claim
from tidemill.action_kit import EffectClass
from tidemill.actions.core.decision import Claim
from tidemill.actions.core.model import CANCELLED, ActionState, Cancellation, Outcome
from tidemill.actions.core.problems import LOST
from tidemill.actions.ledger.port import Answered, ClaimAnswer, Granted, Held, Ledger, Record, Superseded

LATER_US = NOW_US + 120_000_000
OTHER = Outcome(ActionState.SUCCEEDED, b'{"sent":2}')


async def ask(ledger: Ledger, *claims: Claim, now_us: int = NOW_US) -> list[ClaimAnswer]:
    return await ledger.claim(claims, now_us)


async def hold_of(ledger: Ledger, one: Claim, now_us: int = NOW_US) -> int:
    [answer] = await ask(ledger, one, now_us=now_us)
    assert isinstance(answer, Granted)
    return answer.hold


async def ran(ledger: Ledger, one: Claim, outcome: Outcome = SUCCESS) -> None:
    assert await ledger.record([Record(one, await hold_of(ledger, one), outcome)]) == [outcome]


class LedgerSuite:
    """The contract of the ledger's port as tests."""

    async def test_a_new_key_is_granted_and_then_held(self, ledger: Ledger) -> None:
        first, second = await ask(ledger, claim("a"), claim("b"))
        assert isinstance(first, Granted)
        assert isinstance(second, Granted)
        assert first.hold != second.hold
        assert await ask(ledger, claim("a", token=2)) == [Held(claim().lease_until_us)]

    async def test_claims_of_one_batch_see_each_other(self, ledger: Ledger) -> None:
        first, second = await ask(ledger, claim("a"), claim("a", token=2))
        assert isinstance(first, Granted)
        assert isinstance(second, Held)

    async def test_a_recorded_outcome_answers_a_repeat(self, ledger: Ledger) -> None:
        await ran(ledger, claim())
        assert await ask(ledger, claim(token=2)) == [Answered(SUCCESS)]

    async def test_an_error_is_kept_whole(self, ledger: Ledger) -> None:
        await ran(ledger, claim(), FAILURE)
        assert await ask(ledger, claim(token=2)) == [Answered(FAILURE)]

    async def test_a_success_is_final_for_its_key(self, ledger: Ledger) -> None:
        await ran(ledger, claim())
        assert await ask(ledger, claim(attempt=2)) == [Answered(SUCCESS)]
        assert [row.attempt for row in await ledger.lookup("k")] == [1]

    async def test_another_request_under_a_later_attempt_runs(self, ledger: Ledger) -> None:
        await ran(ledger, claim())
        await ran(ledger, claim(attempt=2, token=2, digest=OTHER_DIGEST), OTHER)
        assert await ask(ledger, claim(attempt=2, digest=OTHER_DIGEST)) == [Answered(OTHER)]
        assert await ask(ledger, claim()) == [Answered(SUCCESS)]

    async def test_a_failure_is_final_for_its_attempt_only(self, ledger: Ledger) -> None:
        await ran(ledger, claim(), FAILURE)
        await ran(ledger, claim(attempt=2, token=2), SUCCESS)
        assert await ask(ledger, claim(token=3)) == [Answered(FAILURE)]

    async def test_an_attempt_from_the_past_is_refused(self, ledger: Ledger) -> None:
        await ran(ledger, claim(attempt=2), FAILURE)
        assert await ask(ledger, claim(attempt=1)) == [Superseded()]
        assert [row.attempt for row in await ledger.lookup("k")] == [2]

    async def test_a_lost_lease_is_taken_over_and_its_first_holder_is_late(self, ledger: Ledger) -> None:
        lost = claim()
        hold = await hold_of(ledger, lost)
        again = claim(token=2, lease_until_us=LATER_US + 1)
        assert await hold_of(ledger, again, LATER_US) == hold
        assert await ask(ledger, claim(token=3), now_us=LATER_US) == [Held(LATER_US + 1)]
        assert await ledger.record([Record(again, hold, SUCCESS)]) == [SUCCESS]
        assert await ledger.record([Record(lost, hold, OTHER)]) == [SUCCESS]

    async def test_whoever_lost_the_lease_cannot_write_before_its_successor(self, ledger: Ledger) -> None:
        lost, again = claim(), claim(token=2, lease_until_us=LATER_US + 1)
        hold = await hold_of(ledger, lost)
        await hold_of(ledger, again, LATER_US)
        assert await ledger.record([Record(lost, hold, OTHER)]) == [None]
        assert await ledger.record([Record(again, hold, SUCCESS)]) == [SUCCESS]
        assert await ask(ledger, claim(token=3)) == [Answered(SUCCESS)]

    async def test_an_outcome_whose_row_is_gone_is_kept_all_the_same(self, ledger: Ledger) -> None:
        lost, again = claim(), claim(token=2, lease_until_us=LATER_US + 1)
        hold = await hold_of(ledger, lost)
        await ledger.release([(await hold_of(ledger, again, LATER_US), again)])
        assert await ledger.record([Record(lost, hold, SUCCESS)]) == [SUCCESS]
        assert await ask(ledger, claim(token=3)) == [Answered(SUCCESS)]

    async def test_an_attempt_runs_after_an_earlier_one_was_lost(self, ledger: Ledger) -> None:
        lost, following = claim(), claim(attempt=2, token=2, lease_until_us=LATER_US + 1)
        hold = await hold_of(ledger, lost)
        assert await hold_of(ledger, following, LATER_US) != hold
        assert await ask(ledger, claim(attempt=2, token=3), now_us=LATER_US) == [Held(LATER_US + 1)]
        assert await ledger.record([Record(lost, hold, FAILURE)]) == [FAILURE]

    async def test_a_holder_whose_lease_ran_out_may_still_write_while_nobody_took_over(
        self, ledger: Ledger
    ) -> None:
        lost = claim()
        hold = await hold_of(ledger, lost)
        assert await ledger.record([Record(lost, hold, SUCCESS)]) == [SUCCESS]
        assert await ask(ledger, claim(token=2), now_us=LATER_US) == [Answered(SUCCESS)]

    async def test_a_lost_at_most_once_call_ends_as_unknown(self, ledger: Ledger) -> None:
        lost = claim(effect_class=EffectClass.AT_MOST_ONCE)
        hold = await hold_of(ledger, lost)
        again = claim(attempt=2, token=2, effect_class=EffectClass.AT_MOST_ONCE)
        assert await ask(ledger, again, now_us=LATER_US) == [Answered(LOST)]
        assert await ask(ledger, lost, again, now_us=LATER_US) == [Answered(LOST), Answered(LOST)]
        assert await ledger.record([Record(lost, hold, SUCCESS)]) == [LOST]

    async def test_recording_twice_changes_nothing(self, ledger: Ledger) -> None:
        one = claim()
        record = Record(one, await hold_of(ledger, one), SUCCESS)
        assert await ledger.record([record]) == [SUCCESS]
        assert await ledger.record([record]) == [SUCCESS]
        assert len(await ledger.lookup("k")) == 1

    async def test_an_idempotent_call_leaves_its_outcome_alone(self, ledger: Ledger) -> None:
        one = claim(effect_class=EffectClass.IDEMPOTENT)
        assert await hold_of(ledger, one) == 0
        assert await ledger.lookup("k") == []
        assert await ledger.record([Record(one, 0, SUCCESS)]) == [SUCCESS]
        assert await ask(ledger, one) == [Answered(SUCCESS)]
        late = claim(token=2, effect_class=EffectClass.IDEMPOTENT)
        assert await ledger.record([Record(late, 0, OTHER)]) == [SUCCESS]

    async def test_a_pure_call_leaves_nothing(self, ledger: Ledger) -> None:
        assert await hold_of(ledger, claim(effect_class=EffectClass.PURE)) == 0
        assert await ledger.lookup("k") == []

    async def test_a_batch_of_records_tells_the_late_from_the_others(self, ledger: Ledger) -> None:
        claims = [claim(f"k{number}", token=number + 1) for number in range(5)]
        holds = [await hold_of(ledger, one) for one in claims]
        await ledger.cancel([Cancellation("k3", 1)], LATER_US)
        records = [Record(one, hold, SUCCESS) for one, hold in zip(claims, holds, strict=True)]
        assert await ledger.record(records) == [SUCCESS, SUCCESS, SUCCESS, CANCELLED, SUCCESS]

    async def test_a_released_claim_is_as_if_it_had_never_been(self, ledger: Ledger) -> None:
        one = claim()
        await ledger.release([(await hold_of(ledger, one), one)])
        assert await ledger.lookup("k") == []
        await ran(ledger, claim(token=2))

    async def test_only_the_holder_of_an_open_claim_can_release_it(self, ledger: Ledger) -> None:
        one = claim()
        hold = await hold_of(ledger, one)
        await ledger.release([(hold, claim(token=one.token + 1))])
        assert len(await ledger.lookup("k")) == 1
        await ledger.record([Record(one, hold, SUCCESS)])
        await ledger.release([(hold, one)])
        assert await ask(ledger, claim(token=2)) == [Answered(SUCCESS)]

    async def test_a_call_that_comes_after_its_cancellation_does_not_run(self, ledger: Ledger) -> None:
        assert await ledger.cancel([Cancellation("k", 1)], NOW_US) == [CANCELLED]
        assert await ask(ledger, claim()) == [Answered(CANCELLED)]
        assert isinstance((await ask(ledger, claim(attempt=2)))[0], Granted)

    async def test_a_cancellation_meets_what_there_is(self, ledger: Ledger) -> None:
        await ran(ledger, claim("done"))
        await hold_of(ledger, claim("held"))
        keys = [Cancellation(key, 1) for key in ("done", "held")]
        assert await ledger.cancel(keys, NOW_US) == [SUCCESS, None]
        assert await ledger.cancel(keys, LATER_US) == [SUCCESS, CANCELLED]

    async def test_settled_rows_expire_after_their_time(self, ledger: Ledger) -> None:
        for key in ("a", "b", "c"):
            await ran(ledger, claim(key))
        await ledger.settle(["a", "b", "never seen"], NOW_US)
        assert await ledger.expire(NOW_US, 10) == 0
        assert await ledger.expire(NOW_US + 1, 10) == 2
        assert await ledger.lookup("a") == []
        assert len(await ledger.lookup("c")) == 1

    async def test_expiry_goes_by_pages(self, ledger: Ledger) -> None:
        keys = [f"k{number}" for number in range(5)]
        for key in keys:
            await ran(ledger, claim(key))
        await ledger.settle(keys, NOW_US)
        assert [await ledger.expire(LATER_US, 2) for _ in range(4)] == [2, 2, 1, 0]

    async def test_settling_again_does_not_make_a_row_younger(self, ledger: Ledger) -> None:
        await ran(ledger, claim())
        await ledger.settle(["k"], NOW_US)
        await ledger.settle(["k"], LATER_US)
        assert await ledger.expire(NOW_US + 1, 10) == 1

    async def test_an_attempt_under_way_is_not_settled(self, ledger: Ledger) -> None:
        await ran(ledger, claim(), FAILURE)
        await hold_of(ledger, claim(attempt=2, token=2))
        await ledger.settle(["k"], NOW_US)
        assert await ledger.expire(LATER_US, 10) == 1
        assert [row.attempt for row in await ledger.lookup("k")] == [2]

    async def test_a_lost_attempt_is_settled_with_a_later_one(self, ledger: Ledger) -> None:
        await hold_of(ledger, claim())
        later = claim(attempt=2, token=2, lease_until_us=LATER_US + 1)
        hold = await hold_of(ledger, later, LATER_US)
        await ledger.record([Record(later, hold, SUCCESS)])
        await ledger.settle(["k"], NOW_US)
        assert await ledger.expire(LATER_US, 10) == 2

    async def test_a_tombstone_is_settled_from_the_start(self, ledger: Ledger) -> None:
        await ledger.cancel([Cancellation("k", 1)], NOW_US)
        assert await ledger.expire(NOW_US + 1, 10) == 1

    async def test_a_large_batch_goes_through(self, ledger: Ledger) -> None:
        claims = [claim(f"k{number}", token=number + 1) for number in range(2_500)]
        answers = await ask(ledger, *claims)
        records = [
            Record(one, answer.hold, SUCCESS)
            for one, answer in zip(claims, answers, strict=True)
            if isinstance(answer, Granted)
        ]
        assert len(records) == 2_500
        assert await ledger.record(records) == [SUCCESS] * 2_500
        assert await ask(ledger, *claims) == [Answered(SUCCESS)] * 2_500
        await ledger.settle([one.key for one in claims], NOW_US)
        assert await ledger.expire(LATER_US, 10_000) == 2_500
