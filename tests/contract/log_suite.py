"""What every command log must do. An implementation's test module subclasses this and gives a `log`."""

import asyncio
import time
from collections.abc import Collection

import pytest

from tests.waiting import eventually
from tidemill.engine.log.port import CommandLog, Extent, LogGapError, LogRecord

SHARDS = 4


async def follow(log: CommandLog, shard: int, offset: int, count: int) -> list[LogRecord]:
    """Read on until `count` records have come: what a read has to fetch is not there at once."""
    records: list[LogRecord] = []

    async def complete() -> bool:
        start = records[-1].offset + 1 if records else offset
        records.extend(await log.read(shard, start, count - len(records)))
        return len(records) >= count

    await eventually(complete)
    return records


async def fall_into_gap(log: CommandLog, shard: int, offset: int) -> None:
    """Read until the log says that it has no such offset."""

    async def read() -> bool:
        assert await log.read(shard, offset, 10) == []
        return False

    with pytest.raises(LogGapError, match=f"offset {offset} is outside"):
        await eventually(read)


class LogSuite:
    """The contract of CommandLog as tests."""

    async def test_offsets_of_a_shard_begin_at_zero_and_grow_without_gaps(self, log: CommandLog) -> None:
        assert await log.append([(0, b"a"), (1, b"b"), (0, b"c")]) == [0, 0, 1]
        assert await log.append([(0, b"d"), (1, b"e")]) == [2, 1]

    async def test_reads_come_back_in_order_and_bounded(self, log: CommandLog) -> None:
        await log.append([(2, bytes([number])) for number in range(10)])
        assert await log.read(2, 10, 4) == []
        records = await follow(log, 2, 3, 4)
        assert [(record.offset, record.data) for record in records] == [
            (number, bytes([number])) for number in range(3, 7)
        ]

    async def test_a_read_at_the_end_is_empty(self, log: CommandLog) -> None:
        await log.append([(1, b"a")])
        assert await log.read(1, 1, 10) == []
        assert await log.read(3, 0, 10) == []

    async def test_a_read_past_the_end_is_a_gap(self, log: CommandLog) -> None:
        await fall_into_gap(log, 0, 1)
        assert await log.read(0, 0, 10) == []

    async def test_a_read_below_what_was_trimmed_is_a_gap(self, log: CommandLog) -> None:
        await log.append([(0, b"x")] * 5)
        await log.trim(0, 3)
        await fall_into_gap(log, 0, 2)
        assert [record.offset for record in await follow(log, 0, 3, 2)] == [3, 4]

    async def test_trimming_everything_keeps_the_next_offset(self, log: CommandLog) -> None:
        await log.append([(0, b"x")] * 3)
        await log.trim(0, 99)
        assert await log.append([(0, b"y")]) == [3]
        assert [record.data for record in await follow(log, 0, 3, 1)] == [b"y"]

    async def test_trimming_what_is_trimmed_changes_nothing(self, log: CommandLog) -> None:
        await log.append([(0, b"x")] * 3)
        for before_offset in (2, 1, 0):
            await log.trim(0, before_offset)
        assert (await log.extents())[0] == Extent(2, 3)

    @pytest.mark.parametrize("before_offset", [-1, -9_999])
    async def test_trimming_below_the_first_offset_forgets_nothing(
        self, log: CommandLog, before_offset: int
    ) -> None:
        # A margin behind an offset near the beginning. To Kafka, -1 would mean everything.
        await log.append([(0, b"x")] * 3)
        await log.trim(0, before_offset)
        assert (await log.extents())[0] == Extent(0, 3)

    async def test_nothing_may_be_appended(self, log: CommandLog) -> None:
        assert await log.append([]) == []

    async def test_records_may_be_empty_and_large(self, log: CommandLog) -> None:
        records = [b"", bytes(range(256)) * 4096, b"", b"x" * 3_000_000, b"end"]
        await log.append([(1, data) for data in records])
        assert [record.data for record in await follow(log, 1, 0, len(records))] == records

    async def test_a_call_stands_together_in_each_shard(self, log: CommandLog) -> None:
        def call(name: int) -> list[tuple[int, bytes]]:
            return [(number % 3, b"%d.%d" % (name, number)) for number in range(30)]

        answers = await asyncio.gather(*(log.append(call(name)) for name in range(40)))
        for shard in range(3):
            records = await follow(log, shard, 0, 400)
            for name, offsets in enumerate(answers):
                mine = offsets[shard::3]
                assert mine == list(range(mine[0], mine[0] + 10))
                assert [records[offset].data for offset in mine] == [
                    data for to, data in call(name) if to == shard
                ]

    async def test_concurrent_appends_each_get_their_own_offsets(self, log: CommandLog) -> None:
        answers = await asyncio.gather(*(log.append([(0, b"a"), (0, b"b")]) for _ in range(50)))
        assert sorted(offset for answer in answers for offset in answer) == list(range(100))

    async def test_a_reader_who_follows_sees_all_in_order(self, log: CommandLog) -> None:
        seen: list[int] = []
        for _ in range(20):
            await asyncio.gather(*(log.append([(0, b"x")]) for _ in range(7)))
            seen.extend(record.offset for record in await follow(log, 0, len(seen), 7))
        assert seen == list(range(140))

    async def test_a_reader_beside_many_writers_misses_no_offset(self, log: CommandLog) -> None:
        """Appends that meet one under way, at every turn of the loop, come to the reader in their order."""

        async def write(first: int) -> None:
            for number in range(first, first + 40):
                await log.append([(0, str(number).encode()), (number % SHARDS, b"beside")])
                for _ in range(number % 7):
                    await asyncio.sleep(0)
                # Now and then the loop is busy, and finds several answers when it comes back.
                time.sleep(0.003 * (number % 5 == 0))  # noqa: ASYNC251

        writing = [asyncio.create_task(write(100 * writer)) for writer in range(8)]
        records = await follow(log, 0, 0, 8 * 40)
        await asyncio.gather(*writing)
        assert [record.offset for record in records] == list(range(8 * 40))

    async def test_wakes_after_each_append(self, log: CommandLog) -> None:
        woken: asyncio.Queue[Collection[int]] = asyncio.Queue()
        log.on_append(woken.put_nowait)
        for shard in (0, 1):
            assert await log.read(shard, 0, 10) == []
            await log.append([(shard, b"a")])
            assert list(await asyncio.wait_for(woken.get(), 10)) == [shard]
            assert [record.data for record in await log.read(shard, 0, 10)] == [b"a"]

    async def test_extents_tell_what_the_log_holds(self, log: CommandLog) -> None:
        await log.append([(0, b"a"), (0, b"b"), (3, b"c")])
        await log.trim(0, 1)
        assert dict(await log.extents()) == {
            0: Extent(1, 2),
            1: Extent(0, 0),
            2: Extent(0, 0),
            3: Extent(0, 1),
        }

    async def test_a_shard_that_was_forgotten_is_read_from_anywhere(self, log: CommandLog) -> None:
        await log.append([(0, bytes([number])) for number in range(6)])
        assert [record.offset for record in await follow(log, 0, 3, 2)] == [3, 4]
        log.forget([0, 1])
        assert [record.offset for record in await follow(log, 0, 1, 2)] == [1, 2]

    async def test_the_identity_stays(self, log: CommandLog) -> None:
        before = await log.identity()
        await log.append([(0, b"a")])
        assert await log.identity() == before

    async def test_what_is_applied_may_be_told(self, log: CommandLog) -> None:
        await log.append([(0, b"a")])
        await log.report_applied({0: 1, 1: 0})

    async def test_an_appender_that_goes_away_hides_nothing(self, log: CommandLog) -> None:
        appending = asyncio.ensure_future(log.append([(0, b"a")]))
        await asyncio.sleep(0)
        appending.cancel()
        offset = (await log.append([(0, b"b")]))[0]
        records = await follow(log, 0, 0, offset + 1)
        assert [record.offset for record in records] == list(range(offset + 1))
        assert records[-1].data == b"b"
