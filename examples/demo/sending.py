"""Sends events to the Triggers service, and goes on until each one is acknowledged."""

import asyncio
from collections.abc import Sequence
from typing import Final

from examples.demo.events import JsonObject, message
from examples.demo.stage import NAMESPACE
from tidemill.client.client import Client

_TRIES_MAX: Final = 100
_PAUSE_AFTER_REFUSAL_SECONDS: Final = 0.2


class SendingError(Exception):
    """An event was refused again and again."""


class Sender:
    """Sends batches one after the other, as a producer does that keeps the order of its events.

    An event without acknowledgement is sent again: that it may have arrived all the same is no matter, for a
    repeated event starts nothing twice.
    """

    def __init__(self, client: Client, batches: Sequence[Sequence[JsonObject]]) -> None:
        self._client = client
        self._batches = batches
        self.acknowledged = 0
        self.started = 0
        self.recognised = 0
        self._progress = asyncio.Condition()

    @property
    def total(self) -> int:
        """How many events there are to send, the repeats included."""
        return sum(map(len, self._batches))

    async def run(self, *, pause_seconds: float = 0.0) -> None:
        """Send all, with a pause after each batch. Raises SendingError and TidemillError."""
        for batch in self._batches:
            await self._send(batch)
            await asyncio.sleep(pause_seconds)

    async def until(self, count: int) -> None:
        """Return once so many events are acknowledged."""
        async with self._progress:
            await self._progress.wait_for(lambda: self.acknowledged >= count)

    async def _send(self, batch: Sequence[JsonObject]) -> None:
        waiting = list(batch)
        for _ in range(_TRIES_MAX):
            waiting = await self._send_once(waiting)
            if not waiting:
                return
            await asyncio.sleep(_PAUSE_AFTER_REFUSAL_SECONDS)
        raise SendingError(f"{len(waiting)} events were refused {_TRIES_MAX} times, {waiting[0]['id']} first")

    async def _send_once(self, events: Sequence[JsonObject]) -> list[JsonObject]:
        """Send events; returns those that were not taken."""
        outcomes = await self._client.events.publish(NAMESPACE, [message(event) for event in events])
        refused = [
            event for event, outcome in zip(events, outcomes, strict=True) if outcome.HasField("error")
        ]
        async with self._progress:
            self.acknowledged += len(events) - len(refused)
            for outcome in outcomes:
                created = sum(started.created for started in outcome.executions)
                self.started += created
                self.recognised += len(outcome.executions) - created
            self._progress.notify_all()
        return refused
