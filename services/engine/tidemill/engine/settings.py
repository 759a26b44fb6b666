"""Every setting and limit of the Engine, each with its unit; read from `TIDEMILL_ENGINE_*`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidemill.engine.core.apply_waits import HEARD_US_MAX
from tidemill.engine.store.retention import outlives
from tidemill.errors import InvalidRequestError
from tidemill.hosts import parse_hosts
from tidemill.rpc.addresses import split_addresses
from tidemill.settings import from_environment

SHARDS_VARIABLE: Final = "TIDEMILL_ENGINE_SHARDS"
STORE_VARIABLE: Final = "TIDEMILL_ENGINE_STORE_URL"
LOG_VARIABLE: Final = "TIDEMILL_ENGINE_LOG_URL"
SHARDS_IN_FILES: Final = 8
SHARDS_IN_KAFKA: Final = 256
ACTIONS_VARIABLE: Final = "TIDEMILL_ENGINE_ACTIONS"
LANE_EVENT_VARIABLE: Final = "TIDEMILL_ENGINE_LANE_EVENT_US"
RETENTION_VARIABLE: Final = "TIDEMILL_ENGINE_EXECUTION_RETENTION_US"
SINK_VARIABLE: Final = "TIDEMILL_ENGINE_LIFECYCLE_SINK"
FETCH_HOSTS_VARIABLE: Final = "TIDEMILL_ENGINE_FETCH_HOSTS"
COMPRESSION_VARIABLE: Final = "TIDEMILL_ENGINE_LOG_COMPRESSION"
COMPRESSIONS: Final = ("none", "lz4", "zstd")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the Engine listens and keeps its data, and how much of everything it takes."""

    listen: str = "127.0.0.1:7400"
    data: Path = Path(".tidemill/engine")
    # One Action service, or several with commas between them, which share a ledger.
    actions: str = "127.0.0.1:7402"
    # Where Prometheus scrapes; port 0 for nowhere.
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    # Where executions and commands are kept: files under `data`, unless these name servers,
    # `postgresql://user:password@host:5432/database` and `kafka://host:9092,host:9092/topic`.
    store_url: str = ""
    log_url: str = ""
    # The store's server: connections for reading (a few more write), how long it has for a statement, and
    # whether one is taken that may lose what it has acknowledged.
    store_connections_max: int = 8
    store_timeout_us: int = 30_000_000
    allow_weak_store: bool = False
    # How many slices there are, for the life of the data; 0 for 8 in files and 256 in Kafka.
    shards: int = 0

    # Who lives: an engine is taken for dead when its lease, renewed each interval, has run out.
    lease_ttl_us: int = 3_000_000
    membership_interval_us: int = 1_000_000

    # Where large payloads stand: a folder, or `s3://bucket/prefix`; empty for the folder `blobs` beside
    # `data`. The Action service must be told the same. A payload above the limit goes there, with a reference
    # in its place in the log and the store. How often blobs of executions that are gone are looked for, and
    # how old one must be to count as left behind.
    blobs: str = ""
    payload_inline_bytes_max: int = 65_536
    blob_sweep_interval_us: int = 600_000_000
    blob_grace_us: int = 900_000_000
    blob_sweep_rows: int = 1_000

    # What a client may send.
    payload_bytes_max: int = 16_777_216
    document_bytes_max: int = 1_048_576
    event_bytes_max: int = 1_048_576
    submit_commands_max: int = 1_000
    identifier_bytes_max: int = 256
    event_attribute_bytes_max: int = 2_048
    event_extensions_max: int = 32
    page_size_default: int = 100
    page_size_max: int = 1_000
    history_page_bytes_max: int = 2_097_152
    list_page_bytes_max: int = 2_097_152

    # Documents that definitions name, fetched when they are published. `host=http://127.0.0.1:8080,...`: what
    # is asked of these hosts is fetched there instead. The folder of `file:` URIs; empty for none. What one
    # document may take, and how many are fetched at once, and for one definition.
    fetch_hosts: str = ""
    fetch_folder: str = ""
    fetch_timeout_us: int = 10_000_000
    fetch_bytes_max: int = 4_194_304
    fetch_redirects_max: int = 5
    fetches_at_once_max: int = 16
    fetches_a_publish_max: int = 16
    # Fetching all that one definition leads to, function by function. Less than clients wait for a publish.
    fetches_timeout_us: int = 20_000_000
    # A .proto file is compiled when it is published, to see whether it can be: how long that may take, and
    # how many at once.
    grpc_compile_timeout_us: int = 10_000_000
    grpc_compiles_at_once_max: int = 2

    # Queues: over these, ingress answers RESOURCE_EXHAUSTED with the delay.
    # The inbox's commands in all, half of which one busy shard may have, so that other lanes of that shard
    # overtake so many; their bytes; and how far behind the first that is not applied yet others may be.
    inbox_commands_max: int = 20_000
    inbox_bytes_max: int = 67_108_864
    log_ahead_max: int = 32_768
    log_backlog_max: int = 100_000
    overload_retry_delay_us: int = 200_000
    watchers_max: int = 10_000

    # The command log in Kafka. A topic that is not there is made with so many replicas; one that would not
    # keep what it acknowledges is refused, unless weak logs are allowed. Compression: `none`, `lz4`, `zstd`.
    log_replication_factor: int = 3
    allow_weak_log: bool = False
    log_compression: str = "lz4"
    log_record_bytes_max: int = 4_194_304
    log_batch_bytes_max: int = 524_288
    log_append_timeout_us: int = 10_000_000
    # A broker takes the requests of a connection one after another: several keep more of its disk busy.
    log_connections_a_broker: int = 4
    log_append_records_max: int = 100_000
    log_append_bytes_max: int = 67_108_864
    # What is fetched ahead of the batch loop: how long a broker waits for something new, the bytes of an
    # answer in all and for one shard; what is kept, as records for each shard and as bytes for all.
    log_fetch_wait_us: int = 500_000
    log_fetch_bytes_max: int = 2_097_152
    log_fetch_shard_bytes_max: int = 1_048_576
    log_buffer_records_max: int = 2_048
    log_buffer_bytes_max: int = 67_108_864

    # The batch loop: how many items a batch has; how many of them are of one shard at most, and how many come
    # in herds, as timers of one second do, so that others need not wait long; how many of a herd, or of one
    # lane, there may be while others come; how many commands at least, however much is under way.
    batch_items_max: int = 512
    batch_shard_max: int = 64
    batch_herd_max: int = 64
    batch_part_min: int = 16
    batch_commands_min: int = 16
    # Large payloads: how much of them a part of a batch brings along, and all executions in memory hold.
    batch_large_bytes_max: int = 67_108_864
    cache_large_bytes_max: int = 268_435_456
    cache_executions_max: int = 50_000
    plans_cached_max: int = 1_000
    # A snapshot of an execution comes after so many events at the earliest.
    snapshot_events_min: int = 1_000

    # Messages between executions and lanes: those applied in the batch that sends them, those in memory.
    messages_a_batch_max: int = 2_048
    outbox_rows_in_memory_max: int = 50_000
    outbox_append_rows_max: int = 1_000

    # Lanes: how long they keep events for waits that open later, and their ids; how many events each; how
    # many executions an event reaches in one go.
    lane_event_us: int = 300_000_000
    lane_seen_us: int = 259_200_000_000
    lane_events_max: int = 1_000
    subscribers_per_event_max: int = 1_000
    lane_expiry_rows: int = 5_000

    # Timers.
    timer_horizon_us: int = 60_000_000
    timers_in_memory_max: int = 100_000
    timer_page_rows: int = 1_000

    # Calls of actions.
    calls_in_flight_max: int = 10_000
    calls_waiting_max: int = 100_000
    # How long an Action service that could not take a call comes after the others.
    calls_avoid_us: int = 1_000_000
    calls_message_items_max: int = 512
    calls_message_bytes_max: int = 1_048_576
    dispatch_before_us: int = 3_600_000_000
    delivery_timeout_us: int = 86_400_000_000
    unknown_action_grace_us: int = 60_000_000
    owing_page_rows: int = 1_000

    # Waits of clients and watchers.
    outcome_wait_us_max: int = 30_000_000
    watch_poll_us: int = 200_000
    publish_lease_us: int = 3_000_000
    catalogue_heartbeat_us: int = 1_000_000
    catalogue_poll_us: int = 250_000
    progress_poll_us: int = 20_000

    # Lifecycle events: what is read and sent at once, and how long a subscriber hears nothing at most.
    subscribers_max: int = 100
    lifecycle_page_rows: int = 256
    lifecycle_message_events_max: int = 500
    lifecycle_heartbeat_us: int = 1_000_000

    # The HTTP sink of lifecycle events: its URL (empty: there is none), and the name of its cursors. An event
    # that it refuses (4xx) holds up all others, unless it is to be passed over, and lost.
    lifecycle_sink: str = ""
    lifecycle_sink_name: str = "http"
    lifecycle_sink_events_max: int = 500
    lifecycle_sink_bytes_max: int = 1_048_576
    lifecycle_sink_timeout_us: int = 10_000_000
    lifecycle_sink_pass_over_refused: bool = False

    # How long things are kept. Histories and rows of executions from their end on, where their namespace says
    # nothing else; 0 for ever.
    history_retention_us: int = 0
    execution_retention_us: int = 0
    retention_rows: int = 1_000
    history_partition_us: int = 604_800_000_000
    rejection_retention_us: int = 86_400_000_000
    log_trim_margin_records: int = 10_000
    housekeeping_interval_us: int = 60_000_000
    log_report_interval_us: int = 5_000_000

    # Stopping and trouble.
    drain_us_max: int = 10_000_000
    store_page_count_max: int = 0
    log_page_count_max: int = 0

    def __post_init__(self) -> None:
        split_addresses(ACTIONS_VARIABLE, self.actions)
        if bool(self.store_url) != bool(self.log_url):
            raise InvalidRequestError(
                STORE_VARIABLE, f"{STORE_VARIABLE} and {LOG_VARIABLE} belong together: set both or neither"
            )
        if self.shards == 0:
            object.__setattr__(self, "shards", SHARDS_IN_KAFKA if self.log_url else SHARDS_IN_FILES)
        if self.shards < 1:
            raise InvalidRequestError(SHARDS_VARIABLE, f"{SHARDS_VARIABLE} must be at least 1")
        if self.log_compression not in COMPRESSIONS:
            raise InvalidRequestError(
                COMPRESSION_VARIABLE, f"{COMPRESSION_VARIABLE} must be one of {', '.join(COMPRESSIONS)}"
            )
        if self.lane_event_us > HEARD_US_MAX:
            # An execution would have forgotten what it heard, and hear it again.
            raise InvalidRequestError(
                LANE_EVENT_VARIABLE, f"{LANE_EVENT_VARIABLE} must be at most {HEARD_US_MAX}"
            )
        if not outlives(self.execution_retention_us, self.history_retention_us):
            raise InvalidRequestError(
                RETENTION_VARIABLE,
                f"{RETENTION_VARIABLE} must be 0, for ever, or at least as long as histories are kept",
            )
        parse_hosts(FETCH_HOSTS_VARIABLE, self.fetch_hosts)
        if self.lifecycle_sink and not self.lifecycle_sink.startswith(("http://", "https://")):
            raise InvalidRequestError(SINK_VARIABLE, f"{SINK_VARIABLE} must begin with http:// or https://")


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises InvalidRequestError for a value that does not fit."""
    return from_environment(Settings, "TIDEMILL_ENGINE", environment)
