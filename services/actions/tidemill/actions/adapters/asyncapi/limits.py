"""The limits of AsyncAPI calls."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaLimits:
    """Limits of calls over Kafka, each with its unit."""

    # For a call that publishes, and for finding out where a subscription begins.
    timeout_us: int
    connect_timeout_us: int
    # How long a call of a subscription waits for messages until it comes back without any.
    wait_us: int
    message_bytes_max: int
    batch_messages_max: int
    batch_bytes_max: int
    # Producers; and consumers that wait for the next call of their subscription, for so long.
    clients_max: int
    client_idle_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """Limits of calls over WebSockets, each with its unit."""

    connect_timeout_us: int
    timeout_us_max: int
    message_bytes_max: int
    messages_bytes_max: int
