"""The brokers as the log sees them: who leads which shard, and requests with one kind of failure."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import Any, Final, Self, TypeVar

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import BrokerResponseError, KafkaError, for_code
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.structs import TopicPartition

from tidemill.clock import Clock
from tidemill.engine.log.kafka.address import KafkaAddress
from tidemill.storage import StorageUnavailableError

T = TypeVar("T")

PART: Final = "command log"
RETRY_US: Final = 50_000
RETRY_US_MAX: Final = 500_000


class Connection(IntEnum):
    """Which of a broker's connections a request goes over: it answers the requests of one in their order."""

    ADMIN = 0
    FOLLOW = 10
    CATCH_UP = 11
    APPEND = 20


class BrokerError(Exception):
    """A broker did not answer, or answered with an error.

    `is_passing` when the same request may well succeed in a moment, at the leader of then.
    """

    def __init__(self, detail: str, *, is_passing: bool, code: int = 0) -> None:
        super().__init__(detail)
        self.is_passing = is_passing
        self.code = code


def error_of(code: int) -> BrokerError | None:
    """The error that a broker's answer names by its number; None for success."""
    if code == 0:
        return None
    known = for_code(code)
    name = getattr(known, "message", known.__name__)
    return BrokerError(str(name), is_passing=bool(known.retriable), code=code)


def retry_delay_us(failures: int) -> int:
    """How long to wait after so many failures in a row."""
    return min(RETRY_US << min(failures - 1, 10), RETRY_US_MAX)


def unavailable(error: Exception) -> StorageUnavailableError:
    """What a caller of the log is told."""
    return StorageUnavailableError(PART, str(error) or type(error).__name__)


class KafkaCluster:
    """Connections to the brokers that have the log's topic."""

    def __init__(self, address: KafkaAddress, *, timeout_us: int, clock: Clock) -> None:
        self.topic = address.topic
        self.timeout_us = timeout_us
        # Shorter than any caller's patience: aiokafka gives up a connection only on its own time-out.
        self.request_timeout_us = timeout_us // 2
        self._clock = clock
        self._client = AIOKafkaClient(
            client_id="tidemill-engine",
            request_timeout_ms=self.request_timeout_us // 1000,
            retry_backoff_ms=RETRY_US // 1000,
            **address.connection(),
        )
        self._shards = 0
        self._leaders: dict[int, int] = {}
        self._client.cluster.add_listener(self._learn)

    @classmethod
    async def connect(cls, address: KafkaAddress, *, timeout_us: int, clock: Clock) -> Self:
        """Reach any of the brokers. Raises StorageUnavailableError."""
        cluster = cls(address, timeout_us=timeout_us, clock=clock)
        try:
            await cluster._client.bootstrap()
        except (KafkaError, OSError, TimeoutError) as error:
            await cluster.close()
            raise StorageUnavailableError(PART, f"no broker of {address.text} answers: {error}") from error
        # From now on each failure comes to us, who say it once; aiokafka would at each try.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        return cluster

    async def follow_topic(self, shards: int) -> None:
        """Learn who leads the shards of the topic, and keep up with it. Raises StorageUnavailableError."""
        self._shards = shards
        self._client.set_topics([self.topic])
        await self.persist(self._check_leaders)

    async def persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until it succeeds, as long as a request may take. Raises StorageUnavailableError."""
        deadline_us = self._clock.monotonic_us() + self.timeout_us
        failures = 0
        while True:
            try:
                return await attempt()
            except BrokerError as error:
                if not error.is_passing or self._clock.monotonic_us() >= deadline_us:
                    raise StorageUnavailableError(PART, str(error)) from error
            failures += 1
            self.refresh()
            await self._clock.sleep_us(retry_delay_us(failures))

    def leader(self, shard: int) -> int | None:
        """The broker that leads the shard as far as is known; None for none."""
        return self._leaders.get(shard)

    def refresh(self) -> None:
        """Have it asked, in the background, who leads what."""
        self._client.force_metadata_update()

    async def ask(
        self, node: int, request: object, connection: int = Connection.ADMIN, *, timeout_us: int = 0
    ) -> Any:  # noqa: ANN401 - aiokafka's answers have no types
        """The broker's answer to a request. Raises BrokerError."""
        try:
            async with asyncio.timeout((timeout_us or self.timeout_us) / 1_000_000):
                return await self._client.send(node, request, group=connection)
        except BrokerResponseError as error:
            raise BrokerError(str(error), is_passing=error.retriable, code=error.errno) from error
        except KafkaError as error:
            raise BrokerError(str(error), is_passing=error.retriable) from error
        except (OSError, TimeoutError, KeyError) as error:
            # A KeyError: aiokafka closes a connection that is slow, and finds that it is gone already.
            raise BrokerError("the broker does not answer", is_passing=True) from error
        except Exception as error:  # as of an answer that cannot be read: callers wait for some end
            raise BrokerError(f"{type(error).__name__}: {error}", is_passing=False) from error

    async def ask_any(self, request: object) -> Any:  # noqa: ANN401
        """The answer of any broker. Raises BrokerError."""
        return await self.ask(self._any_node(), request)

    async def ask_controller(self, request: object) -> Any:  # noqa: ANN401
        """The answer of the controller, where brokers know one. Raises BrokerError."""
        controller = self._client.cluster.controller
        return await self.ask(self._any_node() if controller is None else controller.nodeId, request)

    async def ask_coordinator(self, group: str, request: object) -> Any:  # noqa: ANN401
        """The answer of the broker that keeps the offsets of a consumer group. Raises BrokerError."""
        found = await self.ask_any(FindCoordinatorRequest(group, CoordinationType.GROUP))
        error = error_of(found.error_code)
        if error is not None:
            raise error
        return await self.ask(found.coordinator_id, request)

    async def close(self) -> None:
        """Close all connections."""
        # A connection that breaks at this very moment has nobody to tell.
        with contextlib.suppress(KafkaError, OSError):
            await self._client.close()

    async def _check_leaders(self) -> None:
        await self._client.force_metadata_update()
        if len(self._leaders) < self._shards:
            raise BrokerError(f"some partitions of {self.topic} have no leader", is_passing=True)

    def _learn(self, metadata: Any) -> None:  # noqa: ANN401
        leaders = {
            shard: metadata.leader_for_partition(TopicPartition(self.topic, shard))
            for shard in range(self._shards)
        }
        self._leaders = {shard: node for shard, node in leaders.items() if node is not None and node >= 0}

    def _any_node(self) -> int:
        node: int | None = self._client.get_random_node()
        if node is None:
            raise BrokerError("no broker is known", is_passing=True)
        return node
