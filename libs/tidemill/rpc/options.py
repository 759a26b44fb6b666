"""What servers and channels agree on: limits, keepalive, and where telemetry goes."""

from dataclasses import dataclass, field

from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import NoTracing, Tracing

ChannelOption = tuple[str, int | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcLimits:
    """Limits of a connection, each with its unit."""

    # An event of a history with three payloads, and what stands around them.
    message_bytes_max: int = 64 * 1024 * 1024
    # What may be on its way in one stream before its reader has asked for more.
    stream_window_bytes: int = 1024 * 1024
    # A connection without a sign of life for both together is given up.
    keepalive_interval_ms: int = 5_000
    keepalive_timeout_ms: int = 5_000
    reconnect_backoff_ms_min: int = 100
    reconnect_backoff_ms_max: int = 2_000
    # How soon a name is looked up again when what it stood for is gone.
    resolution_interval_ms: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcOptions:
    """How one process speaks gRPC."""

    limits: RpcLimits = field(default_factory=RpcLimits)
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = field(default_factory=NoTracing)


def shared_options(limits: RpcLimits) -> list[ChannelOption]:
    """The options that both ends need."""
    return [
        ("grpc.max_send_message_length", limits.message_bytes_max),
        ("grpc.max_receive_message_length", limits.message_bytes_max),
        ("grpc.keepalive_time_ms", limits.keepalive_interval_ms),
        ("grpc.keepalive_timeout_ms", limits.keepalive_timeout_ms),
        # Without it a ping may stay unanswered for a minute, whatever the keepalive says.
        ("grpc.http2.ping_timeout_ms", limits.keepalive_timeout_ms),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        # A window that follows the connection's bandwidth is measured by pings: on a stream that is mostly
        # silent every message gets one, which is a seventh of what idle services cost.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", limits.stream_window_bytes),
    ]


def server_options(limits: RpcLimits) -> list[ChannelOption]:
    """The options of a server: a taken port is an error, never silently shared."""
    return [
        *shared_options(limits),
        ("grpc.so_reuseport", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", limits.keepalive_interval_ms // 2),
    ]


def channel_options(limits: RpcLimits) -> list[ChannelOption]:
    """The options of a client: no proxy in between, and quick to find a service that came back."""
    return [
        *shared_options(limits),
        ("grpc.enable_http_proxy", 0),
        ("grpc.initial_reconnect_backoff_ms", limits.reconnect_backoff_ms_min),
        ("grpc.min_reconnect_backoff_ms", limits.reconnect_backoff_ms_min),
        ("grpc.max_reconnect_backoff_ms", limits.reconnect_backoff_ms_max),
    ]


def name_options(limits: RpcLimits) -> list[ChannelOption]:
    """The options of a client of a name that may stand for several servers: all of them take calls."""
    return [
        ("grpc.service_config", '{"loadBalancingConfig":[{"round_robin":{}}]}'),
        ("grpc.dns_min_time_between_resolutions_ms", limits.resolution_interval_ms),
    ]
