"""Wires the Action service together; the only place where its parts meet."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tidemill.action_kit import FunctionAction
from tidemill.actions.adapters.a2a.action import A2aAction
from tidemill.actions.adapters.a2a.limits import A2aLimits
from tidemill.actions.adapters.asyncapi.kafka import SUBSCRIPTIONS, KafkaActions
from tidemill.actions.adapters.asyncapi.limits import KafkaLimits, SocketLimits
from tidemill.actions.adapters.asyncapi.websocket import SocketAction
from tidemill.actions.adapters.builtin import BUILTIN_FUNCTIONS
from tidemill.actions.adapters.discovery import functions_of_modules, installed_functions, without_repeats
from tidemill.actions.adapters.events import EventPublisher
from tidemill.actions.adapters.functions import function_action
from tidemill.actions.adapters.grpc_calls.action import GrpcAction
from tidemill.actions.adapters.grpc_calls.limits import GrpcLimits
from tidemill.actions.adapters.http.action import HTTP, HttpAction, HttpLimits
from tidemill.actions.adapters.http.auth.limits import TokenLimits
from tidemill.actions.adapters.mcp.action import McpAction
from tidemill.actions.adapters.mcp.limits import McpLimits, ProgramRules
from tidemill.actions.adapters.processes.action import PROCESSES, Processes, ProcessSettings
from tidemill.actions.adapters.processes.cleaning import ContainerCleaner
from tidemill.actions.adapters.processes.limits import ProcessLimits
from tidemill.actions.adapters.processes.programs import ProgramSettings
from tidemill.actions.adapters.threads import Threads
from tidemill.actions.api.servicer import ActionServicer
from tidemill.actions.core.admission import Admission, AdmissionLimits
from tidemill.actions.registry import Action, Registry
from tidemill.actions.runtime.dispatch import Dispatcher
from tidemill.actions.runtime.flights import Flight
from tidemill.actions.runtime.meters import Meters
from tidemill.actions.runtime.parts import Parts
from tidemill.actions.runtime.presence import Presence
from tidemill.actions.runtime.running import Runner
from tidemill.actions.runtime.settlement import Expiry, Settlement
from tidemill.actions.runtime.streams import Streams
from tidemill.actions.secrets import Secrets
from tidemill.actions.service import ActionsService, ServiceParts
from tidemill.actions.settings import TRIGGERS_VARIABLE, Settings
from tidemill.actions.storage import open_storage
from tidemill.api.actions.v1.action_service_pb2 import DESCRIPTOR
from tidemill.api.actions.v1.action_service_pb2_grpc import add_ActionServiceServicer_to_server
from tidemill.blobs.claim_check import ClaimCheck
from tidemill.clock import Clock, SystemClock
from tidemill.rpc import RpcOptions, RpcService, build_server, connect
from tidemill.rpc.addresses import split_addresses
from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import NoTracing, Tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a process brings along; tests bring their own."""

    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = field(default_factory=NoTracing)
    functions: Sequence[FunctionAction] = ()
    # Where secrets may stand.
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)


