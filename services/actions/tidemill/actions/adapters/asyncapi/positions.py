"""Where a subscription begins: with what was sent since a time, noted under a name of its own."""

import hashlib
from collections.abc import Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from tidemill.actions.adapters.asyncapi.arguments import Receiving
from tidemill.actions.adapters.asyncapi.brokers import find_topic

_GROUP_PREFIX: Final = "tidemill."


def group_of(receiving: Receiving) -> str:
    """The consumer group whose offsets are the note; nobody ever joins it."""
    return _GROUP_PREFIX + hashlib.sha256(receiving.subscription.encode()).hexdigest()[:40]


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """The partitions of the topic, in order. Raises KafkaError."""
    return [TopicPartition(topic, number) for number in sorted(await find_topic(consumer._client, topic))]


async def first_position(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], since_us: int
) -> dict[int, int]:
    """The noted position; where there is none, the first message since the time, which is noted then.

    The consumer is of the group. Raises KafkaError.
    """
    noted = {partition: await consumer.committed(partition) for partition in partitions}
    missing = [partition for partition in partitions if noted[partition] is None]
    if missing:
        # The ends first: what comes after that has a time after the beginning too.
        ends = await consumer.end_offsets(missing)
        since_ms = since_us // 1_000
        found = await consumer.offsets_for_times(dict.fromkeys(missing, since_ms))
        begins = {
            partition: ends[partition] if found[partition] is None else found[partition].offset
            for partition in missing
        }
        await consumer.commit({part: OffsetAndMetadata(offset, "") for part, offset in begins.items()})
        noted |= begins
    return {partition.partition: offset for partition, offset in noted.items() if offset is not None}


async def seek(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], position: Mapping[int, int]
) -> None:
    """Have the consumer go on from a position; partitions that are new to it are read from their beginning.

    Where it stands there already, it keeps what it has fetched ahead.
    """
    wanted = {partition: position.get(partition.partition, 0) for partition in partitions}
    if consumer.assignment() == frozenset(partitions):
        wanted = {part: offset for part, offset in wanted.items() if await consumer.position(part) != offset}
    else:
        consumer.assign(partitions)
    for partition, offset in wanted.items():
        consumer.seek(partition, offset)
