"""Consumers of subscriptions: kept for a while between two calls of one, for the next one comes at once."""

import asyncio
import contextlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError, KafkaError

from tidemill.actions.adapters.asyncapi.arguments import Receiving
from tidemill.actions.adapters.asyncapi.brokers import Brokers
from tidemill.actions.adapters.asyncapi.limits import KafkaLimits

_US_PER_SECOND: Final = 1_000_000


@dataclass(slots=True, eq=False)
class _Idle:
    consumer: AIOKafkaConsumer
    ending: asyncio.TimerHandle


class Consumers:
    """Opens consumers; at most `clients_max` wait for their next call, for `client_idle_us`."""

    def __init__(self, brokers: Brokers, limits: KafkaLimits) -> None:
        self._brokers = brokers
        self._limits = limits
        self._idle: OrderedDict[tuple[object, ...], _Idle] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, receiving: Receiving) -> AIOKafkaConsumer | None:
        """The consumer of the call before, if it is still there; it is the caller's from now on."""
        idle = self._idle.pop(_key(receiving), None)
        if idle is None:
            return None
        idle.ending.cancel()
        return idle.consumer

    def give_back(self, receiving: Receiving, consumer: AIOKafkaConsumer) -> None:
        """Keep a consumer for the next call."""
        key = _key(receiving)
        self._end(key)
        ending = asyncio.get_running_loop().call_later(
            self._limits.client_idle_us / _US_PER_SECOND, self._end, key
        )
        self._idle[key] = _Idle(consumer, ending)
        if len(self._idle) > self._limits.clients_max:
            self._end(next(iter(self._idle)))

    async def open(self, receiving: Receiving, *, group: str | None = None) -> AIOKafkaConsumer:
        """A new consumer, of a group where it is to keep an offset there. Raises KafkaError."""
        consumer = AIOKafkaConsumer(
            **self._brokers.options(receiving.cluster),
            group_id=group,
            enable_auto_commit=False,
            # A position that is gone is an error: nothing is passed over in silence.
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=self._limits.message_bytes_max,
            fetch_max_bytes=self._limits.message_bytes_max * 4,
        )
        try:
            await consumer.start()
        except KafkaConnectionError as error:
            await close(consumer)
            raise await self._brokers.why_unreachable(receiving.cluster) from error
        except BaseException:
            await close(consumer)
            raise
        return consumer

    async def close(self) -> None:
        """Close all."""
        for key in list(self._idle):
            self._end(key)
        await asyncio.gather(*self._closing)

    def _end(self, key: tuple[object, ...]) -> None:
        idle = self._idle.pop(key, None)
        if idle is not None:
            idle.ending.cancel()
            task = asyncio.ensure_future(close(idle.consumer))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def close(consumer: AIOKafkaConsumer) -> None:
    """Close a consumer, whatever state it is in."""
    # A connection that breaks at this very moment has nobody to tell.
    with contextlib.suppress(KafkaError, OSError):
        await consumer.stop()


def _key(receiving: Receiving) -> tuple[object, ...]:
    return receiving.cluster, receiving.topic, receiving.subscription
