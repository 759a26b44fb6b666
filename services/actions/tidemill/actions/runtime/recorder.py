"""Outcomes on their way into the ledger: those that get ready during one commit are written by the next."""

import asyncio
from collections.abc import Callable
from typing import Final

from tidemill.actions.core.model import Answer, Completed, DeliveryFailure, Outcome, Undelivered
from tidemill.actions.ledger.port import Ledger, Record
from tidemill.actions.runtime.flights import Flight
from tidemill.actions.runtime.meters import Meters
from tidemill.blobs.claim_check import ClaimCheck
from tidemill.storage import StorageRefusedError
from tidemill.telemetry.logging import get_logger

Answered = tuple[Flight, Answer]
_TAKEN_OVER: Final = "the lease of this replica ran out meanwhile, and another one runs the call"
_log = get_logger(__name__)


# A flight that has run: its outcome, or None and why its effect was not made.
_Ended = tuple[Flight, Outcome | None, str]


class Recorder:
    """Writes outcomes in batches and hands on the answers, which no one sees before they are durable.

    Large outputs of a batch are in the blob store before the ledger refers to them. While either refuses,
    outcomes stay here, bounded by the calls in flight, and are tried again.
    """

    def __init__(
        self,
        ledger: Ledger,
        check: ClaimCheck,
        meters: Meters,
        *,
        rows_max: int,
        deliver: Callable[[list[Answered]], None],
    ) -> None:
        self.wake = asyncio.Event()
        self._ledger = ledger
        self._check = check
        self._meters = meters
        self._rows_max = rows_max
        self._deliver = deliver
        self._pending: list[_Ended] = []

    def record(self, flight: Flight, outcome: Outcome) -> None:
        """Have the flight's outcome written and answered; one that has claimed nothing needs no row."""
        self._pending.append((flight, outcome, ""))
        self.wake.set()

    def release(self, flight: Flight, detail: str) -> None:
        """Have the flight's claim given up, and the call answered as not delivered."""
        self._pending.append((flight, None, detail))
        self.wake.set()

    async def run_once(self) -> bool:
        """Write one batch; raises StorageUnavailableError, after which the batch still waits."""
        batch = self._pending[: self._rows_max]
        if not batch:
            return False
        answers = await self._write(await self._with_claims(batch))
        del self._pending[: len(batch)]
        self._deliver(answers)
        return True

    async def _with_claims(self, batch: list[_Ended]) -> list[_Ended]:
        """The batch with claims in the places of large outputs."""
        large = [
            (index, flight, outcome)
            for index, (flight, outcome, _) in enumerate(batch)
            if outcome is not None and self.is_large(outcome)
        ]
        if not large:
            return batch
        texts = [(flight.call.execution_id, outcome.output or b"") for _, flight, outcome in large]
        claimed = list(batch)
        claims = await self._check.leave_texts(texts)
        for (index, flight, outcome), claim in zip(large, claims, strict=True):
            claimed[index] = (flight, outcome._replace(output=claim), "")
        return claimed

    def is_large(self, outcome: Outcome) -> bool:
        """Whether the output of an outcome goes to the blob store."""
        return outcome.output is not None and len(outcome.output) > self._check.bytes_max

    async def _write(self, batch: list[_Ended]) -> list[Answered]:
        unclaimed = [
            (flight, outcome) for flight, outcome, _ in batch if outcome is not None and flight.claim is None
        ]
        records = [
            (flight, _record(flight, outcome))
            for flight, outcome, _ in batch
            if outcome is not None and flight.claim is not None
        ]
        releases = [(flight, detail) for flight, outcome, detail in batch if outcome is None]
        try:
            standing = await self._ledger.record([record for _, record in records]) if records else []
            held = [(flight.hold, flight.claim) for flight, _ in releases if flight.hold and flight.claim]
            if held:
                await self._ledger.release(held)
        except StorageRefusedError as error:
            # Trying the same data again is pointless; the engine sends the calls again.
            _log.error("the ledger refused a batch of outcomes", batch_size=len(batch), exc_info=error)
            return [(flight, _undelivered(flight, error.message)) for flight, _, _ in batch]
        answers: list[Answered] = [
            (flight, self._answer(flight, record.outcome, stands))
            for (flight, record), stands in zip(records, standing, strict=True)
        ]
        answers += [(flight, _undelivered(flight, detail)) for flight, detail in releases]
        return answers + [(flight, _completed(flight, outcome)) for flight, outcome in unclaimed]

    def _answer(self, flight: Flight, outcome: Outcome, stands: Outcome | None) -> Answer:
        call = flight.call
        if stands != outcome:
            self._meters.late.add()
            _log.warning(
                "an outcome came late: another one stands, or somebody else runs the call",
                execution_id=call.execution_id,
                idempotency_key=call.key,
                attempt=call.attempt,
                action=call.action,
            )
        if stands is None:
            return _undelivered(flight, _TAKEN_OVER)
        return Completed(call.key, call.attempt, stands)


def _completed(flight: Flight, outcome: Outcome) -> Completed:
    return Completed(flight.call.key, flight.call.attempt, outcome)


def _record(flight: Flight, outcome: Outcome) -> Record:
    assert flight.claim is not None, "only claimed flights are recorded"
    return Record(flight.claim, flight.hold, outcome)


def _undelivered(flight: Flight, detail: str) -> Undelivered:
    return Undelivered(flight.call.key, flight.call.attempt, DeliveryFailure.UNAVAILABLE, detail)
