"""Every setting and limit of the Triggers service, each with its unit; read from `TIDEMILL_TRIGGERS_*`."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidemill.rpc.addresses import split_addresses
from tidemill.settings import from_environment

PREFIX = "TIDEMILL_TRIGGERS"
ENGINE_VARIABLE = f"{PREFIX}_ENGINE"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the service listens, where the Engine is, and how much of everything it takes."""

    listen: str = "127.0.0.1:7401"
    http_listen: str = "127.0.0.1:7403"
    # One Engine, or several with commas between them.
    engine: str = "127.0.0.1:7400"
    # Where Prometheus scrapes; port 0 for nowhere.
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    # A restarted Engine is found again within this.
    engine_reconnect_ms_max: int = 500

    # What a producer may send.
    events_per_request_max: int = 1_000
    # Below the Engine's limit for an input, so that there is room for the array and the event's attributes.
    data_bytes_max: int = 1_000_000
    attribute_bytes_max: int = 2_048
    extensions_max: int = 32
    http_body_bytes_max: int = 8_388_608
    http_body_us_max: int = 30_000_000
    http_connections_max: int = 1_000
    page_size_default: int = 100
    page_size_max: int = 1_000

    # What one event may start: a definition too many costs its publisher an answer, not everybody's queue.
    starts_per_event_max: int = 1_000
    # The lanes that one event may reach: as many ordering keys may find different subjects on it.
    lanes_per_event_max: int = 100

    # The queue to the Engine: over these, producers get RESOURCE_EXHAUSTED with the delay.
    queued_commands_max: int = 20_000
    queued_bytes_max: int = 67_108_864
    overload_retry_delay_us: int = 200_000
    # One Submit: at most what the Engine takes in one batch, and well below what a message may hold.
    submit_commands_max: int = 500
    submit_bytes_max: int = 4_194_304
    submit_timeout_us: int = 10_000_000

    # The catalogue: below the Engine's lease for watchers (3 s), so that a process which the Engine no longer
    # waits for knows by itself that its index may be old.
    catalogue_silence_us_max: int = 2_500_000
    catalogue_open_us_max: int = 5_000_000
    # Waits of the background loops after a failure.
    loop_backoff_us_min: int = 50_000
    loop_backoff_us_max: int = 1_000_000

    # Stopping.
    drain_us_max: int = 10_000_000

    def __post_init__(self) -> None:
        split_addresses(ENGINE_VARIABLE, self.engine)


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises InvalidRequestError for a value that does not fit."""
    return from_environment(Settings, PREFIX, environment)
