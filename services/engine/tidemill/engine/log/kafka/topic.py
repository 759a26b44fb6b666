"""The topic of the command log: made with settings under which acknowledged means kept, or held to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest

from tidemill.engine.log.kafka.cluster import BrokerError, KafkaCluster, error_of
from tidemill.engine.log.kafka.requests import DescribeTopic
from tidemill.engine.settings import Settings
from tidemill.errors import InvalidRequestError
from tidemill.telemetry.logging import get_logger

# What a batch is longer than its records.
BATCH_OVERHEAD_BYTES: Final = 65_536
REPLICAS_IN_SYNC_MIN: Final = 2
_UNKNOWN_TOPIC: Final = 3
_TOPIC_EXISTS: Final = 36
_INVALID_REPLICATION_FACTOR: Final = 38
_TOPIC: Final = 2
_SETTINGS_READ: Final = (
    "cleanup.policy",
    "flush.messages",
    "max.message.bytes",
    "min.insync.replicas",
    "retention.bytes",
    "retention.ms",
    "unclean.leader.election.enable",
)
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Topic:
    """What the brokers say of the topic."""

    id: str
    partitions: int
    replicas: int


async def ensure_topic(cluster: KafkaCluster, settings: Settings) -> Topic:
    """Find the topic, or make it; and refuse one that cannot be a log.

    Raises InvalidRequestError, which says what does not fit, and BrokerError.
    """
    topic = await describe_topic(cluster)
    if topic is None:
        topic = await _create(cluster, settings)
    found = await _settings_of(cluster)
    if topic.partitions != settings.shards:
        raise InvalidRequestError(
            "shards",
            f"topic {cluster.topic} has {topic.partitions} partitions, "
            f"and the engine {settings.shards} shards",
        )
    _check(cluster.topic, weaknesses(found, topic.replicas, settings.log_record_bytes_max), settings)
    return topic


async def describe_topic(cluster: KafkaCluster) -> Topic | None:
    """The topic as it is now; None when there is none. Raises BrokerError."""
    response = await cluster.ask_any(DescribeTopic(cluster.topic))
    for code, _, topic_id, _, partitions, *_ in response.topics:
        error = error_of(code)
        if code == _UNKNOWN_TOPIC:
            return None
        if error is not None:
            raise error
        return Topic(topic_id.hex, len(partitions), min(len(partition[4]) for partition in partitions))
    return None


def weaknesses(found: Mapping[str, str], replicas: int, record_bytes_max: int) -> list[str]:
    """What of a topic's settings does not keep what was acknowledged, each in a sentence."""
    in_sync = int(found["min.insync.replicas"])
    said = []
    if replicas == 1 and int(found["flush.messages"]) != 1:
        said.append(f"flush.messages is {found['flush.messages']}, and a single replica needs 1")
    if replicas > 1 and in_sync < REPLICAS_IN_SYNC_MIN:
        said.append(f"min.insync.replicas is {in_sync}, and must be at least {REPLICAS_IN_SYNC_MIN}")
    if replicas > 1 and found["unclean.leader.election.enable"] != "false":
        said.append("unclean.leader.election.enable must be false")
    for name, wanted in (("retention.ms", "-1"), ("retention.bytes", "-1"), ("cleanup.policy", "delete")):
        if found[name] != wanted:
            said.append(f"{name} is {found[name]}, and must be {wanted}")
    if int(found["max.message.bytes"]) < record_bytes_max + BATCH_OVERHEAD_BYTES:
        least = record_bytes_max + BATCH_OVERHEAD_BYTES
        said.append(f"max.message.bytes is {found['max.message.bytes']}, and must be at least {least}")
    return said


def topic_settings(settings: Settings) -> dict[str, str]:
    """The settings of a topic that we make."""
    made = {
        "cleanup.policy": "delete",
        "max.message.bytes": str(settings.log_record_bytes_max + BATCH_OVERHEAD_BYTES),
        "retention.bytes": "-1",
        "retention.ms": "-1",
        "unclean.leader.election.enable": "false",
    }
    if settings.log_replication_factor == 1:
        return {**made, "flush.messages": "1", "min.insync.replicas": "1"}
    return {**made, "min.insync.replicas": str(REPLICAS_IN_SYNC_MIN)}


def _check(topic: str, said: list[str], settings: Settings) -> None:
    if not said:
        return
    sentence = f"topic {topic} does not keep what it acknowledges: {'; '.join(said)}"
    if not settings.allow_weak_log:
        raise InvalidRequestError("log_url", sentence)
    _log.warning(sentence)


async def _create(cluster: KafkaCluster, settings: Settings) -> Topic:
    request = CreateTopicsRequest(
        [
            (
                cluster.topic,
                settings.shards,
                settings.log_replication_factor,
                [],
                list(topic_settings(settings).items()),
            )
        ],
        cluster.timeout_us // 1000,
        False,
    )
    _, code, message = _only((await cluster.ask_controller(request)).topic_errors)
    if code == _INVALID_REPLICATION_FACTOR:
        raise InvalidRequestError(
            "log_replication_factor", f"topic {cluster.topic} cannot be made: {message}"
        )
    error = error_of(code)
    # Another engine may be quicker.
    if error is not None and code != _TOPIC_EXISTS:
        raise BrokerError(f"topic {cluster.topic} cannot be made: {message or error}", is_passing=False)
    topic = await describe_topic(cluster)
    if topic is None:
        raise BrokerError(f"topic {cluster.topic} was made and is not there", is_passing=True)
    return topic


async def _settings_of(cluster: KafkaCluster) -> dict[str, str]:
    request = DescribeConfigsRequest([(_TOPIC, cluster.topic, list(_SETTINGS_READ))])
    code, message, _, _, entries = _only((await cluster.ask_any(request)).resources)
    error = error_of(code)
    if error is not None:
        raise BrokerError(message or str(error), is_passing=error.is_passing)
    return {name: value for name, value, *_ in entries}


def _only(answers: list[Any]) -> Any:  # noqa: ANN401 - aiokafka's answers have no types
    if len(answers) != 1:
        raise BrokerError("the broker did not answer what was asked", is_passing=False)
    return answers[0]
