"""Cancellations of attempts that are not under way here: the ledger makes sure that they never run."""

from dataclasses import dataclass

from tidemill.actions.core.model import Answer, Cancellation, Completed, DeliveryFailure, Undelivered
from tidemill.actions.runtime.flights import Waiter
from tidemill.actions.runtime.parts import Parts
from tidemill.errors import TidemillError


@dataclass(frozen=True, slots=True)
class Pending:
    """A cancellation and everybody who waits for its attempt to end."""

    cancellation: Cancellation
    waiters: list[Waiter]

    def answer(self, answer: Answer) -> None:
        """Tell them all."""
        for waiter in self.waiters:
            waiter.answer(answer)


class Cancelling:
    """Ends attempts in the ledger. The engine is told after that, since a call may still be on its way."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def end(self, pending: list[Pending], polls: int = 0) -> None:
        """Have each attempt ended and answered; asks again where another process holds a lease."""
        try:
            outcomes = await self._parts.ledger.cancel(
                [one.cancellation for one in pending], self._parts.clock.now_us()
            )
        except TidemillError as error:
            for one in pending:
                one.answer(_undelivered(one.cancellation, error.message))
            return
        held = []
        for one, outcome in zip(pending, outcomes, strict=True):
            if outcome is None:
                held.append(one)
            else:
                one.answer(Completed(one.cancellation.key, one.cancellation.attempt, outcome, True))
        if held:
            await self._end_later(held, polls)

    async def _end_later(self, held: list[Pending], polls: int) -> None:
        settings = self._parts.settings
        await self._parts.clock.sleep_us(
            min(settings.join_poll_us << min(polls, 16), settings.join_poll_us_max)
        )
        await self.end([one for one in held if any(waiter.is_open for waiter in one.waiters)], polls + 1)


def _undelivered(cancellation: Cancellation, detail: str) -> Undelivered:
    return Undelivered(cancellation.key, cancellation.attempt, DeliveryFailure.UNAVAILABLE, detail)
