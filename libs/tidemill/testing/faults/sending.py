"""Sends the load: each lane's happenings in their order, everything at least twice, lanes mixed at random."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tidemill.api.engine.v1.execution_service_pb2 import SubmitCommand
from tidemill.client.client import Client
from tidemill.errors import TidemillError
from tidemill.testing.faults.workload import NAMESPACE, ORDER, Happening, Lane

_BATCH_MAX: Final = 40
_LANES_AT_ONCE: Final = 40
_SAME_BATCH_RATE: Final = 0.4
_THIRD_TIME_RATE: Final = 0.15
# Enough for them not to pile up.
_REPEATS_A_SENDING: Final = 1.2
_RETRY_SECONDS: Final = 0.1
_STUCK_SECONDS_MAX: Final = 120.0


class StuckError(Exception):
    """Nothing of a sender's was taken for too long."""


@dataclass(slots=True)
class Tally:
    """What senders have done; shared by all of them."""

    acknowledged: list[Happening] = field(default_factory=list)
    """In the order of their first acknowledgements; those of one lane are in the lane's order."""
    started: set[str] = field(default_factory=set)
    """The ids that were told of executions that events and commands have started."""
    sendings: int = 0
    refusals: int = 0
    broken_calls: int = 0

    @property
    def taken(self) -> int:
        """Sendings that were acknowledged."""
        return self.sendings - self.refusals

    @property
    def repeats(self) -> int:
        """Sendings of what had been acknowledged, or was in the same batch."""
        return self.taken - len(self.acknowledged)


class Sender:
    """Sends some of the lanes over one client. A happening is sent once the one before it is acknowledged.

    Of what is sent a part is in the same batch twice, and everything comes again in a later batch, among
    others of other lanes: repeats know no order.
    """

    def __init__(self, client: Client, lanes: Sequence[Lane], source: random.Random, tally: Tally) -> None:
        self._client = client
        self._source = source
        self._tally = tally
        self._waiting = [list(lane) for lane in reversed(lanes)]
        self._active: list[list[Happening]] = []
        self._again: list[Happening] = []

    async def run(self, *, interval_seconds: float, batch: int) -> None:
        """Send all, up to `batch` new happenings each interval; raises StuckError."""
        progress = time.monotonic()
        while self._fill() or self._again:
            begun = time.monotonic()
            if await self._round(min(batch, _BATCH_MAX)):
                progress = time.monotonic()
            elif time.monotonic() - progress > _STUCK_SECONDS_MAX:
                raise StuckError(f"nothing was taken for {_STUCK_SECONDS_MAX:g} s")
            await asyncio.sleep(max(interval_seconds - (time.monotonic() - begun), 0))

    def _fill(self) -> bool:
        self._active = [lane for lane in self._active if lane]
        while self._waiting and len(self._active) < _LANES_AT_ONCE:
            self._active.append(list(self._waiting.pop()))
        return bool(self._active)

    async def _round(self, batch: int) -> bool:
        """Send one batch; whether anything of it was taken."""
        lanes = self._source.sample(self._active, min(batch, len(self._active)))
        first = [lane[0] for lane in lanes]
        twice = [happening for happening in first if self._source.random() < _SAME_BATCH_RATE]
        self._source.shuffle(self._again)
        repeated = round(batch * _REPEATS_A_SENDING + 0.5)
        again, self._again = self._again[:repeated], self._again[repeated:]
        everything = [*first, *twice, *again]
        self._source.shuffle(everything)
        taken = await self._send(everything)
        for lane in lanes:
            if lane[0] in taken:
                self._acknowledge(lane.pop(0))
        self._again += [happening for happening in again if happening not in taken]
        if not taken:
            await asyncio.sleep(_RETRY_SECONDS)
        return bool(taken)

    def _acknowledge(self, happening: Happening) -> None:
        self._tally.acknowledged.append(happening)
        self._again.append(happening)
        if self._source.random() < _THIRD_TIME_RATE:
            self._again.append(happening)

    async def _send(self, everything: list[Happening]) -> set[Happening]:
        """Send events to Triggers and orders to an Engine; those of which one sending was taken."""
        events = [happening for happening in everything if happening.kind != ORDER]
        orders = [happening for happening in everything if happening.kind == ORDER]
        parts = await asyncio.gather(self._events(events), self._orders(orders))
        return parts[0] | parts[1]

    async def _events(self, events: list[Happening]) -> set[Happening]:
        if not events:
            return set()
        try:
            outcomes = await self._client.events.publish(NAMESPACE, [event.event() for event in events])
        except TidemillError:
            return self._broken(events)
        self._tally.started |= {started.execution_id for one in outcomes for started in one.executions}
        return self._taken(events, [outcome.HasField("error") for outcome in outcomes])

    async def _orders(self, orders: list[Happening]) -> set[Happening]:
        if not orders:
            return set()
        commands = [SubmitCommand(start=order.start()) for order in orders]
        try:
            results = await self._client.executions.submit(NAMESPACE, commands)
        except TidemillError:
            return self._broken(orders)
        self._tally.started |= {result.execution_id for result in results if not result.HasField("error")}
        return self._taken(orders, [result.HasField("error") for result in results])

    def _taken(self, happenings: list[Happening], refused: list[bool]) -> set[Happening]:
        self._tally.sendings += len(happenings)
        self._tally.refusals += sum(refused)
        return {happening for happening, no in zip(happenings, refused, strict=True) if not no}

    def _broken(self, happenings: list[Happening]) -> set[Happening]:
        """A call that failed as a whole: what became of it is not known, and all of it is sent again."""
        self._tally.broken_calls += 1
        self._tally.sendings += len(happenings)
        self._tally.refusals += len(happenings)
        return set()
