"""Where calls come in and answers go out: screens, joins, admits, cancels, and lets the next ones in."""

import asyncio
from collections.abc import Sequence
from typing import Final

from tidemill.actions.core.admission import Admission, Admitted
from tidemill.actions.core.model import Answer, Call, Cancellation, Completed, DeliveryFailure, Undelivered
from tidemill.actions.core.problems import failed, validation_problem
from tidemill.actions.core.screening import Epochs, is_late, refusal
from tidemill.actions.registry import Action
from tidemill.actions.runtime.batch import BatchStep
from tidemill.actions.runtime.cancelling import Cancelling, Pending
from tidemill.actions.runtime.flights import Flight, Stage, Waiter
from tidemill.actions.runtime.parts import Parts
from tidemill.actions.runtime.recorder import Recorder
from tidemill.actions.runtime.tasks import Tasks
from tidemill.blobs.claims import size_of

_STOPPING: Final = "the service is stopping"
_FULL: Final = "too many calls wait for their turn"


class Dispatcher:
    """Every call that is under way, by key. One attempt of a key runs at a time; later ones follow it."""

    def __init__(self, parts: Parts, admission: Admission[Flight]) -> None:
        rows_max = parts.settings.record_rows_max
        self.recorder = Recorder(
            parts.ledger, parts.check, parts.meters, rows_max=rows_max, deliver=self.conclude
        )
        self._parts = parts
        self._admission = admission
        self._tasks = Tasks()
        self._step = BatchStep(parts, self.recorder, self._tasks, self.conclude)
        self._cancelling = Cancelling(parts)
        self._epochs = Epochs()
        self._flights: dict[str, Flight] = {}
        self._resumed: list[Flight] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False

    def offer(self, waiter: Waiter, calls: Sequence[Call]) -> None:
        """Take calls in; each is answered to the waiter once."""
        now_us, started_us = self._parts.clock.now_us(), self._parts.clock.monotonic_us()
        admitted = []
        for call in calls:
            action = self._screen(waiter, call, now_us)
            if action is None:
                continue
            flight = Flight(call, action, waiter, started_us)
            under_way = self._flights.get(call.key)
            if under_way is not None:
                self._meet(under_way, flight)
            elif self._admit(flight):
                admitted.append(flight)
        self._start(admitted)

    def _screen(self, waiter: Waiter, call: Call, now_us: int) -> Action | None:
        """The action of a call that may go on; the others are answered here."""
        reason = refusal(call, self._epochs, now_us)
        action = self._parts.registry.find(call.action)
        limit = self._parts.settings.arguments_bytes_max
        if self._draining:
            self._turn_away(waiter, call, DeliveryFailure.UNAVAILABLE, _STOPPING)
        elif reason is not None:
            self._turn_away(waiter, call, DeliveryFailure.REFUSED, reason)
        elif action is None:
            detail = f"no action {call.action} is registered"
            self._turn_away(waiter, call, DeliveryFailure.UNKNOWN_ACTION, detail)
        elif (size := size_of(call.arguments)) > limit:
            detail = f"the arguments of {size} bytes are over arguments_bytes_max, {limit}"
            waiter.answer(Completed(call.key, call.attempt, failed(validation_problem(detail))))
        else:
            return action
        return None

    def _turn_away(self, waiter: Waiter, call: Call, failure: DeliveryFailure, detail: str) -> None:
        self._parts.meters.undelivered(failure)
        waiter.answer(Undelivered(call.key, call.attempt, failure, detail))

    def _meet(self, under_way: Flight, flight: Flight) -> None:
        """A call whose key is under way: the same attempt shares the answer, a later one follows it."""
        call, waiter = flight.call, flight.waiters[0]
        if call.attempt < under_way.call.attempt:
            self._turn_away(waiter, call, DeliveryFailure.REFUSED, "a later attempt is under way")
            return
        self._parts.meters.joined.add()
        for other in (under_way, *under_way.followers):
            if other.call.attempt == call.attempt:
                other.waiters.append(waiter)
                return
        under_way.followers.append(flight)

    def _admit(self, flight: Flight) -> bool:
        """Give the flight its place or its turn; True when it may start now."""
        call = flight.call
        admitted = self._admission.offer(flight, call.namespace, flight.action.spec.rate_group)
        if admitted is Admitted.REFUSED:
            for waiter in flight.waiters:
                self._turn_away(waiter, call, DeliveryFailure.UNAVAILABLE, _FULL)
            return False
        self._flights[call.key] = flight
        self._idle.clear()
        return admitted is Admitted.NOW

    def _launch(self, flights: list[Flight]) -> None:
        now_us = self._parts.clock.now_us()
        self._start([flight for flight in flights if self._is_wanted(flight, now_us)])

    def _start(self, flights: list[Flight]) -> None:
        for flight in flights:
            flight.stage = Stage.CLAIMING
        if flights:
            self._tasks.start(self._step.handle(flights))
        self._gauge()

    def _gauge(self) -> None:
        self._parts.meters.in_flight.set(self._admission.in_flight)
        self._parts.meters.queued.set(self._admission.queued)

    def _is_wanted(self, flight: Flight, now_us: int) -> bool:
        """Whether an admitted flight still has to run; waiting in a queue, it may have lost its reason."""
        call = flight.call
        if flight.stage is Stage.ENDED:  # cancelled in the queue, and answered
            self._admission.release(call.namespace, flight.action.spec.rate_group)
        elif not flight.is_awaited:
            self._drop(flight, DeliveryFailure.UNAVAILABLE, "the stream is gone")
        elif is_late(call, now_us):
            self._drop(flight, DeliveryFailure.REFUSED, "dispatch_before has passed")
        else:
            return True
        return False

    def _drop(self, flight: Flight, failure: DeliveryFailure, detail: str) -> None:
        answer = Undelivered(flight.call.key, flight.call.attempt, failure, detail)
        self._end(flight, answer, self._parts.clock.monotonic_us())

    def conclude(self, answers: list[tuple[Flight, Answer]]) -> None:
        """Answer flights that have ended, and start those that wait for their places."""
        ended_us = self._parts.clock.monotonic_us()
        for flight, answer in answers:
            self._end(flight, answer, ended_us)
        while started := self._resumed + self._admission.drain():
            self._resumed = []
            self._launch(started)
        self._gauge()

    def _end(self, flight: Flight, answer: Answer, ended_us: int) -> None:
        if flight.stage is Stage.ENDED:  # abandoned by `drain` before its record was through
            return
        call = flight.call
        flight.stage = Stage.ENDED
        self._admission.release(call.namespace, flight.action.spec.rate_group)
        self._parts.meters.answered(call.action, answer, ended_us - flight.started_us)
        for waiter in flight.waiters:
            waiter.answer(answer)
        self._forget(flight)

    def _forget(self, flight: Flight) -> None:
        """Take the flight off the index; the first of its followers stands there now."""
        del self._flights[flight.call.key]
        if flight.followers:
            following, *rest = flight.followers
            following.followers = rest
            if self._admit(following):
                self._resumed.append(following)
        if not self._flights:
            self._idle.set()

    def cancel(self, waiter: Waiter, cancellations: Sequence[Cancellation]) -> None:
        """Stop attempts, and keep those from running that have not come; each is answered once."""
        pending = [self._stop(waiter, cancellation) for cancellation in cancellations]
        elsewhere = [one for one in pending if one is not None]
        if elsewhere:
            self._tasks.start(self._cancelling.end(elsewhere))
        self.conclude([])

    def _stop(self, waiter: Waiter, cancellation: Cancellation) -> Pending | None:
        """Stop the attempt if it has begun here; what is to be ended in the ledger comes back."""
        leader = self._flights.get(cancellation.key)
        if leader is None:
            return Pending(cancellation, [waiter])
        for flight in leader.followers:
            if flight.call.attempt == cancellation.attempt:
                leader.followers.remove(flight)
                return Pending(cancellation, [*flight.waiters, waiter])
        if leader.call.attempt != cancellation.attempt:
            return Pending(cancellation, [waiter])
        if leader.stage is Stage.QUEUED:
            leader.stage = Stage.ENDED
            self._forget(leader)
            return Pending(cancellation, [*leader.waiters, waiter])
        leader.waiters.append(waiter)
        leader.cancelled = True
        if leader.task is not None and leader.stage is Stage.RUNNING:
            leader.task.cancel()
        return None

    async def drain(self, duration_us: int) -> None:
        """Take no more calls; returns when those that have begun are answered, or after the duration.

        What is not done by then is answered as undelivered; its lease is void at the next start.
        """
        self._draining = True
        for flight in self._admission.clear():
            self._abandon(flight)
        try:
            async with asyncio.timeout(duration_us / 1_000_000):
                await self._idle.wait()
        except TimeoutError:
            await self._tasks.cancel_all()
            for flight in list(self._flights.values()):
                self._abandon(flight)

    def _abandon(self, flight: Flight) -> None:
        if flight.stage is Stage.ENDED:
            return
        flight.stage = Stage.ENDED
        for one in (flight, *flight.followers):
            for waiter in one.waiters:
                self._turn_away(waiter, one.call, DeliveryFailure.UNAVAILABLE, _STOPPING)
        flight.followers = []
        self._forget(flight)