async def build(settings: Settings, surroundings: Surroundings | None = None) -> ActionsService:
    """The service, bound to its address and not started.

    Raises what `open_storage` raises, AddressInUseError, ActionModuleError, DuplicateActionError and
    InvalidSchemaError.
    """
    around = surroundings or Surroundings()
    options = RpcOptions(metrics=around.metrics, tracing=around.tracing)
    http = HttpAction(_http_limits(settings), settings.http_hosts, around.clock)
    triggers = connect(settings.triggers, options)
    events = EventPublisher(
        triggers,
        timeout_us=settings.events_timeout_us,
        batch_max=settings.events_batch_max,
        services=len(split_addresses(TRIGGERS_VARIABLE, settings.triggers)),
    )
    processes = _processes(settings)
    mcp = _mcp(settings, http)
    a2a = A2aAction(http, _a2a_limits(settings), around.clock)
    grpc_calls = _grpc_calls(settings, http, around.clock)
    kafka = _kafka(settings, around.clock)
    sockets = SocketAction(http, _socket_limits(settings), around.clock)
    calls = [http.action, mcp.action, a2a.action, grpc_calls.action, events.action, sockets.action]
    registry = Registry([*calls, *kafka.actions, *processes.actions, *_functions(settings, around)])
    storage = await open_storage(settings)
    ledger = storage.ledger
    meters = Meters(around.metrics)
    presence = Presence(storage.replicas, f"{socket.gethostname()}:{os.getpid()}", meters)
    parts = Parts(
        ledger=ledger,
        check=ClaimCheck(storage.blobs, bytes_max=settings.payload_inline_bytes_max),
        presence=presence,
        registry=registry,
        runner=_runner(settings, around),
        clock=around.clock,
        meters=meters,
        settings=settings,
    )
    dispatcher = Dispatcher(parts, Admission[Flight](_admission_limits(settings)))
    settlement = Settlement(ledger, around.clock, meters, settings)
    streams = Streams(settings, around.metrics)
    servicer = ActionServicer(dispatcher, settlement, streams, registry, settings)
    return ActionsService(
        ServiceParts(
            settings=settings,
            clock=around.clock,
            metrics=around.metrics,
            storage=storage,
            presence=presence,
            dispatcher=dispatcher,
            settlement=settlement,
            expiry=Expiry(ledger, around.clock, settings),
            streams=streams,
            http=http,
            a2a=a2a,
            grpc_calls=grpc_calls,
            kafka=kafka,
            events=events,
            processes=processes,
            cleaner=ContainerCleaner(processes.programs, around.clock) if processes.has_containers else None,
            triggers=triggers,
            rpc=build_server(settings.listen, [_rpc_service(servicer)], options),
        )
    )


def _functions(settings: Settings, around: Surroundings) -> list[Action]:
    declared = without_repeats(
        [
            *BUILTIN_FUNCTIONS,
            *installed_functions(),
            *functions_of_modules(settings.modules),
            *around.functions,
        ]
    )
    threads = Threads(around.metrics, threads_max=settings.threads_max, lost_max=settings.threads_lost_max)
    return [function_action(function, threads) for function in declared]


def _runner(settings: Settings, around: Surroundings) -> Runner:
    secrets = Secrets(around.environment, settings.secrets, bytes_max=settings.secret_bytes_max)
    return Runner(
        around.tracing,
        secrets.find,
        timeout_us_max=settings.call_timeout_us_max,
        output_bytes_max=settings.output_bytes_max,
    )


def _admission_limits(settings: Settings) -> AdmissionLimits:
    return AdmissionLimits(
        in_flight_max=settings.calls_in_flight_max,
        namespace_in_flight_max=settings.namespace_calls_in_flight_max,
        group_in_flight_max=settings.group_calls_in_flight_max,
        queued_max=settings.calls_queued_max,
        namespace_queued_max=settings.namespace_calls_queued_max,
        # More would only wait for a connection, with their time limits running.
        group_limits={
            HTTP: settings.http_connections_max,
            PROCESSES: settings.processes_in_flight_max,
            SUBSCRIPTIONS: settings.subscriptions_max,
        },
    )


def _http_limits(settings: Settings) -> HttpLimits:
    return HttpLimits(
        connections_max=settings.http_connections_max,
        timeout_us=settings.http_timeout_us,
        connect_timeout_us=settings.http_connect_timeout_us,
        response_bytes_max=settings.http_response_bytes_max,
        error_excerpt_bytes_max=settings.http_error_excerpt_bytes_max,
        redirects_max=settings.http_redirects_max,
        tokens=TokenLimits(
            tokens_max=settings.http_tokens_max,
            discoveries_max=settings.http_token_discoveries_max,
            timeout_us=settings.http_token_timeout_us,
            answer_bytes_max=settings.http_token_answer_bytes_max,
            margin_us=settings.http_token_margin_us,
            lifetime_us=settings.http_token_lifetime_us,
            discovery_lifetime_us=settings.http_token_discovery_lifetime_us,
        ),
    )


def _mcp(settings: Settings, http: HttpAction) -> McpAction:
    limits = McpLimits(
        timeout_us=settings.mcp_timeout_us,
        timeout_us_max=settings.call_timeout_us_max,
        close_us=settings.mcp_close_us,
        response_bytes_max=settings.mcp_response_bytes_max,
        error_excerpt_bytes_max=settings.http_error_excerpt_bytes_max,
        programs_max=settings.mcp_programs_max,
    )
    rules = ProgramRules(
        allowed=settings.mcp_stdio,
        path=settings.process_path,
        language=settings.process_language,
        processes=_process_limits(settings),
        folder=settings.process_folder,
    )
    return McpAction(http, limits, rules)


