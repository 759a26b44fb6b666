"""The life of the service: what runs, when it says that it is ready, and how it stops."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

import grpc

from tidemill.backoff import Backoff
from tidemill.clock import Clock
from tidemill.loops import Pacing, Step, Stop, run_loop
from tidemill.rpc import RpcServer
from tidemill.supervision import Supervisor
from tidemill.telemetry.logging import get_logger
from tidemill.telemetry.metrics import Metrics, MetricsServer
from tidemill.triggers.http.server import HttpServer
from tidemill.triggers.settings import Settings
from tidemill.triggers.submitter import Submitter
from tidemill.triggers.watcher import CatalogueWatcher

_US_PER_SECOND: Final = 1_000_000
# Without a catalogue, HTTP answers that the service is not ready after this.
_HTTP_WAIT_SECONDS: Final = 1.0
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a service, put together but not started."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    stop: Stop
    channel: grpc.aio.Channel
    watcher: CatalogueWatcher
    submitter: Submitter
    rpc: RpcServer
    http: HttpServer


class Triggers:
    """The service, bound to its addresses. `run` serves until a signal, or `supervisor.ask`."""

    def __init__(self, parts: Parts) -> None:
        self.supervisor = Supervisor(parts.stop)
        self.address = parts.rpc.address
        self.http_address = parts.http.address
        self._parts = parts
        self._metrics_server: MetricsServer | None = None
        self._http_task: asyncio.Task[None] | None = None
        self._serving = asyncio.Event()
        self._http_wanted = asyncio.Event()
        parts.watcher.on_ready = self._set_serving

    async def run(self) -> None:
        """Serve. Returns once all that was taken is finished; raises what a part failed with."""
        parts, settings = self._parts, self._parts.settings
        try:
            if settings.metrics_port:
                self._metrics_server = parts.metrics.serve(settings.metrics_port, settings.metrics_host)
            await parts.rpc.start(serving=False)
            self._http_task = self.supervisor.start("http", self._serve_http())
            self._start_loop("submit", parts.submitter.run_once, parts.submitter.wake)
            self._start_loop("catalogue", parts.watcher.run_once)
            await self.supervisor.run(self._drain)
        finally:
            await self._close()

    async def until_serving(self) -> None:
        """Return once the catalogue has been in force for the first time."""
        await self._serving.wait()

    async def _serve_http(self) -> None:
        # Loading it would hold up the first catalogue, for which the whole stack's start waits.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._http_wanted.wait(), _HTTP_WAIT_SECONDS)
        await self._parts.http.run()

    def _start_loop(self, name: str, step: Step, wake: asyncio.Event | None = None) -> None:
        settings = self._parts.settings
        backoff = Backoff(settings.loop_backoff_us_min, settings.loop_backoff_us_max)
        pacing = Pacing(backoff=backoff, clock=self._parts.clock, metrics=self._parts.metrics)
        self.supervisor.start(
            name, run_loop(step, name=name, stop=self._parts.stop, pacing=pacing, wake=wake)
        )

    async def _set_serving(self, ready: bool) -> None:
        await self._parts.rpc.set_serving(ready)
        if ready and not self._serving.is_set():
            self._serving.set()
            self._http_wanted.set()
            metrics_port = self._metrics_server.port if self._metrics_server else 0
            _log.info(
                "ready", address=self.address, http_address=self.http_address, metrics_port=metrics_port
            )

    async def _drain(self) -> None:
        """Close the doors; the loops go on until the last caller has its answer."""
        grace_seconds = self._parts.settings.drain_us_max / _US_PER_SECOND
        self._parts.http.stop()
        self._http_wanted.set()
        await self._parts.rpc.stop(grace_seconds)
        if self._http_task is not None:
            await asyncio.wait((self._http_task,), timeout=grace_seconds)

    async def _close(self) -> None:
        await self._parts.rpc.stop(0)
        self._parts.http.close()
        await self._parts.channel.close()
        if self._metrics_server is not None:
            # The exporter's thread looks up only now and then.
            await asyncio.to_thread(self._metrics_server.stop)
