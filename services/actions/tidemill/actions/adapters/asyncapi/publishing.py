"""Publishing records: one producer for each cluster and user, which all calls share."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from tidemill.actions.adapters.asyncapi.arguments import Cluster, Record
from tidemill.actions.adapters.asyncapi.brokers import Brokers, find_topic
from tidemill.actions.adapters.asyncapi.limits import KafkaLimits
from tidemill.json import Json


@dataclass(slots=True, eq=False)
class _Entry:
    producer: AIOKafkaProducer
    started: "asyncio.Task[None]"
    users: int = 0
    is_broken: bool = False


class Producers:
    """At most `clients_max` producers; over it those go that were not used for the longest time."""

    def __init__(self, brokers: Brokers, limits: KafkaLimits) -> None:
        self._brokers = brokers
        self._limits = limits
        self._entries: OrderedDict[Cluster, _Entry] = OrderedDict()
        self._freed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._entries)

    async def publish(self, record: Record, key: str) -> dict[str, Json]:
        """Publish a record under a record key, and say where it stands.

        It is on all replicas in sync when this returns, once: the producer is idempotent. Raises KafkaError.
        """
        async with self._producer(record.cluster) as producer:
            await find_topic(producer.client, record.topic)
            written = await producer.send_and_wait(
                record.topic, record.value, key=key.encode(), headers=list(record.headers)
            )
        return {"topic": written.topic, "partition": written.partition, "offset": written.offset}

    async def close(self) -> None:
        """Close all."""
        entries = [*self._entries.values()]
        self._entries.clear()
        await asyncio.gather(*map(self._stop, entries))

    @asynccontextmanager
    async def _producer(self, cluster: Cluster) -> AsyncIterator[AIOKafkaProducer]:
        """The producer of the cluster. Waits where all are in use."""
        entry = await self._take(cluster)
        try:
            # It is shared: whoever stops to wait for it does not stop it.
            await asyncio.shield(entry.started)
            yield entry.producer
        except KafkaError as error:
            # What has happened to it may last: the next call has a new one.
            entry.is_broken = True
            if isinstance(error, KafkaConnectionError):
                raise await self._brokers.why_unreachable(cluster) from error
            raise
        finally:
            entry.users -= 1
            await self._leave(cluster, entry)
            self._freed.set()

    async def _take(self, cluster: Cluster) -> _Entry:
        while True:
            entry = self._entries.get(cluster)
            if entry is not None or len(self._entries) < self._limits.clients_max:
                break
            idle = next((other for other, held in self._entries.items() if not held.users), None)
            if idle is not None:
                await self._stop(self._entries.pop(idle))
            else:
                self._freed.clear()
                await self._freed.wait()
        if entry is None:
            entry = self._entries[cluster] = self._open(cluster)
        entry.users += 1
        self._entries.move_to_end(cluster)
        return entry

    def _open(self, cluster: Cluster) -> _Entry:
        producer = AIOKafkaProducer(
            **self._brokers.options(cluster),
            acks="all",
            enable_idempotence=True,
            max_request_size=self._limits.message_bytes_max,
        )
        return _Entry(producer, asyncio.ensure_future(producer.start()))

    async def _leave(self, cluster: Cluster, entry: _Entry) -> None:
        if not entry.is_broken:
            return
        if self._entries.get(cluster) is entry:
            del self._entries[cluster]
        if not entry.users:
            await self._stop(entry)

    async def _stop(self, entry: _Entry) -> None:
        entry.started.cancel()
        # A connection that breaks at this very moment has nobody to tell.
        with contextlib.suppress(KafkaError, OSError, asyncio.CancelledError):
            await entry.started
        with contextlib.suppress(KafkaError, OSError):
            await entry.producer.stop()
