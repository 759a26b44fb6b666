"""Follows shards in Kafka: bounded fetches ahead of their readers, in few requests however many shards."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tidemill.clock import Clock
from tidemill.engine.log.kafka.cluster import (
    PART,
    RETRY_US,
    BrokerError,
    Connection,
    KafkaCluster,
    error_of,
    retry_delay_us,
)
from tidemill.engine.log.kafka.follow import Follow
from tidemill.engine.log.kafka.offsets import extents_of
from tidemill.engine.log.kafka.requests import (
    FETCH_SESSION_ID_NOT_FOUND,
    INVALID_FETCH_SESSION_EPOCH,
    SESSION_EPOCH_NONE,
    SessionFetch,
)
from tidemill.engine.log.kafka.tasks import Tasks
from tidemill.engine.log.port import LogGapError, LogRecord, Wake
from tidemill.engine.settings import Settings
from tidemill.storage import StorageUnavailableError
from tidemill.telemetry.logging import get_logger

# Between long fetches: what several engines append in this time comes in one answer.
PAUSE_US: Final = 2_000
_OFFSET_OUT_OF_RANGE: Final = 1
_EPOCH_MAX: Final = 2**31 - 1
_log = get_logger(__name__)


@dataclass(slots=True)
class Session:
    """What a broker remembers of our fetches: the shards and the offsets that it was told last."""

    id: int = 0
    epoch: int = 0
    told: dict[int, int] = field(default_factory=dict)

    def next(self, session_id: int, offsets: Mapping[int, int], gone: Collection[int]) -> None:
        """The request was answered. A broker without room for sessions answers with none."""
        if session_id == 0:
            self.reset()
            return
        self.id = session_id
        self.epoch = self.epoch % _EPOCH_MAX + 1
        self.told.update(offsets)
        for shard in gone:
            self.told.pop(shard, None)

    def reset(self) -> None:
        """Begin anew."""
        self.id = self.epoch = 0
        self.told.clear()


class Reader:
    """One long fetch at a time from each broker; shards that it does not hold get a short one beside it."""

    def __init__(self, cluster: KafkaCluster, settings: Settings, wake: Wake, *, clock: Clock) -> None:
        """`wake` is called with shards of which there is more to read."""
        self._cluster = cluster
        self._settings = settings
        self._wake = wake
        self._clock = clock
        self._follows: dict[int, Follow] = {}
        self._sessions: dict[int, Session] = {}
        self._polled: dict[int, set[int]] = {}
        self._catching_up: set[int] = set()
        self._resting: set[int] = set()
        self._tasks = Tasks()
        self._failures = 0
        self._fetch_is_due = False

    @property
    def buffered_bytes(self) -> int:
        """What was fetched and not read."""
        return sum(follow.buffered_bytes for follow in self._follows.values())

    def read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        """Take what is there; see the port. A read from elsewhere than the last one's end begins anew."""
        follow = self._follows.get(shard)
        if follow is None or follow.position != offset:
            self._follows[shard] = Follow(shard, offset, offset)
            self._fetch_soon()
            return []
        if follow.failure is not None and not follow.buffer:
            del self._follows[shard]
        was_wanted = self._has_room(follow)
        records = follow.read(limit)
        if not was_wanted and self._has_room(follow):
            self._fetch_soon()
        return records

    def forget(self, shards: Collection[int]) -> None:
        """Follow these no longer."""
        for shard in shards:
            self._follows.pop(shard, None)

    def appended(self, shard: int, base_offset: int, records: Sequence[bytes]) -> None:
        """This process has appended these: a reader who is just there need not fetch them."""
        follow = self._follows.get(shard)
        if follow is not None and self._has_room(follow) and follow.add_own(base_offset, records):
            self._wake([shard])

    async def close(self) -> None:
        """End all fetches."""
        self._follows.clear()
        await self._tasks.close()

    def _fetch_soon(self) -> None:
        """Those who come in one turn of the event loop share a fetch."""
        if not self._fetch_is_due:
            self._fetch_is_due = True
            asyncio.get_running_loop().call_soon(self._fetch)

    def _fetch(self) -> None:
        """Have a fetch under way for each shard that has room."""
        self._fetch_is_due = False
        for node, follows in self._wanted().items():
            polled = self._polled.get(node)
            if node in self._resting:
                continue
            if polled is None:
                self._polled[node] = {follow.shard for follow in follows}
                self._tasks.start(self._poll(node, follows))
            elif node not in self._catching_up:
                missing = [follow for follow in follows if follow.shard not in polled]
                if missing:
                    self._catching_up.add(node)
                    self._tasks.start(self._catch_up(node, missing))

    def _wanted(self) -> dict[int, list[Follow]]:
        wanted: dict[int, list[Follow]] = {}
        homeless = False
        for follow in self._follows.values():
            if not self._has_room(follow):
                continue
            node = self._cluster.leader(follow.shard)
            if node is None:
                homeless = True
            else:
                wanted.setdefault(node, []).append(follow)
        if homeless and _HOMELESS not in self._resting:
            self._cluster.refresh()
            self._rest(_HOMELESS)
        return wanted

    def _has_room(self, follow: Follow) -> bool:
        """A shard whose buffer is empty always has, so that others whom nobody reads cannot hold it up."""
        if follow.failure is not None or follow.is_held:
            return False
        if not follow.buffer:
            return True
        is_long = len(follow.buffer) >= self._settings.log_buffer_records_max
        return not is_long and follow.buffered_bytes < self._share_bytes()

    def _share_bytes(self) -> int:
        """Each shard has its part of the memory, so that none can take that of another."""
        return max(self._settings.log_buffer_bytes_max // max(len(self._follows), 1), 1)

    async def _poll(self, node: int, follows: list[Follow]) -> None:
        session = self._sessions.setdefault(node, Session())
        wanted = {follow.shard: follow for follow in follows}
        offsets = {
            shard: follow.next for shard, follow in wanted.items() if session.told.get(shard) != follow.next
        }
        gone = [shard for shard in session.told if shard not in wanted]
        request = self._request(session, offsets, gone)
        try:
            response = await self._cluster.ask(node, request, Connection.FOLLOW)
            if response.error_code in (FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH):
                session.reset()
                return
            error = error_of(response.error_code)
            if error is not None:
                raise error
            session.next(response.session_id, offsets, gone)
            self._take_up(wanted, response)
            await self._clock.sleep_us(PAUSE_US)
        except BrokerError as error:
            session.reset()
            self._failed(node, error)
        finally:
            del self._polled[node]
            self._fetch_soon()

    async def _catch_up(self, node: int, follows: list[Follow]) -> None:
        wanted = {follow.shard: follow for follow in follows}
        offsets = {shard: follow.next for shard, follow in wanted.items()}
        request = self._request(Session(epoch=SESSION_EPOCH_NONE), offsets, [])
        try:
            response = await self._cluster.ask(node, request, Connection.CATCH_UP)
            error = error_of(response.error_code)
            if error is not None:
                raise error
            self._take_up(wanted, response)
        except BrokerError as error:
            self._failed(node, error)
        finally:
            self._catching_up.discard(node)
            self._fetch_soon()

    def _request(self, session: Session, offsets: Mapping[int, int], gone: list[int]) -> SessionFetch:
        return SessionFetch(
            topic=self._cluster.topic,
            session_id=session.id,
            session_epoch=session.epoch,
            offsets=offsets,
            forgotten=gone,
            wait_ms=min(self._settings.log_fetch_wait_us, self._cluster.request_timeout_us // 2) // 1000,
            bytes_max=self._settings.log_fetch_bytes_max,
            partition_bytes_max=min(self._settings.log_fetch_shard_bytes_max, self._share_bytes()),
        )

    def _take_up(self, wanted: Mapping[int, Follow], response: Any) -> None:  # noqa: ANN401
        """Put what came into the buffers. Raises BrokerError when shards failed."""
        came: list[int] = []
        failed: BrokerError | None = None
        for _, partitions in response.topics:
            for shard, code, _, _, _, _, _, data in partitions:
                follow = wanted.get(shard)
                if follow is None or self._follows.get(shard) is not follow:
                    continue
                if code == _OFFSET_OUT_OF_RANGE:
                    follow.is_held = True
                    self._tasks.start(self._find_gap(follow))
                elif code:
                    failed = error_of(code)
                elif data and self._add(follow, data):
                    came.append(shard)
        if came:
            self._wake(came)
        if failed is not None:
            raise failed
        self._works()

    def _add(self, follow: Follow, data: bytes) -> bool:
        try:
            return follow.add_fetched(data)
        except ValueError as error:
            follow.failure = StorageUnavailableError(PART, str(error))
            return True

    async def _find_gap(self, follow: Follow) -> None:
        """A broker says that it has no such offset: see whether it is so, and tell the reader."""
        try:
            extent = (await extents_of(self._cluster, [follow.shard]))[follow.shard]
            if not extent.first <= follow.next <= extent.next:
                follow.failure = LogGapError(follow.shard, follow.next, first=extent.first, end=extent.next)
                self._wake([follow.shard])
        except BrokerError as error:
            self._failed(_HOMELESS, error)
        finally:
            await self._clock.sleep_us(RETRY_US if follow.failure is None else 0)
            follow.is_held = False
            self._fetch_soon()

    def _failed(self, node: int, error: BrokerError) -> None:
        if not self._failures:
            _log.warning("the command log cannot be read", failure=str(error))
        self._failures += 1
        self._cluster.refresh()
        self._rest(node)

    def _works(self) -> None:
        if self._failures:
            self._failures = 0
            _log.info("the command log can be read again")

    def _rest(self, node: int) -> None:
        self._resting.add(node)
        self._tasks.start(self._go_on(node))

    async def _go_on(self, node: int) -> None:
        await self._clock.sleep_us(retry_delay_us(max(self._failures, 1)))
        self._resting.discard(node)
        self._fetch_soon()


_HOMELESS: Final = -1
