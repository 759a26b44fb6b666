"""Hands commands to the Engine in shared batches: while one Submit is under way, the next is collected."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tidemill.api.engine.v1.execution_service_pb2 import (
    SubmitCommand,
    SubmitRequest,
    SubmitResponse,
    SubmitResult,
)
from tidemill.clock import Clock
from tidemill.errors import OverloadedError, TidemillError
from tidemill.telemetry import names
from tidemill.telemetry.metrics import Metrics
from tidemill.triggers.errors import SUBMIT, BrokenAnswerError, NotReadyError
from tidemill.triggers.traces import leading

# Makes the call and raises TidemillError when it fails; the traceparent is that of one of the callers.
Submit = Callable[[SubmitRequest, str], Awaitable[SubmitResponse]]
Results = list[SubmitResult]


@dataclass(frozen=True, slots=True)
class SubmitLimits:
    """How much may wait, and how much goes into one call."""

    queued_commands_max: int
    queued_bytes_max: int
    submit_commands_max: int
    submit_bytes_max: int
    retry_delay_us: int


@dataclass(slots=True, eq=False)
class _Ticket:
    """A part of one caller's commands, and where its results go."""

    commands: list[SubmitCommand] = field(default_factory=list)
    size_bytes: int = 0
    traceparent: str = ""
    results: asyncio.Future[Results] = field(default_factory=asyncio.Future)


class Submitter:
    """A bounded queue of commands in front of one Submit at a time; commands keep their order.

    `run_once` is the step of a background loop that `wake` wakes.
    """

    def __init__(self, submit: Submit, *, limits: SubmitLimits, clock: Clock, metrics: Metrics) -> None:
        self.wake = asyncio.Event()
        self._submit = submit
        self._limits = limits
        self._clock = clock
        self._waiting: deque[_Ticket] = deque()
        self._queued_commands = 0
        self._queued_bytes = 0
        self._queued_gauge = metrics.gauge(names.TRIGGERS_QUEUED_COMMANDS)
        self._latency = metrics.distribution(names.TRIGGERS_SUBMIT_LATENCY)
        self._size = metrics.distribution(names.TRIGGERS_SUBMIT_SIZE)

    async def submit(
        self, commands: Sequence[SubmitCommand], traceparent: str = ""
    ) -> list[SubmitResult | TidemillError]:
        """Results in the order of the commands, once the Engine has answered them.

        Where a call fails or the queue is full, the commands of it and all later ones have the error: nothing
        is submitted past a gap, so that a caller who sends the rest again keeps its order.
        """
        results: list[SubmitResult | TidemillError] = []
        for ticket in self._tickets(commands, traceparent):
            try:
                self._enqueue(ticket)
                results += await ticket.results
            except TidemillError as error:
                results += [error] * (len(commands) - len(results))
                break
        return results

    async def run_once(self) -> bool:
        """Send what waits, up to the limits of one call; False when nothing waits."""
        batch = self._take()
        if not batch:
            return False
        try:
            await self._send(batch)
        finally:
            for ticket in batch:
                self._leave(ticket)
        return True

    def _tickets(self, commands: Sequence[SubmitCommand], traceparent: str) -> Iterator[_Ticket]:
        ticket = _Ticket(traceparent=traceparent)
        for command in commands:
            size_bytes = command.ByteSize()
            if ticket.commands and not self._fits(len(ticket.commands) + 1, ticket.size_bytes + size_bytes):
                yield ticket
                ticket = _Ticket(traceparent=traceparent)
            ticket.commands.append(command)
            ticket.size_bytes += size_bytes
        if ticket.commands:
            yield ticket

    def _fits(self, commands: int, size_bytes: int) -> bool:
        return commands <= self._limits.submit_commands_max and size_bytes <= self._limits.submit_bytes_max

    def _enqueue(self, ticket: _Ticket) -> None:
        self._check_room(
            "queued_commands_max",
            self._limits.queued_commands_max,
            self._queued_commands + len(ticket.commands),
        )
        self._check_room(
            "queued_bytes_max", self._limits.queued_bytes_max, self._queued_bytes + ticket.size_bytes
        )
        self._queued_commands += len(ticket.commands)
        self._queued_bytes += ticket.size_bytes
        self._queued_gauge.set(self._queued_commands)
        self._waiting.append(ticket)
        self.wake.set()

    def _check_room(self, limit: str, limit_value: int, wanted: int) -> None:
        if wanted > limit_value:
            delay_us = self._limits.retry_delay_us
            raise OverloadedError(limit, limit_value=limit_value, retry_delay_us=delay_us)

    def _take(self) -> list[_Ticket]:
        batch: list[_Ticket] = []
        commands = size_bytes = 0
        while self._waiting:
            ticket = self._waiting[0]
            commands += len(ticket.commands)
            size_bytes += ticket.size_bytes
            if batch and not self._fits(commands, size_bytes):
                break
            self._waiting.popleft()
            if ticket.results.done():  # its caller has gone away
                commands -= len(ticket.commands)
                size_bytes -= ticket.size_bytes
                self._leave(ticket)
            else:
                batch.append(ticket)
        return batch

    async def _send(self, batch: list[_Ticket]) -> None:
        """Make the call and share out its results; a failure goes to every caller of the batch."""
        request = SubmitRequest()
        for ticket in batch:
            request.commands.extend(ticket.commands)
        self._size.observe(len(request.commands))
        started_us = self._clock.monotonic_us()
        try:
            answer = await self._submit(request, leading(ticket.traceparent for ticket in batch))
            if len(answer.results) != len(request.commands):
                raise BrokenAnswerError(len(request.commands), len(answer.results))
        except TidemillError as error:
            _fail(batch, error)
        except BaseException:
            # Ours alone, or the end of the process: it goes on, but nobody must wait for an answer meanwhile.
            _fail(batch, NotReadyError(SUBMIT, "the events could not be handed on"))
            raise
        else:
            _share(batch, list(answer.results))
        finally:
            self._latency.observe((self._clock.monotonic_us() - started_us) / 1_000_000)

    def _leave(self, ticket: _Ticket) -> None:
        self._queued_commands -= len(ticket.commands)
        self._queued_bytes -= ticket.size_bytes
        self._queued_gauge.set(self._queued_commands)


def _share(batch: list[_Ticket], results: Results) -> None:
    start = 0
    for ticket in batch:
        end = start + len(ticket.commands)
        if not ticket.results.done():
            ticket.results.set_result(results[start:end])
        start = end


def _fail(batch: list[_Ticket], error: TidemillError) -> None:
    for ticket in batch:
        if not ticket.results.done():
            ticket.results.set_exception(error)
