"""Large arguments and outputs: fetched before a call is made, left before the ledger refers to them."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from tests.unit.actions.desk import Desk, Gated, gated_call
from tests.unit.actions.samples import call
from tidemill.action_kit import EffectClass
from tidemill.actions.core.model import ActionState, Call, DeliveryFailure, Outcome
from tidemill.blobs.claims import read_claim
from tidemill.blobs.memory import MemoryBlobs
from tidemill.blobs.port import PART, Blob, BlobError, BlobName
from tidemill.storage import StorageUnavailableError

EXECUTION = "00000001-00000000-0000-7000-8000-000000000001"
LARGE = b'"' + b"x" * 100_000 + b'"'


class AwayBlobs(MemoryBlobs):
    """Refuses everything while `away`."""

    away = False

    async def put(self, blobs: Collection[Blob]) -> None:
        self._check()
        await super().put(blobs)

    async def get(self, names: Collection[BlobName]) -> Mapping[BlobName, bytes | BlobError]:
        self._check()
        return await super().get(names)

    def _check(self) -> None:
        if self.away:
            raise StorageUnavailableError(PART, "away")


class Large:
    """A desk with one action, whose arguments are remembered."""

    def __init__(self, effect_class: EffectClass = EffectClass.ONCE, **limits: Any) -> None:  # noqa: ANN401
        self.send = Gated("send", effect_class)
        self.desk = Desk(self.send, **limits)
        self.blobs = AwayBlobs()
        self.desk.check.store = self.blobs

    async def claimed(self, *, lost: bool = False) -> Call:
        """A call whose arguments stand in the store."""
        (claim,) = await self.desk.check.leave_texts([(EXECUTION, LARGE)])
        if lost:
            self.blobs.held.clear()
        return gated_call("send", execution_id=EXECUTION, arguments=claim)


async def test_an_action_gets_the_text_that_a_claim_stands_for() -> None:
    large = Large()
    one = await large.claimed()
    await large.desk.offer(one)
    assert large.send.ran == [("k", 1)]
    assert one.arguments == LARGE


async def test_a_call_whose_arguments_are_lost_or_away_is_not_made_and_comes_again() -> None:
    large = Large()
    one = await large.claimed(lost=True)
    await large.desk.offer(one)
    refused = large.desk.box.undelivered()
    assert (refused.failure, "is missing" in refused.detail) == (DeliveryFailure.UNAVAILABLE, True)
    large.blobs.away = True
    await large.desk.offer(one)
    assert "the blob store refuses" in large.desk.box.undelivered().detail
    assert large.send.ran == []
    # Nothing was claimed: the call that comes again is made.
    large.blobs.away = False
    await large.desk.offer(await large.claimed())
    assert large.send.ran == [("k", 1)]


async def test_small_calls_do_not_wait_for_large_ones() -> None:
    large = Large()
    lost = await large.claimed(lost=True)
    await large.desk.offer(lost, call("small"))
    assert {type(answer).__name__ for answer in large.desk.box.answers} == {"Undelivered", "Completed"}


@pytest.mark.parametrize("effect_class", EffectClass)
async def test_a_large_output_goes_by_reference_whatever_the_class(effect_class: EffectClass) -> None:
    large = Large(effect_class)
    await large.desk.offer(gated_call("send", execution_id=EXECUTION))
    large.send.let_go("k", Outcome(ActionState.SUCCEEDED, LARGE))
    await large.desk.settle()
    outcome = large.desk.box.outcome()
    assert outcome.output is not None
    claim = read_claim(outcome.output)
    assert claim is not None
    assert claim.size == len(LARGE)
    assert await large.desk.check.fetch_text(outcome.output, EXECUTION) == LARGE
    rows = await large.desk.ledger.lookup("k")
    recorded = [row.outcome.output for row in rows if row.outcome is not None]
    assert recorded == ([] if effect_class is EffectClass.PURE else [outcome.output])


async def test_an_outcome_waits_while_its_output_cannot_be_left() -> None:
    large = Large()
    await large.desk.offer(gated_call("send", execution_id=EXECUTION))
    large.blobs.away = True
    large.send.let_go("k", Outcome(ActionState.SUCCEEDED, LARGE))
    with pytest.raises(StorageUnavailableError):
        await large.desk.settle()
    assert large.desk.box.answers == []
    large.blobs.away = False
    await large.desk.settle()
    assert large.desk.box.outcome().state is ActionState.SUCCEEDED
    assert large.send.ran == [("k", 1)]


async def test_the_limit_of_arguments_holds_for_what_a_claim_stands_for() -> None:
    large = Large(arguments_bytes_max=len(LARGE) - 1)
    await large.desk.offer(await large.claimed())
    error = large.desk.box.outcome().error
    assert error is not None
    assert f"the arguments of {len(LARGE)} bytes are over arguments_bytes_max" in error.detail
