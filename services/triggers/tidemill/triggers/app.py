"""Wires the Triggers service together; the only place where its parts meet."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc

from tidemill.api.engine.v1.definition_service_pb2_grpc import DefinitionServiceStub
from tidemill.clock import Clock, SystemClock
from tidemill.events.checking import EventLimits
from tidemill.loops import Stop
from tidemill.paging import PageLimits
from tidemill.rpc import RpcLimits, RpcOptions, RpcServer, build_server, connect
from tidemill.rpc.addresses import split_addresses
from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import NoTracing, Tracing
from tidemill.triggers.api.event_service import EventService, event_rpc_service
from tidemill.triggers.api.trigger_service import TriggerService, trigger_rpc_service
from tidemill.triggers.catalogue import Catalogue
from tidemill.triggers.core.conditions import StartCondition
from tidemill.triggers.engine import EngineSubmit
from tidemill.triggers.http.server import HttpServer
from tidemill.triggers.publisher import Publisher, PublishLimits
from tidemill.triggers.publishing_telemetry import PublishingTelemetry
from tidemill.triggers.service import Parts, Triggers
from tidemill.triggers.settings import ENGINE_VARIABLE, Settings
from tidemill.triggers.submitter import SubmitLimits, Submitter
from tidemill.triggers.watcher import CatalogueWatcher, Stream, WatcherLimits

if TYPE_CHECKING:
    from starlette.applications import Starlette


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a process brings along; tests bring their own."""

    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = field(default_factory=NoTracing)


def build(settings: Settings, surroundings: Surroundings | None = None) -> Triggers:
    """The service, bound to its addresses and not started; raises AddressInUseError. Needs a running loop."""
    around = surroundings or Surroundings()
    options = _rpc_options(settings, around)
    channel = connect(settings.engine, options)
    stop = Stop()
    catalogue = _catalogue(settings, around)
    submitter = _submitter(settings, around, channel)
    publisher = _publisher(settings, around, catalogue, submitter)
    return Triggers(
        Parts(
            settings=settings,
            clock=around.clock,
            metrics=around.metrics,
            stop=stop,
            channel=channel,
            watcher=_watcher(settings, around, catalogue, channel, stop),
            submitter=submitter,
            rpc=_rpc_server(settings, options, catalogue, publisher),
            http=_http_server(settings, around, catalogue, publisher),
        )
    )


def read_condition(document: bytes) -> StartCondition:
    """The start condition of a published document; raises ConditionError or DocumentError."""
    # The language and its expressions take long to load, and many a catalogue needs neither.
    from tidemill.dsl import load as load_document
    from tidemill.triggers.core.compiling import compile_condition

    return compile_condition(load_document(document))


def _rpc_options(settings: Settings, around: Surroundings) -> RpcOptions:
    # Found again soon after it came back: every producer waits for it.
    limits = RpcLimits(reconnect_backoff_ms_max=settings.engine_reconnect_ms_max)
    return RpcOptions(limits=limits, metrics=around.metrics, tracing=around.tracing)


def _catalogue(settings: Settings, around: Surroundings) -> Catalogue:
    return Catalogue(
        read_condition,
        clock=around.clock,
        metrics=around.metrics,
        silence_us_max=settings.catalogue_silence_us_max,
    )


def _watcher(
    settings: Settings, around: Surroundings, catalogue: Catalogue, channel: grpc.aio.Channel, stop: Stop
) -> CatalogueWatcher:
    limits = WatcherLimits(settings.catalogue_open_us_max, settings.catalogue_silence_us_max)
    stub = DefinitionServiceStub(channel)

    async def open_stream() -> Stream:
        await channel.channel_ready()
        return stub.WatchDefinitions()

    return CatalogueWatcher(open_stream, catalogue, limits=limits, clock=around.clock, stop=stop)


def _submitter(settings: Settings, around: Surroundings, channel: grpc.aio.Channel) -> Submitter:
    limits = SubmitLimits(
        queued_commands_max=settings.queued_commands_max,
        queued_bytes_max=settings.queued_bytes_max,
        submit_commands_max=settings.submit_commands_max,
        submit_bytes_max=settings.submit_bytes_max,
        retry_delay_us=settings.overload_retry_delay_us,
    )
    submit = EngineSubmit(
        channel,
        timeout_us=settings.submit_timeout_us,
        tracing=around.tracing,
        engines=len(split_addresses(ENGINE_VARIABLE, settings.engine)),
    )
    return Submitter(submit, limits=limits, clock=around.clock, metrics=around.metrics)


def _publisher(
    settings: Settings, around: Surroundings, catalogue: Catalogue, submitter: Submitter
) -> Publisher:
    limits = PublishLimits(
        events_per_request_max=settings.events_per_request_max,
        starts_per_event_max=settings.starts_per_event_max,
        lanes_per_event_max=settings.lanes_per_event_max,
        event=EventLimits(
            data_bytes_max=settings.data_bytes_max,
            attribute_bytes_max=settings.attribute_bytes_max,
            extensions_max=settings.extensions_max,
        ),
    )
    telemetry = PublishingTelemetry(around.metrics, around.tracing)
    return Publisher(catalogue, submitter, limits=limits, clock=around.clock, telemetry=telemetry)


def _rpc_server(
    settings: Settings, options: RpcOptions, catalogue: Catalogue, publisher: Publisher
) -> RpcServer:
    pages = PageLimits(settings.page_size_default, settings.page_size_max)
    services = [
        event_rpc_service(EventService(publisher)),
        trigger_rpc_service(TriggerService(catalogue, pages)),
    ]
    return build_server(settings.listen, services, options)


def _http_server(
    settings: Settings, around: Surroundings, catalogue: Catalogue, publisher: Publisher
) -> HttpServer:
    def application() -> "Starlette":
        from tidemill.triggers.http.routes import EventRoutes, HttpLimits

        limits = HttpLimits(settings.http_body_bytes_max, settings.http_body_us_max)
        return EventRoutes(publisher, catalogue, limits=limits, metrics=around.metrics).application()

    return HttpServer(
        application,
        settings.http_listen,
        connections_max=settings.http_connections_max,
        grace_us=settings.drain_us_max,
    )
