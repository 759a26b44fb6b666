"""The log in Kafka, read-only: nothing is made, appended or reported."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final, Self

from tidemill.clock import SystemClock
from tidemill.engine.log.kafka.address import parse_address
from tidemill.engine.log.kafka.cluster import PART, KafkaCluster
from tidemill.engine.log.kafka.offsets import extents_of
from tidemill.engine.log.kafka.reader import Reader
from tidemill.engine.log.kafka.topic import describe_topic
from tidemill.engine.log.port import Extent, LogRecord
from tidemill.engine.settings import Settings
from tidemill.storage import StorageUnavailableError

# As often as the audit asks.
_FETCH_WAIT_US: Final = 10_000


class LogTopic:
    """One topic, its shards followed one after the other."""

    def __init__(self, cluster: KafkaCluster, settings: Settings) -> None:
        self._cluster = cluster
        self._shards = settings.shards
        # An audit never waits for what is not there yet: a fetch at a shard's end holds up that of the next.
        settings = replace(settings, log_fetch_wait_us=_FETCH_WAIT_US)
        self._reader = Reader(cluster, settings, _nobody, clock=SystemClock())

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Raises StorageUnavailableError where no broker answers or the topic is not there."""
        address = parse_address(settings.log_url)
        cluster = await KafkaCluster.connect(
            address, timeout_us=settings.log_append_timeout_us, clock=SystemClock()
        )
        try:
            if await cluster.persist(lambda: describe_topic(cluster)) is None:
                raise StorageUnavailableError(PART, f"topic {cluster.topic} is not there")
            await cluster.follow_topic(settings.shards)
        except BaseException:
            await cluster.close()
            raise
        return cls(cluster, settings)

    async def extents(self) -> Mapping[int, Extent]:
        shards = range(self._shards)
        return await self._cluster.persist(lambda: extents_of(self._cluster, shards))

    async def read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        records = self._reader.read(shard, offset, limit)
        if not records:
            self._reader.forget([other for other in range(self._shards) if other != shard])
        return records

    async def close(self) -> None:
        await self._reader.close()
        await self._cluster.close()


def _nobody(_: Collection[int]) -> None:
    """The audit asks again by itself."""
