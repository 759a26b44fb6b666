"""The command log in a Kafka topic: one partition a shard, any number of engines."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Self

from tidemill.clock import Clock, SystemClock
from tidemill.engine.log.kafka.address import parse_address
from tidemill.engine.log.kafka.cluster import PART, BrokerError, KafkaCluster
from tidemill.engine.log.kafka.offsets import commit_applied, delete_before, extents_of
from tidemill.engine.log.kafka.producer import Producer
from tidemill.engine.log.kafka.reader import Reader
from tidemill.engine.log.kafka.topic import describe_topic, ensure_topic
from tidemill.engine.log.port import Extent, LogRecord, Wake
from tidemill.engine.settings import Settings
from tidemill.storage import StorageUnavailableError
from tidemill.telemetry.logging import get_logger
from tidemill.telemetry.metrics import Metrics

GROUP_PREFIX: Final = "tidemill-"
_log = get_logger(__name__)


class KafkaLog:
    """Implements the port on one topic. The first read of a shard finds nothing: it has them fetched."""

    def __init__(self, cluster: KafkaCluster, settings: Settings, *, clock: Clock, metrics: Metrics) -> None:
        self._cluster = cluster
        self._settings = settings
        self._wakes: list[Wake] = []
        self._is_untold = False
        self._reader = Reader(cluster, settings, self._wake, clock=clock)
        self._producer = Producer(cluster, settings, self._reader.appended, clock=clock, metrics=metrics)

    @classmethod
    async def open(
        cls, settings: Settings, *, clock: Clock | None = None, metrics: Metrics | None = None
    ) -> Self:
        """Reach the brokers that `log_url` names, and make the topic where it is not there.

        Raises StorageUnavailableError when no broker answers, and InvalidRequestError for a URL that is none,
        a topic with another number of partitions than `shards`, and one that does not keep what it takes.
        """
        address = parse_address(settings.log_url)
        clock = clock or SystemClock()
        cluster = await KafkaCluster.connect(address, timeout_us=settings.log_append_timeout_us, clock=clock)
        log = cls(cluster, settings, clock=clock, metrics=metrics or Metrics())
        try:
            await cluster.persist(lambda: ensure_topic(cluster, settings))
            await cluster.follow_topic(settings.shards)
            await cluster.persist(log._producer.open)
        except BaseException:
            await cluster.close()
            raise
        return log

    async def append(self, records: Sequence[tuple[int, bytes]]) -> list[int]:
        return await self._producer.append(records)

    async def read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        return self._reader.read(shard, offset, limit)

    def forget(self, shards: Collection[int]) -> None:
        self._reader.forget(shards)

    async def extents(self) -> Mapping[int, Extent]:
        shards = range(self._settings.shards)
        return await self._cluster.persist(lambda: extents_of(self._cluster, shards))

    async def identity(self) -> str:
        topic = await self._cluster.persist(lambda: describe_topic(self._cluster))
        if topic is None:
            raise StorageUnavailableError(PART, f"topic {self._cluster.topic} is not there")
        return topic.id

    def on_append(self, wake: Wake) -> None:
        self._wakes.append(wake)

    async def trim(self, shard: int, before_offset: int) -> None:
        await self._cluster.persist(lambda: delete_before(self._cluster, shard, before_offset))

    async def report_applied(self, offsets: Mapping[int, int]) -> None:
        """Commit them for the consumer group `tidemill-<topic>`; that it failed is only logged."""
        if not offsets:
            return
        try:
            await commit_applied(self._cluster, f"{GROUP_PREFIX}{self._cluster.topic}", offsets)
        except BrokerError as error:
            if not self._is_untold:
                _log.warning("how far the command log is applied could not be told", failure=str(error))
            self._is_untold = True
        else:
            self._is_untold = False

    async def close(self) -> None:
        """Wait for the appends that are under way, as long as one may take, and close the connections."""
        self._wakes.clear()
        await self._reader.close()
        await self._producer.close()
        await self._cluster.close()

    def _wake(self, shards: Collection[int]) -> None:
        for wake in self._wakes:
            wake(shards)
