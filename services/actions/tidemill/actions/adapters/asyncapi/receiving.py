"""One call of a subscription: takes the messages that pass from a position on, and waits while none does."""

import asyncio
from collections.abc import Iterator
from heapq import merge
from operator import attrgetter
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from tidemill.actions.adapters.asyncapi.arguments import Receiving, Wanted
from tidemill.actions.adapters.asyncapi.consumers import Consumers, close
from tidemill.actions.adapters.asyncapi.limits import KafkaLimits
from tidemill.actions.adapters.asyncapi.messages import message_of
from tidemill.actions.adapters.asyncapi.positions import (
    first_position,
    group_of,
    partitions_of,
    seek,
)
from tidemill.actions.adapters.asyncapi.problems import TOO_LARGE, AsyncApiError, failed_with
from tidemill.clock import Clock
from tidemill.expressions import Budget
from tidemill.json import Json, dumps

_US_PER_SECOND: Final = 1_000_000
# How often a call that waits looks up.
_POLL_MS_MAX: Final = 1_000
# Asked of many messages in a row, a costly filter lets others have their turn in between.
_OPERATIONS_A_TURN: Final = 20_000


class Batch:
    """What a call has found so far."""

    def __init__(self, position: dict[int, int], wanted: Wanted, limits: KafkaLimits) -> None:
        self.position = position
        self.messages: list[Json] = []
        self._wanted = wanted
        self._limits = limits
        self._bytes = 0
        self._messages_max = min(wanted.messages_max or limits.batch_messages_max, limits.batch_messages_max)

    @property
    def is_full(self) -> bool:
        """Whether the rest is for the next call."""
        return len(self.messages) >= self._messages_max or self._bytes >= self._limits.batch_bytes_max

    async def add(self, records: Iterator[Any]) -> None:
        """Take the records that pass, in order, as long as there is room.

        Raises AsyncApiError for one that cannot be read; but what came before it is brought first, and the
        next call is told.
        """
        budget = Budget()
        for record in records:
            try:
                self._take(record, budget)
            except AsyncApiError:
                if not self.messages:
                    raise
                return
            if self.is_full:
                return
            if budget.operations_left < Budget().operations_left - _OPERATIONS_A_TURN:
                budget = Budget()
                await asyncio.sleep(0)

    def _take(self, record: Any, budget: Budget) -> None:  # noqa: ANN401 - aiokafka has no types
        message = self._message(record)
        if self._wanted.filter.passes(message, budget):
            self.messages.append(message)
            self._bytes += len(dumps(message))
        self.position[record.partition] = record.offset + 1

    def _message(self, record: Any) -> dict[str, Json]:  # noqa: ANN401 - aiokafka has no types
        where = f"the message {record.offset} of partition {record.partition} of {record.topic}"
        size, limit = len(record.value or b""), self._limits.message_bytes_max
        if size > limit:
            raise failed_with(TOO_LARGE, f"{where} has {size} bytes, over kafka_message_bytes_max, {limit}")
        return message_of(
            record.value,
            record.headers,
            content_type=self._wanted.content_type,
            correlation=self._wanted.correlation,
            where=where,
        )

    def as_json(self) -> dict[str, Json]:
        """As the engine keeps it."""
        return {
            "position": {str(number): offset for number, offset in sorted(self.position.items())},
            "messages": self.messages,
        }


class Receiver:
    """Makes calls of subscriptions."""

    def __init__(self, consumers: Consumers, limits: KafkaLimits, clock: Clock) -> None:
        self._consumers = consumers
        self._limits = limits
        self._clock = clock

    async def receive(self, receiving: Receiving) -> dict[str, Json]:
        """Messages with the position behind them; without a position at first, that alone, at once.

        Comes back without messages when none has come for as long as a call waits, or until the time that
        is said. Raises KafkaError, AsyncApiError, and TimeoutError.
        """
        if receiving.position is None:
            return (await self._begin(receiving)).as_json()
        consumer = self._consumers.take(receiving)
        try:
            async with asyncio.timeout(self._limits.timeout_us / _US_PER_SECOND):
                consumer = consumer or await self._consumers.open(receiving)
                partitions = await partitions_of(consumer, receiving.topic)
                await seek(consumer, partitions, receiving.position)
            batch = Batch(dict(receiving.position), receiving.wanted, self._limits)
            await self._fill(batch, consumer, receiving.wanted.until_us)
        except BaseException:
            if consumer is not None:
                await close(consumer)
            raise
        self._consumers.give_back(receiving, consumer)
        return batch.as_json()

    async def _begin(self, receiving: Receiving) -> Batch:
        async with asyncio.timeout(self._limits.timeout_us / _US_PER_SECOND):
            consumer = await self._consumers.open(receiving, group=group_of(receiving))
            try:
                partitions = await partitions_of(consumer, receiving.topic)
                consumer.assign(partitions)
                position = await first_position(consumer, partitions, receiving.since_us)
            finally:
                await close(consumer)
        return Batch(position, receiving.wanted, self._limits)

    async def _fill(self, batch: Batch, consumer: AIOKafkaConsumer, until_us: int) -> None:
        began_us = self._clock.monotonic_us()
        while not batch.messages:
            left_us = self._limits.wait_us - (self._clock.monotonic_us() - began_us)
            if until_us:
                left_us = min(left_us, until_us - self._clock.now_us())
            timeout_ms = max(0, min(left_us // 1_000, _POLL_MS_MAX))
            found: dict[TopicPartition, list[Any]] = await consumer.getmany(
                timeout_ms=timeout_ms, max_records=self._limits.batch_messages_max
            )
            # Those of one partition in their order, and of several by their times.
            lists = [found[partition] for partition in sorted(found)]
            await batch.add(merge(*lists, key=attrgetter("timestamp")))
            if left_us <= 0:
                return
