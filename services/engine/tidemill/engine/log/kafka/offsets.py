"""Where the log in Kafka begins and ends, what of it is deleted, and how far it is said to be applied."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from aiokafka.protocol.admin import DeleteRecordsRequest
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.offset import OffsetRequest

from tidemill.engine.log.kafka.cluster import BrokerError, KafkaCluster, error_of
from tidemill.engine.log.port import Extent

_EARLIEST: Final = -2
_LATEST: Final = -1
_CONSUMER: Final = -1
_READ_UNCOMMITTED: Final = 0
_OFFSET_OUT_OF_RANGE: Final = 1
# A commit from outside of any group's membership.
_NO_GENERATION: Final = -1
_RETENTION_OF_BROKER: Final = -1


async def extents_of(cluster: KafkaCluster, shards: Iterable[int]) -> dict[int, Extent]:
    """What the log holds of each of these shards, by two requests to each broker. Raises BrokerError."""
    by_node: dict[int, list[int]] = {}
    for shard in shards:
        by_node.setdefault(_leader(cluster, shard), []).append(shard)
    answers = await asyncio.gather(
        *(
            _offsets(cluster, node, led, time)
            for node, led in by_node.items()
            for time in (_EARLIEST, _LATEST)
        )
    )
    first: dict[int, int] = {}
    end: dict[int, int] = {}
    for time, offsets in answers:
        (first if time == _EARLIEST else end).update(offsets)
    return {shard: Extent(first[shard], end[shard]) for shard in first}


async def delete_before(cluster: KafkaCluster, shard: int, before_offset: int) -> None:
    """Delete the records below an offset; below the first there are none. Raises BrokerError."""
    if before_offset <= 0:
        # To the broker, -1 would mean the end of what all replicas have.
        return
    error = await _delete(cluster, shard, before_offset)
    if error is not None and error.code == _OFFSET_OUT_OF_RANGE:
        # Above the end: all that there is, and the next offset stays.
        end = (await extents_of(cluster, [shard]))[shard].next
        error = await _delete(cluster, shard, min(before_offset, end))
    if error is not None:
        raise error


async def commit_applied(cluster: KafkaCluster, group: str, offsets: Mapping[int, int]) -> None:
    """Write what lag metrics are computed from. Raises BrokerError."""
    committed = [(shard, offset, "") for shard, offset in offsets.items()]
    request = OffsetCommitRequest(
        group, _NO_GENERATION, "", _RETENTION_OF_BROKER, [(cluster.topic, committed)]
    )
    response = await cluster.ask_coordinator(group, request)
    for _, partitions in response.topics:
        for _, code in partitions:
            error = error_of(code)
            if error is not None:
                raise error


def _leader(cluster: KafkaCluster, shard: int) -> int:
    node = cluster.leader(shard)
    if node is None:
        cluster.refresh()
        raise BrokerError(f"partition {shard} has no leader", is_passing=True)
    return node


async def _offsets(
    cluster: KafkaCluster, node: int, shards: list[int], time: int
) -> tuple[int, dict[int, int]]:
    request = OffsetRequest(
        _CONSUMER, _READ_UNCOMMITTED, [(cluster.topic, [(shard, time) for shard in shards])]
    )
    response = await cluster.ask(node, request)
    offsets = {}
    for _, partitions in response.topics:
        for shard, code, _, offset in partitions:
            error = error_of(code)
            if error is not None:
                cluster.refresh()
                raise error
            offsets[shard] = offset
    return time, offsets


async def _delete(cluster: KafkaCluster, shard: int, before_offset: int) -> BrokerError | None:
    request = DeleteRecordsRequest([(cluster.topic, [(shard, before_offset)])], cluster.timeout_us // 1000)
    response = await cluster.ask(_leader(cluster, shard), request)
    codes = [code for _, partitions, *_ in response.topics for _, _, code, *_ in partitions]
    return error_of(codes[0])
