"""Calls over Kafka in tests: small limits, topics of their own, and the calls of a subscription in a row."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from tests.contract.http_calls import KEY, output
from tests.unit.actions.samples import call
from tidemill.actions.adapters.asyncapi.kafka import KafkaActions
from tidemill.actions.adapters.asyncapi.limits import KafkaLimits
from tidemill.actions.core.model import Call, Outcome
from tidemill.clock import SystemClock
from tidemill.testing.servers import KafkaServer

LIMITS: Final = KafkaLimits(
    timeout_us=20_000_000,
    connect_timeout_us=5_000_000,
    wait_us=15_000_000,
    message_bytes_max=20_000,
    batch_messages_max=50,
    batch_bytes_max=5_000,
    clients_max=2,
    client_idle_us=60_000_000,
)


class Kafka:
    """The actions, and what a test does to the broker by Kafka's own client."""

    def __init__(self, server: KafkaServer, *, hosts: str = "", roots: str = "", **limits: int) -> None:
        self.server = server
        self.actions = KafkaActions(replace(LIMITS, **limits), hosts=hosts, roots=roots)
        publish, receive = self.actions.actions
        self._publish, self._receive = publish.run, receive.run
        self._producer = AIOKafkaProducer(bootstrap_servers=server.bootstrap)
        self._admin = AIOKafkaAdminClient(bootstrap_servers=server.bootstrap)

    async def __aenter__(self) -> Self:
        await self._admin.start()
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.actions.close()
        await self._producer.stop()
        await self._admin.close()

    async def topic(self, partitions: int = 1, *, settings: Mapping[str, str] | None = None) -> str:
        """A new topic."""
        name = f"test-{uuid.uuid4().hex}"
        await self._admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(settings or {}))])
        # So that whoever asks next is not told that it is yet to come.
        await self._producer.partitions_for(name)
        return name

    async def send(
        self,
        topic: str,
        *values: object,
        partition: int = 0,
        at_ms: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Have somebody else publish; bytes as they are, all else as JSON."""
        known = [(name, text.encode()) for name, text in (headers or {}).items()]
        for value in values:
            data = value if isinstance(value, bytes) else orjson.dumps(value)
            await self._producer.send_and_wait(
                topic, data, partition=partition, timestamp_ms=at_ms, headers=known
            )

    async def delete(self, topic: str, *, before: int) -> None:
        """Have the broker forget the first messages."""
        await self._admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=before)})

    async def publish(self, topic: str, payload: object = None, **arguments: object) -> Outcome:
        """Make a call that publishes."""
        given = {"servers": [self.server.bootstrap], "topic": topic, "payload": payload, **arguments}
        return await self._publish(call(KEY, arguments=orjson.dumps(given), action="kafka.publish"))

    def asked(self, topic: str, subscription: str, **arguments: object) -> Call:
        """A call of a subscription."""
        given = {
            "servers": [self.server.bootstrap],
            "topic": topic,
            "subscription": subscription,
            "contentType": "application/json",
            **arguments,
        }
        return call(KEY, arguments=orjson.dumps(given), action="kafka.receive")

    async def receive(self, topic: str, subscription: str, **arguments: object) -> Outcome:
        """Make a call of a subscription."""
        return await self._receive(self.asked(topic, subscription, **arguments))


@dataclass
class Subscription:
    """Goes on as the engine does: each call begins where the one before has ended."""

    kafka: Kafka
    topic: str
    arguments: dict[str, object] = field(default_factory=dict)
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    since_us: int = field(default_factory=lambda: SystemClock().now_us())
    position: Any = None

    async def next(self, **arguments: object) -> list[Any]:
        """The messages of the next call."""
        begin = {"sinceUs": self.since_us} if self.position is None else {"position": self.position}
        given = {**self.arguments, **begin, **arguments}
        answer: Any = output(await self.kafka.receive(self.topic, self.name, **given))
        self.position = answer["position"]
        return list(answer["messages"])

    async def payloads(self, count: int, **arguments: object) -> list[Any]:
        """What comes next, in as many calls as it takes."""
        found: list[Any] = []
        while len(found) < count:
            found += [message["payload"] for message in await self.next(**arguments)]
        return found


@asynccontextmanager
async def running_kafka(
    server: KafkaServer, *, hosts: str = "", roots: str = "", **limits: int
) -> AsyncIterator[Kafka]:
    """The actions for a broker."""
    server.start()
    async with Kafka(server, hosts=hosts, roots=roots, **limits) as kafka:
        yield kafka
