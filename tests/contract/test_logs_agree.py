"""The log in memory is the oracle: random work gives the same answers from a file and from Kafka."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.contract.log_suite import SHARDS, fall_into_gap, follow
from tests.contract.log_topics import kafka_settings
from tidemill.engine.log.kafka.log import KafkaLog
from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.log.port import CommandLog, LogGapError
from tidemill.engine.log.sqlite import SqliteLog

Step = tuple[str, int]
OPERATIONS = ("append", "append_together", "read_on", "read_anywhere", "trim", "forget", "extents", "tell")
STEPS = st.lists(
    st.tuples(st.sampled_from((*OPERATIONS, *["append"] * 4, *["read_on"] * 6)), st.integers(0, 10_000)),
    max_size=40,
)
# Whatever chance brings, each operation succeeds in this one.
WALK: list[Step] = [(name, seed) for seed in range(8) for name in OPERATIONS]


class Logs:
    """Does the same to the oracle and to the logs that are tried, and compares what they answer."""

    def __init__(self, tried: list[CommandLog]) -> None:
        self.oracle = MemoryLog(SHARDS)
        self.tried = tried
        self._positions = dict.fromkeys(range(SHARDS), 0)

    async def step(self, name: str, seed: int) -> bool:
        """Do it; whether there was anything to do."""
        chance = random.Random(seed)
        steps: dict[str, Callable[[random.Random], Awaitable[bool]]] = {
            "append": self._append,
            "append_together": self._append_together,
            "read_on": self._read_on,
            "read_anywhere": self._read_anywhere,
            "trim": self._trim,
            "forget": self._forget,
            "extents": self._extents,
            "tell": self._tell,
        }
        return await steps[name](chance)

    async def _append(self, chance: random.Random) -> bool:
        records = _records(chance)
        expected = await self.oracle.append(records)
        for log in self.tried:
            assert await log.append(records) == expected
        return bool(records)

    async def _append_together(self, chance: random.Random) -> bool:
        """Several callers at once, each to a shard of its own: who comes first does not matter."""
        calls = [[(shard, b"%d" % chance.randrange(9)) for _ in range(3)] for shard in range(SHARDS)]
        expected = [await self.oracle.append(call) for call in calls]
        for log in self.tried:
            assert await asyncio.gather(*(log.append(call) for call in calls)) == expected
        return True

    async def _read_on(self, chance: random.Random) -> bool:
        shard = chance.randrange(SHARDS)
        return await self._read(shard, self._positions[shard], chance.randrange(1, 12))

    async def _read_anywhere(self, chance: random.Random) -> bool:
        shard = chance.randrange(SHARDS)
        extent = (await self.oracle.extents())[shard]
        return await self._read(shard, chance.randrange(max(extent.first - 2, 0), extent.next + 3), 5)

    async def _read(self, shard: int, offset: int, limit: int) -> bool:
        try:
            expected = await self.oracle.read(shard, offset, limit)
        except LogGapError:
            for log in self.tried:
                await fall_into_gap(log, shard, offset)
            return False
        for log in self.tried:
            if expected:
                assert await follow(log, shard, offset, len(expected)) == expected
            else:
                assert await log.read(shard, offset, limit) == []
        self._positions[shard] = expected[-1].offset + 1 if expected else offset
        return bool(expected)

    async def _trim(self, chance: random.Random) -> bool:
        shard = chance.randrange(SHARDS)
        before = (await self.oracle.extents())[shard]
        at = chance.randrange(before.next + 2)
        for log in (self.oracle, *self.tried):
            await log.trim(shard, at)
        return at > before.first

    async def _forget(self, chance: random.Random) -> bool:
        shards = chance.sample(range(SHARDS), chance.randrange(1, SHARDS))
        for log in self.tried:
            log.forget(shards)
        return True

    async def _extents(self, _: random.Random) -> bool:
        expected = await self.oracle.extents()
        for log in self.tried:
            assert dict(await log.extents()) == dict(expected)
        return any(extent.next for extent in expected.values())

    async def _tell(self, _: random.Random) -> bool:
        for log in self.tried:
            await log.report_applied(self._positions)
        return True


def _records(chance: random.Random) -> list[tuple[int, bytes]]:
    return [
        (chance.randrange(SHARDS), chance.randbytes(chance.choice((0, 1, 30, 3_000))))
        for _ in range(chance.choice((0, 1, 2, 7, 40)))
    ]


async def compare(steps: list[Step], bootstrap: str, seen: Counter[str]) -> None:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        in_file = SqliteLog(Path(folder) / "log.db", SHARDS)
        stack.push_async_callback(in_file.close)
        # Small limits, so that calls are cut into batches and readers are held up.
        limits = {
            "log_batch_bytes_max": 5_000,
            "log_buffer_records_max": 16,
            "log_buffer_bytes_max": 9_000,
        }
        in_kafka = await KafkaLog.open(kafka_settings(bootstrap, **limits))
        stack.push_async_callback(in_kafka.close)
        logs = Logs([in_file, in_kafka])
        for name, seed in steps:
            seen[name] += await logs.step(name, seed)
        await logs.step("extents", 0)


@pytest.mark.timeout(120)
def test_random_work_gives_the_same_answers(kafka_bootstrap: str) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(STEPS)
    @example(WALK)
    def run(steps: list[Step]) -> None:
        asyncio.run(compare(steps, kafka_bootstrap, seen))

    run()
    # Otherwise only empty answers would have been compared.
    assert {name for name in OPERATIONS if not seen[name]} == set()


def test_every_operation_of_the_port_is_among_the_steps() -> None:
    covered = {"append", "read", "trim", "forget", "extents", "report_applied"}
    # What these do is not comparable: an identity is a log's own, and wakes come when they come.
    others = {"identity", "on_append", "close"}
    assert {name for name in vars(CommandLog) if not name.startswith("_")} == covered | others
