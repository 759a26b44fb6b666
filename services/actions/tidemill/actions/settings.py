"""Every setting and limit of the Action service, each with its unit; read from `TIDEMILL_ACTIONS_*`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidemill.errors import InvalidRequestError
from tidemill.rpc.addresses import split_addresses
from tidemill.settings import from_environment

TRIGGERS_VARIABLE: Final = "TIDEMILL_ACTIONS_TRIGGERS"
LEDGER_VARIABLE: Final = "TIDEMILL_ACTIONS_LEDGER_URL"
LEASE_VARIABLE: Final = "TIDEMILL_ACTIONS_REPLICA_LEASE_US"
RENEW_VARIABLE: Final = "TIDEMILL_ACTIONS_REPLICA_RENEW_US"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the service listens and keeps its ledger, what it runs, and how much of everything it takes."""

    listen: str = "127.0.0.1:7402"
    data: Path = Path(".tidemill/actions")
    # One Triggers service, or several with commas between them.
    triggers: str = "127.0.0.1:7401"
    # Where the ledger is that replicas share, `postgresql://user:password@host:5432/database`; empty for a
    # file under `data`, which one process has for itself.
    ledger_url: str = ""
    # Where large payloads stand: a folder, or `s3://bucket/prefix`; empty for the folder `blobs` beside
    # `data`. The Engine must be told the same. An output above the limit goes there, with a reference in its
    # place in the ledger and in the answer.
    blobs: str = ""
    payload_inline_bytes_max: int = 65_536
    # Where Prometheus scrapes; port 0 for nowhere.
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    # Python modules, separated by commas, whose actions are served beside those of installed packages.
    modules: str = ""
    # A folder of secrets, `namespace/name` in it; empty for none. Variables `TIDEMILL_SECRET.namespace.name`
    # are read in any case.
    secrets: str = ""
    secret_bytes_max: int = 65_536
    # `host=http://127.0.0.1:8080,...`: HTTP calls to these hosts go there instead.
    http_hosts: str = ""
    # `host:port=grpc://127.0.0.1:5011,...`: gRPC calls to these go there instead; `grpcs:` is through TLS.
    grpc_hosts: str = ""
    # A file of the authorities, in PEM, that gRPC calls trust; empty for those that the library brings.
    grpc_roots: str = ""
    # `host:port=127.0.0.1:9092,...`: where brokers are that AsyncAPI documents name; these say where the
    # other brokers of theirs are.
    kafka_hosts: str = ""
    # A file of the authorities, in PEM, that Kafka calls trust; empty for those of the system.
    kafka_roots: str = ""

    # Programs of workflow authors: which of `shell,script,container` run on this machine. Empty for none.
    processes: str = ""
    # What becomes of a program that was lost half-way: `once` runs it again, `at_most_once` does not.
    process_effect_class: str = "once"
    # Where each program gets a folder of its own; empty for the system's temporary folder.
    process_folder: str = ""
    # All that programs see of the environment, beside what their tasks give them.
    process_path: str = "/usr/local/bin:/usr/bin:/bin"
    process_language: str = "C.UTF-8"
    # Commands; the first word is a path, or is looked up on `process_path`.
    process_shell: str = "/bin/sh"
    process_python: str = "python3"
    process_node: str = "node"
    process_containers: str = "docker"
    # Options for every container, and the folders of the host, with commas between, that may be volumes.
    process_container_options: str = ""
    process_container_volumes: str = ""

    # Whether MCP servers may be programs that tasks name, which run on this machine; they see what
    # `process_path` and `process_language` say of the environment.
    mcp_stdio: bool = False

    # Streams and their messages.
    streams_max: int = 64
    stream_calls_in_flight_max: int = 10_000
    request_items_max: int = 10_000
    response_items_max: int = 512
    response_bytes_max: int = 1_048_576
    arguments_bytes_max: int = 16_777_216
    output_bytes_max: int = 16_777_216
    page_size_default: int = 100
    page_size_max: int = 1_000

    # Calls in flight, and those that wait for their turn.
    calls_in_flight_max: int = 8_192
    namespace_calls_in_flight_max: int = 4_096
    group_calls_in_flight_max: int = 4_096
    calls_queued_max: int = 100_000
    namespace_calls_queued_max: int = 20_000

    # How long things take.
    call_timeout_us_max: int = 3_600_000_000
    lease_margin_us: int = 30_000_000
    join_poll_us: int = 100_000
    join_poll_us_max: int = 1_000_000
    inline_slice_us: int = 5_000
    drain_us_max: int = 10_000_000
    storage_retry_us_max: int = 1_000_000

    # The ledger.
    record_rows_max: int = 2_048
    settled_keys_pending_max: int = 1_000_000
    settle_rows_max: int = 2_048
    settle_interval_us: int = 200_000
    settled_retention_us: int = 86_400_000_000
    expire_rows_max: int = 1_000
    expire_interval_us: int = 60_000_000
    ledger_page_count_max: int = 0
    ledger_connections_max: int = 8

    # Who lives: what a replica has claimed is lost when its lease, renewed each interval, has run out.
    replica_lease_us: int = 3_000_000
    replica_renew_us: int = 1_000_000

    # Plain functions, which run in threads.
    threads_max: int = 32
    threads_lost_max: int = 64

    # HTTP calls.
    http_connections_max: int = 512
    http_timeout_us: int = 30_000_000
    http_connect_timeout_us: int = 10_000_000
    http_response_bytes_max: int = 16_777_216
    http_error_excerpt_bytes_max: int = 512
    http_redirects_max: int = 10

    # Tokens that HTTP calls fetch: the last three are how long before its end a token is given up, and how
    # long one is used that names no end, and the token endpoint that discovery has found.
    http_tokens_max: int = 1_024
    http_token_discoveries_max: int = 256
    http_token_timeout_us: int = 10_000_000
    http_token_answer_bytes_max: int = 131_072
    http_token_margin_us: int = 30_000_000
    http_token_lifetime_us: int = 300_000_000
    http_token_discovery_lifetime_us: int = 3_600_000_000

    # Programs; those from memory to files hold for each process that a program is made of.
    processes_in_flight_max: int = 16
    processes_detached_max: int = 16
    process_timeout_us: int = 60_000_000
    process_kill_grace_us: int = 2_000_000
    process_output_bytes_max: int = 262_144
    process_memory_bytes_max: int = 2_147_483_648
    process_cpu_us_max: int = 60_000_000
    process_open_files_max: int = 256
    process_file_bytes_max: int = 67_108_864
    process_container_processes_max: int = 256
    process_container_cleanup_us: int = 60_000_000

    # MCP calls: the first is for those whose task says nothing of the time, the second how long a server may
    # take to end a session, or to end.
    mcp_timeout_us: int = 60_000_000
    mcp_close_us: int = 2_000_000
    mcp_response_bytes_max: int = 16_777_216
    mcp_programs_max: int = 16

    # A2A calls, and the cards that say where agents are.
    a2a_timeout_us: int = 60_000_000
    a2a_response_bytes_max: int = 16_777_216
    a2a_card_bytes_max: int = 262_144
    a2a_cards_max: int = 256
    a2a_card_lifetime_us: int = 300_000_000

    # gRPC calls: the first five bound answers and channels, the others what describes services.
    grpc_timeout_us: int = 60_000_000
    grpc_response_bytes_max: int = 16_777_216
    grpc_messages_max: int = 10_000
    grpc_channels_max: int = 256
    grpc_channel_idle_us: int = 300_000_000
    grpc_proto_bytes_max: int = 131_072
    grpc_compile_timeout_us: int = 10_000_000
    grpc_compiles_at_once_max: int = 2
    grpc_descriptors_max: int = 256
    grpc_reflection_bytes_max: int = 2_097_152
    grpc_reflection_lifetime_us: int = 300_000_000

    # Calls of AsyncAPI channels that wait for messages, each with a connection of its own.
    subscriptions_max: int = 256

    # Kafka: how long publishing may take, and how long a call of a subscription waits for messages until it
    # comes back without any, so that others have their turn; then what it brings at most, and what of clients
    # is kept for the next call.
    kafka_timeout_us: int = 30_000_000
    kafka_connect_timeout_us: int = 10_000_000
    kafka_wait_us: int = 300_000_000
    kafka_message_bytes_max: int = 524_288
    kafka_batch_messages_max: int = 500
    kafka_batch_bytes_max: int = 262_144
    kafka_clients_max: int = 64
    kafka_client_idle_us: int = 30_000_000

    # WebSockets: what one message may have, and all that one call takes.
    ws_message_bytes_max: int = 524_288
    ws_messages_bytes_max: int = 524_288

    # Publishing events.
    events_batch_max: int = 256
    events_timeout_us: int = 30_000_000

    def __post_init__(self) -> None:
        split_addresses(TRIGGERS_VARIABLE, self.triggers)
        if self.replica_renew_us >= self.replica_lease_us:
            raise InvalidRequestError(
                RENEW_VARIABLE, f"{RENEW_VARIABLE} must be below {LEASE_VARIABLE}, {self.replica_lease_us}"
            )


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises InvalidRequestError for a value that does not fit."""
    return from_environment(Settings, "TIDEMILL_ACTIONS", environment)
