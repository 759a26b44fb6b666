"""The life of the service: what runs, when it says that it is ready, and how it stops."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import grpc

from tidemill.actions.adapters.a2a.action import A2aAction
from tidemill.actions.adapters.asyncapi.kafka import KafkaActions
from tidemill.actions.adapters.events import EventPublisher
from tidemill.actions.adapters.grpc_calls.action import GrpcAction
from tidemill.actions.adapters.http.action import HttpAction
from tidemill.actions.adapters.processes.action import Processes
from tidemill.actions.adapters.processes.cleaning import ContainerCleaner
from tidemill.actions.runtime.dispatch import Dispatcher
from tidemill.actions.runtime.presence import Presence
from tidemill.actions.runtime.settlement import Expiry, Settlement
from tidemill.actions.runtime.streams import Streams
from tidemill.actions.settings import Settings
from tidemill.actions.storage import Storage
from tidemill.backoff import Backoff
from tidemill.clock import Clock
from tidemill.loops import Pacing, Step, Stop, run_loop
from tidemill.rpc import RpcServer
from tidemill.supervision import Supervisor
from tidemill.telemetry.logging import get_logger
from tidemill.telemetry.metrics import Metrics, MetricsServer

_US_PER_SECOND: Final = 1_000_000
# How long answers that are ready may take to reach their engines, after the calls are done.
_FLUSH_SECONDS: Final = 2.0
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParts:
    """The parts of a service, put together but not started."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    storage: Storage
    presence: Presence
    dispatcher: Dispatcher
    settlement: Settlement
    expiry: Expiry
    streams: Streams
    http: HttpAction
    a2a: A2aAction
    grpc_calls: GrpcAction
    kafka: KafkaActions
    events: EventPublisher
    processes: Processes
    # Where containers are on.
    cleaner: ContainerCleaner | None
    triggers: grpc.aio.Channel
    rpc: RpcServer


class ActionsService:
    """The service, bound to its address. `run` serves until a signal, or `supervisor.ask`."""

    def __init__(self, parts: ServiceParts) -> None:
        self.address = parts.rpc.address
        self._stop = Stop()
        self.supervisor = Supervisor(self._stop)
        self._parts = parts
        self._metrics_server: MetricsServer | None = None
        self._serving = asyncio.Event()

    async def run(self) -> None:
        """Serve. Returns once all that was taken is finished; raises what a part failed with."""
        parts, settings = self._parts, self._parts.settings
        try:
            if settings.metrics_port:
                self._metrics_server = parts.metrics.serve(settings.metrics_port, settings.metrics_host)
            await parts.presence.begin()
            self._start_loop(
                "replica",
                parts.presence.run_once,
                wake=parts.presence.wake,
                idle_us=settings.replica_renew_us,
            )
            self._start_loop(
                "record", parts.dispatcher.recorder.run_once, wake=parts.dispatcher.recorder.wake
            )
            self._start_loop("events", parts.events.run_once, wake=parts.events.wake)
            settlement = parts.settlement
            self._start_loop("settle", settlement.run_once, wake=settlement.wake, idle_us=settlement.idle_us)
            self._start_loop("expire", parts.expiry.run_once, idle_us=settings.expire_interval_us)
            if parts.cleaner is not None:
                self._start_loop(
                    "containers", parts.cleaner.run_once, idle_us=settings.process_container_cleanup_us
                )
            await parts.rpc.start()
            self._serving.set()
            _log.info("ready", address=self.address)
            await self.supervisor.run(self._drain)
        finally:
            await self._close()

    async def until_serving(self) -> None:
        """Return once calls are taken."""
        await self._serving.wait()

    def _start_loop(
        self,
        name: str,
        step: Step,
        *,
        wake: asyncio.Event | None = None,
        idle_us: int | Callable[[], int] | None = None,
    ) -> None:
        pacing = Pacing(
            backoff=Backoff(max_us=self._parts.settings.storage_retry_us_max),
            clock=self._parts.clock,
            metrics=self._parts.metrics,
            idle_us=idle_us,
        )
        self.supervisor.start(name, run_loop(step, name=name, stop=self._stop, pacing=pacing, wake=wake))

    async def _drain(self) -> None:
        """Finish the calls that have begun, have every answer sent, then end the streams and the lease."""
        parts = self._parts
        parts.streams.refuse_new()
        await parts.rpc.set_serving(False)
        await parts.dispatcher.drain(parts.settings.drain_us_max)
        try:
            async with asyncio.timeout(_FLUSH_SECONDS):
                await parts.streams.close()
                await parts.settlement.flush()
        except TimeoutError:
            _log.warning("some answers could not be sent; the engines will ask again")
        await parts.presence.end()
        await parts.rpc.stop(0)

    async def _close(self) -> None:
        parts = self._parts
        await parts.rpc.stop(0)
        await parts.a2a.close()
        await parts.grpc_calls.close()
        await parts.kafka.close()
        await parts.http.close()
        await parts.processes.close()
        await parts.triggers.close()
        await parts.storage.close()
        if self._metrics_server is not None:
            # The exporter's thread looks up only now and then.
            await asyncio.to_thread(self._metrics_server.stop)
