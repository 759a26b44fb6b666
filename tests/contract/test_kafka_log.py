"""The command log in Kafka beyond the suite: its topic, limits, several engines, and what goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.contract.log_suite import fall_into_gap, follow
from tests.contract.log_topics import Topics, kafka_settings, topic_of
from tests.waiting import eventually
from tidemill.engine.log.kafka.log import KafkaLog
from tidemill.engine.log.kafka.topic import BATCH_OVERHEAD_BYTES, topic_settings
from tidemill.engine.log.port import Extent
from tidemill.engine.settings import Settings
from tidemill.errors import InvalidRequestError, OverloadedError, TooLargeError
from tidemill.storage import StorageUnavailableError


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[KafkaLog]:
    log = await KafkaLog.open(settings)
    try:
        yield log
    finally:
        await log.close()


async def test_a_topic_with_another_number_of_partitions_is_refused(kafka_bootstrap: str) -> None:
    settings = kafka_settings(kafka_bootstrap, shards=3)
    async with opened(settings):
        pass
    other = kafka_settings(kafka_bootstrap, shards=5, log_url=settings.log_url)
    with pytest.raises(InvalidRequestError, match="has 3 partitions, and the engine 5 shards"):
        await KafkaLog.open(other)


async def test_a_topic_of_ours_is_opened_again(kafka_bootstrap: str) -> None:
    settings = kafka_settings(kafka_bootstrap)
    async with opened(settings) as log:
        await log.append([(1, b"a")])
    async with opened(settings) as log:
        assert await log.append([(1, b"b")]) == [1]
        assert [record.data for record in await follow(log, 1, 0, 2)] == [b"a", b"b"]


@pytest.mark.parametrize(
    ("configs", "sentence"),
    [
        ({"flush.messages": "1000"}, "flush.messages is 1000, and a single replica needs 1"),
        ({"retention.ms": "604800000"}, "retention.ms is 604800000, and must be -1"),
        ({"retention.bytes": "1000000"}, "retention.bytes is 1000000, and must be -1"),
        ({"cleanup.policy": "compact"}, "cleanup.policy is compact, and must be delete"),
        ({"max.message.bytes": "1048588"}, "max.message.bytes is 1048588, and must be at least 4259840"),
    ],
)
async def test_a_topic_that_does_not_keep_what_it_takes_is_refused(
    kafka_bootstrap: str, configs: dict[str, str], sentence: str
) -> None:
    settings = kafka_settings(kafka_bootstrap)
    async with Topics(kafka_bootstrap) as topics:
        await topics.create(topic_of(settings), settings.shards, {**topic_settings(settings), **configs})
    with pytest.raises(InvalidRequestError, match=f"does not keep what it acknowledges: {sentence}$"):
        await KafkaLog.open(settings)
    weak = kafka_settings(kafka_bootstrap, log_url=settings.log_url, allow_weak_log=True)
    async with opened(weak) as log:
        assert await log.identity()


async def test_more_replicas_than_brokers_are_refused_by_the_setting_s_name(kafka_bootstrap: str) -> None:
    settings = kafka_settings(kafka_bootstrap, log_replication_factor=3)
    with pytest.raises(InvalidRequestError, match="cannot be made") as refused:
        await KafkaLog.open(settings)
    assert refused.value.metadata["field"] == "log_replication_factor"


async def test_no_broker_is_said_without_the_password() -> None:
    settings = kafka_settings("nobody:secret@127.0.0.1:9")
    with pytest.raises(StorageUnavailableError, match=r"no broker of 127\.0\.0\.1:9/test-") as refused:
        await KafkaLog.open(settings)
    assert "secret" not in str(refused.value)


async def test_a_topic_made_anew_has_another_identity_and_its_readers_fall_into_a_gap(
    kafka_bootstrap: str,
) -> None:
    settings = kafka_settings(kafka_bootstrap)
    async with opened(settings) as log, Topics(kafka_bootstrap) as topics:
        await log.append([(0, b"a")] * 5)
        assert len(await follow(log, 0, 0, 5)) == 5
        before = await log.identity()
        await topics.delete(topic_of(settings))
        async with opened(settings) as other:
            assert await other.identity() != before
        assert await log.identity() != before
        await fall_into_gap(log, 0, 5)


async def test_two_engines_see_each_other_s_records(kafka_bootstrap: str) -> None:
    settings = kafka_settings(kafka_bootstrap)
    async with opened(settings) as one, opened(settings) as two:
        woken = asyncio.Event()
        two.on_append(lambda _: woken.set())
        assert await two.read(0, 0, 10) == []
        for number in range(20):
            woken.clear()
            assert await one.append([(0, b"%d" % number)]) == [2 * number]
            await asyncio.wait_for(woken.wait(), 10)
            assert [record.offset for record in await two.read(0, 2 * number, 10)] == [2 * number]
            assert await two.append([(0, b"answer")]) == [2 * number + 1]
            assert len(await follow(two, 0, 2 * number + 1, 1)) == 1
        records = await follow(one, 0, 0, 40)
        assert [record.data for record in records[::2]] == [b"%d" % number for number in range(20)]


async def test_thousands_of_concurrent_appends_get_their_own_offsets(kafka_bootstrap: str) -> None:
    async with opened(kafka_settings(kafka_bootstrap)) as log:
        calls = [[(number % 4, b"%d" % number), ((number + 1) % 4, b"-")] for number in range(3_000)]
        answers = await asyncio.gather(*(log.append(call) for call in calls))
        places = {
            (shard, offset)
            for call, offsets in zip(calls, answers, strict=True)
            for (shard, _), offset in zip(call, offsets, strict=True)
        }
        assert places == {(shard, offset) for shard in range(4) for offset in range(1_500)}
        for shard in range(4):
            data = {record.offset: record.data for record in await follow(log, shard, 0, 1_500)}
            for call, offsets in zip(calls, answers, strict=True):
                if call[0][0] == shard:
                    assert data[offsets[0]] == call[0][1]


async def test_what_nobody_reads_is_bounded_and_holds_up_nobody(kafka_bootstrap: str) -> None:
    limits = {"log_buffer_records_max": 50, "log_fetch_shard_bytes_max": 4_096, "log_batch_bytes_max": 2_048}
    async with opened(kafka_settings(kafka_bootstrap, **limits)) as log:
        assert await log.read(0, 0, 1) == []
        for number in range(40):
            await log.append([(0, b"%d" % number * 50)] * 25)
            await log.append([(1, b"x")])
        assert len(await follow(log, 1, 0, 40)) == 40
        buffered = log._reader.buffered_bytes
        assert 0 < buffered <= 50 * 100 + 4_096
        assert len(await follow(log, 0, 0, 1_000)) == 1_000


async def test_a_reader_who_was_behind_goes_on_through_what_is_appended_meanwhile(
    kafka_bootstrap: str,
) -> None:
    async with opened(kafka_settings(kafka_bootstrap, log_buffer_records_max=8)) as log:
        seen: list[bytes] = []

        async def append_all() -> None:
            for number in range(60):
                await log.append([(2, b"%d" % (number * 10 + index)) for index in range(10)])

        appending = asyncio.ensure_future(append_all())

        async def read_some() -> bool:
            for limit in (1, 3, 20):
                seen.extend(record.data for record in await log.read(2, len(seen), limit))
            return len(seen) == 600

        await eventually(read_some)
        await appending
        assert seen == [b"%d" % number for number in range(600)]


async def test_what_is_forgotten_in_the_midst_of_a_fetch_leaves_nothing_behind(kafka_bootstrap: str) -> None:
    async with opened(kafka_settings(kafka_bootstrap)) as log:
        await log.append([(0, b"%d" % number) for number in range(100)])
        for start in (0, 50, 10):
            assert await log.read(0, start, 1) == []
            await asyncio.sleep(0)
            log.forget([0])
        assert [record.offset for record in await follow(log, 0, 30, 5)] == list(range(30, 35))
        log.forget([0])
        assert log._reader.buffered_bytes == 0


async def test_records_that_are_too_large_are_refused_before_anything_is_appended(
    kafka_bootstrap: str,
) -> None:
    settings = kafka_settings(kafka_bootstrap, log_record_bytes_max=1_000_000)
    async with opened(settings) as log:
        with pytest.raises(TooLargeError) as refused:
            await log.append([(0, b"small"), (0, b"x" * 1_000_001)])
        assert refused.value.metadata["limit"] == "log_record_bytes_max"
        assert await log.append([(0, bytes(range(250)) * 4_000)]) == [0]
    assert int(topic_settings(settings)["max.message.bytes"]) == 1_000_000 + BATCH_OVERHEAD_BYTES


async def test_what_waits_is_bounded(kafka_bootstrap: str) -> None:
    limits = {"log_append_records_max": 20, "log_append_bytes_max": 10_000}
    async with opened(kafka_settings(kafka_bootstrap, **limits)) as log:
        answers = await asyncio.gather(
            *(log.append([(0, b"x")] * 5) for _ in range(10)), return_exceptions=True
        )
        assert answers[:4] == [list(range(5 * n, 5 * n + 5)) for n in range(4)]
        assert all(isinstance(answer, OverloadedError) for answer in answers[4:])
        large = await asyncio.gather(
            *(log.append([(1, b"x" * 6_000)]) for _ in range(2)), return_exceptions=True
        )
        assert large[0] == [0]
        assert isinstance(large[1], OverloadedError)
        assert large[1].metadata["limit"] == "log_append_bytes_max"
        # One that is larger than all that may wait is taken alone.
        assert await log.append([(2, b"x")] * 100) == list(range(100))


async def test_callers_who_go_away_break_nothing(kafka_bootstrap: str) -> None:
    async with opened(kafka_settings(kafka_bootstrap)) as log:
        for turns in range(8):
            leaving = [asyncio.ensure_future(log.append([(0, b"gone")] * 3)) for _ in range(20)]
            staying = [asyncio.ensure_future(log.append([(0, b"%d" % n)] * 3)) for n in range(20)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in leaving:
                task.cancel()
            answers = await asyncio.gather(*staying)
            end = (await log.extents())[0].next
            data = {record.offset: record.data for record in await follow(log, 0, 0, end)}
            for number, offsets in enumerate(answers):
                assert offsets == list(range(offsets[0], offsets[0] + 3))
                assert [data[offset] for offset in offsets] == [b"%d" % number] * 3
        assert log._producer._waiting_records == log._producer._waiting_bytes == 0


async def test_a_producer_that_the_broker_refuses_begins_a_new_epoch(kafka_bootstrap: str) -> None:
    async with opened(kafka_settings(kafka_bootstrap)) as log:
        await log.append([(0, b"a")])
        log._producer._lanes[0].sequence += 7
        with pytest.raises(StorageUnavailableError, match="OUT_OF_ORDER_SEQUENCE"):
            await log.append([(0, b"lost")])
        assert await log.append([(0, b"b"), (1, b"c")]) == [1, 0]
        assert log._producer._lanes[0].epoch == 1
        # Another process was given our identity and an epoch above ours.
        log._producer._lanes[0].epoch = 0
        with pytest.raises(StorageUnavailableError, match="INVALID_PRODUCER_EPOCH"):
            await log.append([(0, b"lost")])
        log._producer._lanes[0].producer_id = -1
        assert await log.append([(0, b"d")]) == [2]
        assert [record.data for record in await follow(log, 0, 0, 3)] == [b"a", b"b", b"d"]


async def test_a_closed_log_takes_nothing(kafka_bootstrap: str) -> None:
    log = await KafkaLog.open(kafka_settings(kafka_bootstrap))
    appending = [asyncio.ensure_future(log.append([(0, b"a")])) for _ in range(3)]
    await asyncio.sleep(0)
    await log.close()
    assert await asyncio.gather(*appending) == [[0], [1], [2]]
    with pytest.raises(StorageUnavailableError, match="closed"):
        await log.append([(0, b"b")])


async def test_trimming_above_the_end_deletes_what_is_there_alone(kafka_bootstrap: str) -> None:
    async with opened(kafka_settings(kafka_bootstrap)) as log:
        await log.append([(3, b"a")] * 4)
        await log.trim(3, 1_000_000)
        await log.append([(3, b"b")])
        assert (await log.extents())[3] == Extent(4, 5)


async def test_what_is_applied_is_the_group_s_committed_offset(kafka_bootstrap: str) -> None:
    settings = kafka_settings(kafka_bootstrap)
    group = f"tidemill-{topic_of(settings)}"
    async with opened(settings) as one, opened(settings) as two, Topics(kafka_bootstrap) as topics:
        await one.append([(0, b"a")] * 5 + [(1, b"b")] * 5)

        async def told() -> bool:
            # The broker may have to make its own topic for offsets first; then it refuses, which is logged.
            await one.report_applied({0: 3})
            await two.report_applied({1: 4})
            return await topics.committed(group) == {0: 3, 1: 4}

        await eventually(told)
