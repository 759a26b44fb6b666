"""What executions that wait for a year cost: memory, start-up time, the pace of those that are resumed."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from tidemill.api.engine.v1.execution_pb2 import EXECUTION_PHASE_COMPLETED, EXECUTION_PHASE_WAITING
from tidemill.api.engine.v1.execution_service_pb2 import StartRequest, SubmitCommand, SubmitResult
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.api.triggers.v1.event_service_pb2 import EventOutcome
from tidemill.bench.loads import in_batches
from tidemill.bench.processes import rss_mb
from tidemill.client.client import Client
from tidemill.json import dumps
from tidemill.stack.cluster import Cluster
from tidemill.testing.clusters import STORE_NAME, Servers

NAMESPACE: Final = "waits"
YEAR: Final = b"""
document:
  dsl: '1.0.3'
  namespace: waits
  name: year
  version: '1.0.0'
  metadata: {tidemill: {orderingKey: .subject}}
do:
- hear:
    listen: {to: {one: {with: {type: com.example.resumed}}}}
    timeout: {after: P365D}
- done: {call: 'tidemill.noop:1.0.0'}
"""
PING: Final = b"""
document: {dsl: '1.0.3', namespace: waits, name: ping, version: '1.0.0'}
do:
- pong: {set: {pong: true}}
"""
_COUNT: Final = "select count(*) from execution where namespace = $1 and workflow = 'year' and phase = $2"
_PART: Final = 50_000
_BATCH: Final = 500
_SLOW_POLL_SECONDS: Final = 1.0
_IN_FLIGHT: Final = 8
_POLL_SECONDS: Final = 0.05
_CALL_SECONDS_MAX: Final = 300.0
_SETTLE_SECONDS: Final = 5.0
_ENGINE: Final = "engine-1"
_STALL_SECONDS_MAX: Final = 120.0


@dataclass(frozen=True, slots=True)
class StartUp:
    """Seconds from the start of the process, and the memory that it then holds."""

    serving_seconds: float
    applied_seconds: float
    rss_mb: float

    def line(self) -> str:
        """In one line."""
        return (
            f"serving after {self.serving_seconds:.2f} s, first command applied after "
            f"{self.applied_seconds:.2f} s, {self.rss_mb:.1f} MB"
        )


class StalledError(Exception):
    """Executions do not come to where they are waited for."""


class Waits:
    """Executions that wait in a cluster of one engine."""

    def __init__(self, cluster: Cluster, servers: Servers, client: Client) -> None:
        self._cluster = cluster
        self._url = servers.postgres.url(STORE_NAME)
        self._client = client
        self.started = 0
        self.resumed = 0

    async def publish(self) -> None:
        """Publish the workflows."""
        for document in (YEAR, PING):
            await self._client.definitions.publish(document)

    def engine_mb(self) -> float:
        """The memory that the engine holds now."""
        return rss_mb(self._cluster.process(_ENGINE).pid)

    async def start_up(self) -> StartUp:
        """Stop the engine in good order and start it again."""
        await self._cluster.process(_ENGINE).stop()
        begun = time.monotonic()
        await self._cluster.revive(_ENGINE)
        serving = time.monotonic() - begun
        await self._ping()
        applied = time.monotonic() - begun
        await asyncio.sleep(_SETTLE_SECONDS)
        return StartUp(serving, applied, self.engine_mb())

    async def add(self, count: int, say: Callable[[str], None] = lambda _: None) -> float:
        """Start so many, and return the seconds until all of them wait."""
        begun = time.monotonic()
        subjects = range(self.started, self.started + count)
        self.started += count
        for at in range(0, count, _PART):
            results = await in_batches(
                self._submit, subjects[at : at + _PART], size=_BATCH, in_flight=_IN_FLIGHT
            )
            assert not any(result.HasField("error") for result in results), "every start is accepted"
            done = min(at + _PART, count)
            say(f"{done:,} accepted, {done / (time.monotonic() - begun):,.0f}/s")
        await self._until(
            EXECUTION_PHASE_WAITING, self.started - self.resumed, poll_seconds=_SLOW_POLL_SECONDS
        )
        return time.monotonic() - begun

    async def resume(self, subjects: range) -> float:
        """Send each of these its event, and return the seconds until all have completed."""
        begun = time.monotonic()
        self.resumed += len(subjects)
        outcomes = await in_batches(self._send, subjects, size=_BATCH, in_flight=_IN_FLIGHT)
        assert not any(outcome.HasField("error") for outcome in outcomes), "every event is taken"
        await self._until(EXECUTION_PHASE_COMPLETED, self.resumed, poll_seconds=_POLL_SECONDS)
        return time.monotonic() - begun

    async def _submit(self, subjects: Sequence[int]) -> list[SubmitResult]:
        commands = [_start(subject) for subject in subjects]
        return await self._client.executions.submit(NAMESPACE, commands, seconds=_CALL_SECONDS_MAX)

    async def _send(self, subjects: Sequence[int]) -> list[EventOutcome]:
        events = [_event(subject) for subject in subjects]
        return await self._client.events.publish(NAMESPACE, events, seconds=_CALL_SECONDS_MAX)

    async def _ping(self) -> None:
        request = StartRequest(namespace=NAMESPACE, workflow="ping", version="1.0.0")
        started = await self._client.executions.start(request)
        await self._client.executions.wait_ended(started, namespace=NAMESPACE)

    async def _until(self, phase: int, count: int, *, poll_seconds: float) -> None:
        """Return once so many executions are in the phase; raises StalledError when no more come."""
        seen, since = -1, time.monotonic()
        store = await asyncpg.connect(self._url)
        try:
            while (found := await store.fetchval(_COUNT, NAMESPACE, phase)) < count:
                if found != seen:
                    seen, since = found, time.monotonic()
                if time.monotonic() - since > _STALL_SECONDS_MAX:
                    raise StalledError(
                        f"{found:,} of {count:,} executions have come so far, and no more come"
                    )
                await asyncio.sleep(poll_seconds)
        finally:
            await store.close()


def _start(subject: int) -> SubmitCommand:
    return SubmitCommand(
        start=StartRequest(workflow="year", version="1.0.0", subject=f"w{subject}", request_id=f"w{subject}")
    )


def _event(subject: int) -> CloudEvent:
    return CloudEvent(
        id=f"e{subject}",
        source="/tests",
        type="com.example.resumed",
        subject=f"w{subject}",
        data=dumps({"number": subject}),
    )
