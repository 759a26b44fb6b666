"""Appends to Kafka: idempotent and in order; while a broker answers one request the next is collected."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest

from tidemill.clock import Clock
from tidemill.engine.log.kafka.batches import CODECS, EPOCH_MAX, Batch, BatchForm, Call, Lane, Moment, split
from tidemill.engine.log.kafka.cluster import (
    PART,
    BrokerError,
    Connection,
    KafkaCluster,
    error_of,
    retry_delay_us,
    unavailable,
)
from tidemill.engine.log.kafka.tasks import Tasks
from tidemill.engine.settings import Settings
from tidemill.errors import OverloadedError, TooLargeError
from tidemill.storage import StorageUnavailableError
from tidemill.telemetry import names
from tidemill.telemetry.logging import get_logger
from tidemill.telemetry.metrics import Metrics

REQUEST_BYTES_MAX: Final = 16 * 1024 * 1024
_ALL_REPLICAS: Final = -1
_TRANSACTION_TIMEOUT_MS: Final = 2**31 - 1
_OVERHEAD_BYTES: Final = 64

_log = get_logger(__name__)

# A broker, and one of the connections to it.
Way = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a broker said to a batch: where it stands, or why it does not."""

    offset: int = -1
    error: BrokerError | None = None


class Producer:
    """Collects what callers append, and sends each broker all that waits once it has answered the last."""

    def __init__(
        self,
        cluster: KafkaCluster,
        settings: Settings,
        appended: Callable[[int, int, Sequence[bytes]], None],
        *,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """`appended` is told (shard, first offset, records) of each batch, before its callers are."""
        self._cluster = cluster
        self._settings = settings
        self._appended = appended
        self._clock = clock
        self._form = BatchForm(CODECS[settings.log_compression], settings.log_batch_bytes_max)
        self._lanes = [Lane(shard) for shard in range(settings.shards)]
        self._ready: dict[int, Lane] = {}
        self._busy: set[Way] = set()
        self._tasks = Tasks()
        self._waiting_records = 0
        self._waiting_bytes = 0
        self._calls: set[Call] = set()
        self._closed = False
        self._kick_is_due = False
        self._failing = False
        self._latency = metrics.distribution(names.ENGINE_LOG_APPEND_LATENCY)
        self._sizes = metrics.distribution(names.ENGINE_LOG_BATCH_RECORDS)
        self._failures = metrics.counter(names.ENGINE_LOG_APPEND_FAILURES)

    async def open(self) -> None:
        """Get an identity from the brokers. Raises BrokerError."""
        await self._identify(self._lanes)

    async def append(self, records: Sequence[tuple[int, bytes]]) -> list[int]:
        """Append (shard, data) pairs; see the port.

        Raises StorageUnavailableError, OverloadedError and TooLargeError; after the latter two nothing was
        appended.
        """
        if not records:
            return []
        size = sum(len(data) for _, data in records) + _OVERHEAD_BYTES * len(records)
        self._check(records, size)
        began_us = self._clock.monotonic_us()
        call = self._new_call(len(records), began_us)
        self._waiting_records += len(records)
        self._waiting_bytes += size
        self._calls.add(call)
        try:
            for shard, part in split(call, records).items():
                self._lanes[shard].parts.append(part)
                self._offer(self._lanes[shard])
            offsets = await call.answer
        finally:
            self._calls.discard(call)
            self._waiting_records -= len(records)
            self._waiting_bytes -= size
        self._latency.observe((self._clock.monotonic_us() - began_us) / 1_000_000)
        return offsets

    async def close(self) -> None:
        """Take nothing more, and wait for what is under way, as long as an append may take."""
        self._closed = True
        answers = [call.answer for call in self._calls]
        if answers:
            await asyncio.wait(answers)
        await self._tasks.close()

    def _new_call(self, count: int, now_us: int) -> Call:
        answer: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        return Call(now_us + self._settings.log_append_timeout_us, [-1] * count, count, answer)

    def _check(self, records: Sequence[tuple[int, bytes]], size: int) -> None:
        settings = self._settings
        if self._closed:
            raise StorageUnavailableError(PART, "it is closed")
        longest = max(len(data) for _, data in records)
        if longest > settings.log_record_bytes_max:
            raise TooLargeError(
                "log_record_bytes_max", limit_value=settings.log_record_bytes_max, actual=longest
            )
        # One call is always taken when nothing else waits, however large it is.
        if self._calls and self._waiting_records + len(records) > settings.log_append_records_max:
            raise self._overloaded("log_append_records_max", settings.log_append_records_max)
        if self._calls and self._waiting_bytes + size > settings.log_append_bytes_max:
            raise self._overloaded("log_append_bytes_max", settings.log_append_bytes_max)

    def _overloaded(self, limit: str, limit_value: int) -> OverloadedError:
        return OverloadedError(
            limit, limit_value=limit_value, retry_delay_us=self._settings.overload_retry_delay_us
        )

    def _offer(self, lane: Lane) -> None:
        """The lane has something to send; those of one turn of the event loop go out together."""
        if lane.batch is None and lane.parts:
            self._ready[lane.shard] = lane
            self._kick_soon()

    def _kick_soon(self) -> None:
        if not self._kick_is_due:
            self._kick_is_due = True
            asyncio.get_running_loop().call_soon(self._kick)

    def _kick(self) -> None:
        """Send to each broker that is free what is ready for it."""
        self._kick_is_due = False
        ready: dict[Way, list[Lane]] = {}
        homeless = []
        for lane in self._ready.values():
            node = self._cluster.leader(lane.shard)
            if node is None:
                homeless.append(lane)
                continue
            way = (node, Connection.APPEND + lane.shard % self._settings.log_connections_a_broker)
            if way not in self._busy:
                ready.setdefault(way, []).append(lane)
        for way, lanes in ready.items():
            self._send(way, lanes)
        if homeless:
            self._hold(homeless)

    def _send(self, way: Way, lanes: list[Lane]) -> None:
        if any(lane.producer_id < 0 for lane in lanes):
            self._busy.add(way)
            self._tasks.start(self._renew(way, lanes))
            return
        now = Moment(self._clock.monotonic_us(), self._clock.now_us() // 1000)
        batches: dict[int, Batch] = {}
        size = 0
        for lane in lanes:
            if size >= REQUEST_BYTES_MAX:
                break
            del self._ready[lane.shard]
            batch = lane.batch or lane.cut(self._form, now)
            if batch is not None:
                batches[lane.shard] = batch
                size += len(batch.encoded)
        if batches:
            self._busy.add(way)
            self._tasks.start(self._exchange(way, batches))

    async def _exchange(self, way: Way, batches: dict[int, Batch]) -> None:
        answers = await self._ask(way, batches)
        self._busy.discard(way)
        held = []
        for shard, batch in batches.items():
            if not self._settle(self._lanes[shard], batch, answers.get(shard, _NO_ANSWER)):
                held.append(self._lanes[shard])
        if held:
            self._hold(held)
        # Soon, not now: callers who were just answered may have more, which then goes out with the rest.
        if self._ready:
            self._kick_soon()

    async def _ask(self, way: Way, batches: dict[int, Batch]) -> dict[int, Answer]:
        left_us = min(batch.deadline_us for batch in batches.values()) - self._clock.monotonic_us()
        request = ProduceRequest(
            None,
            _ALL_REPLICAS,
            self._cluster.request_timeout_us // 1000,
            [(self._cluster.topic, [(shard, batch.encoded) for shard, batch in batches.items()])],
        )
        try:
            response = await self._cluster.ask(way[0], request, way[1], timeout_us=max(left_us, 1))
        except BrokerError as error:
            return dict.fromkeys(batches, Answer(error=error))
        return {
            shard: Answer(offset, error_of(code))
            for _, partitions in response.topics
            for shard, code, offset, *_ in partitions
        }

    def _settle(self, lane: Lane, batch: Batch, answer: Answer) -> bool:
        """Act on what became of a batch; whether the lane may go on at once."""
        if answer.error is None and answer.offset >= 0:
            self._sizes.observe(batch.count)
            lane.written()
            self._say(None)
            self._appended(lane.shard, answer.offset, batch.records())
            batch.deliver(answer.offset)
            self._offer(lane)
            return True
        error = answer.error or BrokerError("the broker knows the batch, and not where", is_passing=False)
        if error.is_passing and batch.deadline_us > self._clock.monotonic_us():
            return False
        self._failures.add()
        self._say(error)
        batch.fail(unavailable(error))
        lane.lost()
        if lane.epoch > EPOCH_MAX:
            lane.producer_id = -1
        self._offer(lane)
        return True

    def _say(self, error: BrokerError | None) -> None:
        if error is not None and not self._failing:
            _log.warning("the command log cannot be written to", failure=str(error))
        elif error is None and self._failing:
            _log.info("the command log can be written to again")
        self._failing = error is not None

    def _hold(self, lanes: list[Lane]) -> None:
        """Try again in a moment, at whoever leads the shards then."""
        for lane in lanes:
            self._ready.pop(lane.shard, None)
            lane.failures += 1
        self._cluster.refresh()
        self._tasks.start(self._release(lanes))

    async def _release(self, lanes: list[Lane]) -> None:
        await self._clock.sleep_us(retry_delay_us(max(lane.failures for lane in lanes)))
        now_us = self._clock.monotonic_us()
        for lane in lanes:
            lane.expire(now_us)
            if lane.batch is not None and lane.batch.deadline_us <= now_us:
                self._settle(lane, lane.batch, _NO_ANSWER)
            elif lane.batch is not None or lane.parts:
                self._ready[lane.shard] = lane
        self._kick_soon()

    async def _renew(self, way: Way, lanes: list[Lane]) -> None:
        try:
            await self._identify([lane for lane in lanes if lane.producer_id < 0])
        except BrokerError:
            self._hold(lanes)
        self._busy.discard(way)
        self._kick_soon()

    async def _identify(self, lanes: Sequence[Lane]) -> None:
        """Get a producer id, and begin with it on these lanes. Raises BrokerError."""
        response = await self._cluster.ask_any(InitProducerIdRequest(None, _TRANSACTION_TIMEOUT_MS))
        error = error_of(response.error_code)
        if error is not None:
            raise error
        for lane in lanes:
            lane.producer_id, lane.epoch, lane.sequence = response.producer_id, response.producer_epoch, 0


_NO_ANSWER: Final = Answer(error=BrokerError("the broker does not answer", is_passing=True))
