"""The batch step: claim (one commit), run, have recorded (one commit, shared), answer."""

import asyncio
import hashlib
import random
from collections.abc import Callable

from tidemill.actions.core.decision import Claim
from tidemill.actions.core.model import (
    CANCELLED,
    Answer,
    Call,
    Completed,
    DeliveryFailure,
    Outcome,
    Undelivered,
)
from tidemill.actions.ledger.port import (
    Answered,
    ClaimAnswer,
    Granted,
    Held,
    LeaseLostError,
    Superseded,
)
from tidemill.actions.registry import NotDeliveredError
from tidemill.actions.runtime.flights import Flight, Stage
from tidemill.actions.runtime.parts import Parts
from tidemill.actions.runtime.recorder import Recorder
from tidemill.actions.runtime.running import interrupted
from tidemill.actions.runtime.tasks import Tasks
from tidemill.blobs.claims import names_of, put_back_text, read_claim
from tidemill.blobs.port import BlobError, BlobName
from tidemill.errors import TidemillError
from tidemill.storage import StorageUnavailableError
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)
Conclude = Callable[[list[tuple[Flight, Answer]]], None]


class BatchStep:
    """Takes batches of admitted flights to their answers."""

    def __init__(self, parts: Parts, recorder: Recorder, tasks: Tasks, conclude: Conclude) -> None:
        self._parts = parts
        self._recorder = recorder
        self._tasks = tasks
        self._conclude = conclude
        # Tokens need to be unlike, not secret: a seed from the system keeps processes apart.
        self._tokens = random.Random()

    async def handle(self, flights: list[Flight]) -> None:
        """Claim the batch in one commit, then run what was granted; outcomes go to the recorder.

        Whatever raises here is a bug; the calls are then sent again rather than lost.
        """
        claimed = [flight for flight in flights if read_claim(flight.call.arguments) is not None]
        if claimed:
            # The others do not wait for these.
            self._tasks.start(self._fetch_arguments(claimed))
            flights = [flight for flight in flights if flight not in claimed]
        try:
            await self._begin([(flight, Granted(0)) for flight in flights if flight.action.is_pure])
            claiming = [flight for flight in flights if not flight.action.is_pure]
            if claiming:
                await self._begin(await self._claim(claiming))
        except Exception as error:
            stuck = [flight for flight in flights if flight.stage is Stage.CLAIMING]
            self._undelivered(stuck, f"internal error: {type(error).__name__}")
            raise

    async def _fetch_arguments(self, flights: list[Flight]) -> None:
        """Go on with flights whose arguments stand in the blob store; where they cannot be had the call was
        not made, and comes again."""
        names = set[BlobName]()
        for flight in flights:
            names |= names_of(flight.call.execution_id, [flight.call.arguments])
        try:
            contents = await self._parts.check.fetch(names)
        except StorageUnavailableError as error:
            self._undelivered(flights, error.message)
            return
        except Exception as error:
            self._undelivered(flights, f"internal error: {type(error).__name__}")
            raise
        for flight in flights:
            call = flight.call
            try:
                call.arguments = put_back_text(call.arguments, call.execution_id, contents)
            except BlobError as error:
                _log.error("arguments cannot be had", execution_id=call.execution_id, error=error.message)
                self._undelivered([flight], error.message)
        await self.handle([flight for flight in flights if flight.stage is Stage.CLAIMING])

    async def _claim(self, flights: list[Flight]) -> list[tuple[Flight, ClaimAnswer]]:
        now_us = self._parts.clock.now_us()
        claims = [self._claim_of(flight, now_us) for flight in flights]
        self._parts.meters.batch_size.observe(len(claims))
        try:
            answers = await self._parts.ledger.claim(claims, now_us)
        except TidemillError as error:
            if isinstance(error, LeaseLostError):
                self._parts.presence.doubt()
            self._undelivered(flights, error.message)
            return []
        return list(zip(flights, answers, strict=True))

    def _claim_of(self, flight: Flight, now_us: int) -> Claim:
        call, action = flight.call, flight.action
        lease_us = self._parts.runner.timeout_us(action, call) + self._parts.settings.lease_margin_us
        digest = hashlib.blake2b(b"%b\0%b" % (call.action.encode(), call.arguments), digest_size=16).digest()
        claim = Claim(
            call.key, call.attempt, digest, action.spec.effect_class,
            self._tokens.getrandbits(63), now_us + lease_us, self._parts.presence.token,
        )  # fmt: skip
        flight.claim = claim
        return claim

    async def _begin(self, answered: list[tuple[Flight, ClaimAnswer]]) -> None:
        """Go on with each flight as the ledger says; the event loop gets its turns in between."""
        ended: list[tuple[Flight, Answer]] = []
        held: list[Flight] = []
        clock, slice_us = self._parts.clock, self._parts.settings.inline_slice_us
        slice_end_us = clock.monotonic_us() + slice_us
        for flight, answer in answered:
            match answer:
                case Granted():
                    flight.hold = answer.hold
                    self._run(flight, ended)
                case Answered():
                    ended.append((flight, _completed(flight.call, answer.outcome, from_record=True)))
                case Held():
                    held.append(flight)
                case Superseded():
                    ended.append((flight, _refused(flight.call)))
            if clock.monotonic_us() >= slice_end_us:
                await asyncio.sleep(0)
                slice_end_us = clock.monotonic_us() + slice_us
        self._conclude(ended)
        if held:
            self._tasks.start(self._ask_again(held))

    async def _ask_again(self, flights: list[Flight]) -> None:
        """Wait for a lease that another process holds: ask until there is an outcome or it has ended."""
        settings = self._parts.settings
        polls = min(flight.polls for flight in flights)
        for flight in flights:
            flight.polls += 1
        await self._parts.clock.sleep_us(
            min(settings.join_poll_us << min(polls, 16), settings.join_poll_us_max)
        )
        await self.handle(flights)

    def _run(self, flight: Flight, ended: list[tuple[Flight, Answer]]) -> None:
        flight.stage = Stage.RUNNING
        if flight.cancelled:
            self._finish(flight, CANCELLED, ended)
        elif flight.action.run_inline is None:
            self._tasks.start(self._run_task(flight))
        else:
            self._run_inline(flight, ended)

    def _run_inline(self, flight: Flight, ended: list[tuple[Flight, Answer]]) -> None:
        try:
            outcome = self._parts.runner.run_inline(flight.action, flight.call)
        except NotDeliveredError as error:
            self._give_back(flight, str(error), ended)
        else:
            self._finish(flight, outcome, ended)

    async def _run_task(self, flight: Flight) -> None:
        ended: list[tuple[Flight, Answer]] = []
        # Only from now on: a task that is cancelled before it has begun never runs at all.
        flight.task = asyncio.current_task()
        try:
            outcome = await self._run_unless_cancelled(flight)
        except NotDeliveredError as error:
            self._give_back(flight, str(error), ended)
        except asyncio.CancelledError:
            if not flight.cancelled:
                raise
            self._finish(flight, interrupted(flight.action), ended)
        else:
            self._finish(flight, outcome, ended)
        self._conclude(ended)

    async def _run_unless_cancelled(self, flight: Flight) -> Outcome:
        if flight.cancelled:
            return CANCELLED
        return await self._parts.runner.run(flight.action, flight.call)

    def _finish(self, flight: Flight, outcome: Outcome, ended: list[tuple[Flight, Answer]]) -> None:
        """The flight has its outcome: to the ledger first, unless its class keeps nothing there."""
        if flight.action.is_pure and not self._recorder.is_large(outcome):
            ended.append((flight, _completed(flight.call, outcome)))
        else:
            flight.stage = Stage.RECORDING
            self._recorder.record(flight, outcome)

    def _give_back(self, flight: Flight, detail: str, ended: list[tuple[Flight, Answer]]) -> None:
        if flight.hold:
            flight.stage = Stage.RECORDING
            self._recorder.release(flight, detail)
        else:
            ended.append((flight, _undelivered(flight.call, detail)))

    def _undelivered(self, flights: list[Flight], detail: str) -> None:
        self._conclude([(flight, _undelivered(flight.call, detail)) for flight in flights])


def _completed(call: Call, outcome: Outcome, *, from_record: bool = False) -> Completed:
    return Completed(call.key, call.attempt, outcome, from_record)


def _undelivered(call: Call, detail: str) -> Undelivered:
    return Undelivered(call.key, call.attempt, DeliveryFailure.UNAVAILABLE, detail)


def _refused(call: Call) -> Undelivered:
    return Undelivered(call.key, call.attempt, DeliveryFailure.REFUSED, "a later attempt was made")
