"""The command log in Kafka while its broker dies and stands still: acknowledged is kept, nothing doubled."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import missing_is_told
from tests.contract.log_suite import SHARDS, follow
from tests.contract.log_topics import kafka_settings
from tests.waiting import eventually
from tidemill.engine.log.kafka.log import KafkaLog
from tidemill.engine.settings import Settings
from tidemill.storage import StorageUnavailableError
from tidemill.testing.servers import KafkaServer
from tidemill.testing.servers.kafka import QUICK_START

# Each start of a broker takes seconds.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

CALLERS = 6
RECORDS_A_CALL = 10
CALLS_AFTER = 5


@pytest.fixture(scope="module")
def mortal(servers_data: Path) -> Iterator[KafkaServer]:
    """A broker that tests kill."""
    server = KafkaServer(servers_data / "mortal-kafka", java_options=QUICK_START)
    with missing_is_told():
        server.start()
    yield server
    server.kill()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[KafkaLog]:
    log = await KafkaLog.open(settings)
    try:
        yield log
    finally:
        await log.close()


class Appending:
    """Callers who append over and over, and remember what they were told."""

    def __init__(self, log: KafkaLog) -> None:
        self.log = log
        self.acknowledged: dict[tuple[int, int], bytes] = {}
        self.sent: list[list[tuple[int, bytes]]] = []
        self.calls = 0
        self.failures = 0
        self.longest_seconds = 0.0
        self._stopping = False
        self._tasks = [asyncio.ensure_future(self._append(caller)) for caller in range(CALLERS)]

    async def stop(self) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def more(self, calls: int, *, seconds: float = 40) -> None:
        """Return when so many more calls were acknowledged."""
        target = self.calls + calls
        await eventually(lambda: self.calls >= target, seconds=seconds)

    async def more_failures(self, failures: int) -> None:
        target = self.failures + failures
        await eventually(lambda: self.failures >= target)

    async def _append(self, caller: int) -> None:
        loop = asyncio.get_running_loop()
        number = 0
        while not self._stopping:
            call = [(n % SHARDS, b"%d/%d/%d" % (caller, number, n)) for n in range(RECORDS_A_CALL)]
            self.sent.append(call)
            number += 1
            began = loop.time()
            try:
                offsets = await self.log.append(call)
            except StorageUnavailableError:
                self.failures += 1
                await asyncio.sleep(0.05)
            else:
                self.calls += 1
                for (shard, data), offset in zip(call, offsets, strict=True):
                    self.acknowledged[shard, offset] = data
            self.longest_seconds = max(self.longest_seconds, loop.time() - began)

    async def check(self, log: KafkaLog) -> int:
        """Hold what the log has against what callers were told; how many records nobody was told of."""
        found: dict[tuple[int, int], bytes] = {}
        for shard, extent in (await log.extents()).items():
            for record in await follow(log, shard, 0, extent.next):
                found[shard, record.offset] = record.data
        assert self.acknowledged.items() <= found.items()
        assert len(set(found.values())) == len(found), "a record stands twice"
        place = {data: (shard, offset) for (shard, offset), data in found.items()}
        for call in self.sent:
            by_shard: dict[int, list[bytes]] = defaultdict(list)
            for shard, data in call:
                by_shard[shard].append(data)
            for records in by_shard.values():
                offsets = [place[data][1] for data in records if data in place]
                assert all(data in place for data in records[: len(offsets)]), (
                    "a record stands without its first"
                )
                if offsets:
                    assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))
        return len(found) - len(self.acknowledged)


async def test_kills_during_appends_lose_double_and_disorder_nothing(mortal: KafkaServer) -> None:
    settings = kafka_settings(mortal.bootstrap, log_append_timeout_us=40_000_000)
    async with opened(settings) as log:
        appending = Appending(log)
        for _ in range(2):
            await appending.more(20)
            mortal.kill()
            await asyncio.to_thread(mortal.start)
        await appending.more(20)
        await appending.stop()
        assert appending.failures == 0
        assert await appending.check(log) == 0


async def test_a_broker_that_is_away_longer_than_callers_wait_is_said_and_forgiven(
    mortal: KafkaServer,
) -> None:
    settings = kafka_settings(mortal.bootstrap, log_append_timeout_us=1_000_000)
    async with opened(settings) as log:
        appending = Appending(log)
        await appending.more(20)
        assert await log.read(0, 0, 1) == []
        mortal.kill()
        await appending.more_failures(2 * CALLERS)
        with pytest.raises(StorageUnavailableError):
            await log.extents()
        with pytest.raises(StorageUnavailableError):
            await log.identity()
        await log.report_applied({0: 1})
        await asyncio.to_thread(mortal.start)
        await appending.more(CALLS_AFTER * CALLERS)
        await appending.stop()
        assert appending.longest_seconds < 5
        assert await appending.check(log) >= 0
    async with opened(settings) as again:
        await appending.check(again)


async def test_a_broker_that_stands_still_is_said_and_late_writes_stay_in_order(mortal: KafkaServer) -> None:
    settings = kafka_settings(mortal.bootstrap, log_append_timeout_us=700_000, log_batch_bytes_max=100)
    async with opened(settings) as log:
        appending = Appending(log)
        for _ in range(3):
            await appending.more(10)
            mortal.suspend()
            await appending.more_failures(CALLERS + 1)
            mortal.resume()
        await appending.more(CALLS_AFTER * CALLERS)
        await appending.stop()
        assert appending.longest_seconds < 5
        await appending.check(log)


async def test_what_is_sent_again_to_a_broker_that_stood_still_is_there_once(mortal: KafkaServer) -> None:
    settings = kafka_settings(mortal.bootstrap, log_append_timeout_us=4_000_000)
    async with opened(settings) as log:
        appending = Appending(log)
        for _ in range(2):
            await appending.more(10)
            mortal.suspend()
            # Requests are given up after half of the time, and repeated: the broker then finds both.
            await asyncio.sleep(2.6)
            mortal.resume()
        await appending.more(10)
        await appending.stop()
        assert appending.failures == 0
        assert appending.longest_seconds > 2
        assert await appending.check(log) == 0


async def test_kills_between_appends_are_not_noticed(mortal: KafkaServer) -> None:
    async with opened(kafka_settings(mortal.bootstrap)) as log:
        assert await log.append([(0, b"a"), (1, b"b")]) == [0, 0]
        assert len(await follow(log, 0, 0, 1)) == 1
        before = await log.identity()
        mortal.kill()
        await asyncio.to_thread(mortal.start)
        assert await log.append([(0, b"c"), (1, b"d")]) == [1, 1]
        assert [record.data for record in await follow(log, 0, 1, 1)] == [b"c"]
        assert await log.identity() == before