def _a2a_limits(settings: Settings) -> A2aLimits:
    return A2aLimits(
        timeout_us=settings.a2a_timeout_us,
        response_bytes_max=settings.a2a_response_bytes_max,
        error_excerpt_bytes_max=settings.http_error_excerpt_bytes_max,
        card_bytes_max=settings.a2a_card_bytes_max,
        cards_max=settings.a2a_cards_max,
        card_lifetime_us=settings.a2a_card_lifetime_us,
    )


def _grpc_calls(settings: Settings, http: HttpAction, clock: Clock) -> GrpcAction:
    limits = GrpcLimits(
        timeout_us=settings.grpc_timeout_us,
        response_bytes_max=settings.grpc_response_bytes_max,
        messages_max=settings.grpc_messages_max,
        error_excerpt_bytes_max=settings.http_error_excerpt_bytes_max,
        channels_max=settings.grpc_channels_max,
        channel_idle_us=settings.grpc_channel_idle_us,
        proto_bytes_max=settings.grpc_proto_bytes_max,
        compile_timeout_us=settings.grpc_compile_timeout_us,
        compiles_at_once_max=settings.grpc_compiles_at_once_max,
        descriptors_max=settings.grpc_descriptors_max,
        reflection_bytes_max=settings.grpc_reflection_bytes_max,
        reflection_lifetime_us=settings.grpc_reflection_lifetime_us,
    )
    return GrpcAction(http, limits, hosts=settings.grpc_hosts, roots=settings.grpc_roots, clock=clock)


def _kafka(settings: Settings, clock: Clock) -> KafkaActions:
    limits = KafkaLimits(
        timeout_us=settings.kafka_timeout_us,
        connect_timeout_us=settings.kafka_connect_timeout_us,
        wait_us=settings.kafka_wait_us,
        message_bytes_max=settings.kafka_message_bytes_max,
        batch_messages_max=settings.kafka_batch_messages_max,
        batch_bytes_max=settings.kafka_batch_bytes_max,
        clients_max=settings.kafka_clients_max,
        client_idle_us=settings.kafka_client_idle_us,
    )
    return KafkaActions(limits, hosts=settings.kafka_hosts, roots=settings.kafka_roots, clock=clock)


def _socket_limits(settings: Settings) -> SocketLimits:
    return SocketLimits(
        connect_timeout_us=settings.http_connect_timeout_us,
        timeout_us_max=settings.call_timeout_us_max,
        message_bytes_max=settings.ws_message_bytes_max,
        messages_bytes_max=settings.ws_messages_bytes_max,
    )


def _processes(settings: Settings) -> Processes:
    programs = ProgramSettings(
        path=settings.process_path,
        language=settings.process_language,
        shell=settings.process_shell,
        python=settings.process_python,
        node=settings.process_node,
        containers=settings.process_containers,
        container_options=settings.process_container_options,
        container_volumes=settings.process_container_volumes,
    )
    wanted = ProcessSettings(
        kinds=settings.processes,
        effect_class=settings.process_effect_class,
        folder=settings.process_folder,
        programs=programs,
    )
    return Processes(wanted, _process_limits(settings))


def _process_limits(settings: Settings) -> ProcessLimits:
    return ProcessLimits(
        timeout_us=settings.process_timeout_us,
        kill_grace_us=settings.process_kill_grace_us,
        output_bytes_max=settings.process_output_bytes_max,
        memory_bytes_max=settings.process_memory_bytes_max,
        cpu_us_max=settings.process_cpu_us_max,
        open_files_max=settings.process_open_files_max,
        file_bytes_max=settings.process_file_bytes_max,
        container_processes_max=settings.process_container_processes_max,
        detached_max=settings.processes_detached_max,
    )


def _rpc_service(servicer: ActionServicer) -> RpcService:
    name = DESCRIPTOR.services_by_name["ActionService"].full_name
    return RpcService(name, lambda server: add_ActionServiceServicer_to_server(servicer, server))
