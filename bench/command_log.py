"""The command log: appends a second, what they cost in CPU, and how soon a record can be read.

`python bench/command_log.py [SECONDS] [COMPRESSION]` prints a table for the log in a file and one for the log
in Kafka: a broker of its own on this machine, which flushes each batch to disk. Records are as large as those
of small starts.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tidemill.api.events.v1.command_pb2 import Command
from tidemill.engine.log.kafka.log import KafkaLog
from tidemill.engine.log.port import CommandLog
from tidemill.engine.log.sqlite import SqliteLog
from tidemill.engine.settings import Settings
from tidemill.testing.servers import KafkaServer
from tidemill.unique import fresh_uuid

SHARDS = 24
CALLERS = (1, 4, 16)
RECORDS_A_CALL = (1, 64, 500)
LATENCIES = 300
READ_RECORDS_MAX = 512
_HEAD = """\
| callers | records a call | records/s | a call | CPU-s/1,000 here | CPU-s/1,000 broker |
| --- | --- | --- | --- | --- | --- |"""


@dataclass(frozen=True, slots=True)
class Place:
    """A kind of log to measure: how to open one, and the process beside ours that works for it."""

    name: str
    open: Callable[[], Awaitable[CommandLog]]
    server_pid: int = 0

    def cpu_seconds(self) -> tuple[float, float]:
        """What this process and the server have used."""
        return time.process_time(), _cpu_seconds(self.server_pid) if self.server_pid else 0.0


def record(number: int) -> bytes:
    """A start as ingress writes it."""
    command = Command(
        schema=1,
        namespace="shop",
        execution_id=f"{number * 2654435761 % 2**32:08x}-{fresh_uuid()}",
        request_id=str(fresh_uuid()),
        accepted_at_us=time.time_ns() // 1000,
    )
    command.start.workflow = "abandoned-cart"
    command.start.version = "1.0.0"
    command.start.subject = f"contact-{number}"
    command.start.input.data = b'{"cart":"%d","email":"someone%d@example.com"}' % (number, number)
    command.start.input_digest = random.randbytes(32)
    return command.SerializeToString()


async def appends(place: Place, callers: int, records: int, seconds: float) -> str:
    """A row of the table: callers who append over and over, while a reader follows all shards."""
    log = await place.open()
    calls = [[(n % SHARDS, record(n)) for n in range(k * records, (k + 1) * records)] for k in range(64)]
    done = 0
    read = 0
    until = time.perf_counter() + seconds
    woken = asyncio.Event()
    log.on_append(woken.set)
    places = [extent.next for _, extent in sorted((await log.extents()).items())]

    async def append_all(caller: int) -> None:
        nonlocal done
        turn = caller
        while time.perf_counter() < until:
            await log.append(calls[turn % len(calls)])
            done += records
            turn += callers

    async def read_all() -> None:
        nonlocal read
        while time.perf_counter() < until or read < done:
            woken.clear()
            came = 0
            for shard in range(SHARDS):
                found = await log.read(shard, places[shard], READ_RECORDS_MAX)
                if found:
                    places[shard] = found[-1].offset + 1
                    came += len(found)
            read += came
            if not came:
                await asyncio.wait_for(woken.wait(), 5)
            else:
                await asyncio.sleep(0)

    ours, servers = place.cpu_seconds()
    began = time.perf_counter()
    reading = asyncio.ensure_future(read_all())
    await asyncio.gather(*(append_all(caller) for caller in range(callers)))
    elapsed = time.perf_counter() - began
    await reading
    ours, servers = (now - then for now, then in zip(place.cpu_seconds(), (ours, servers), strict=True))
    await log.close()
    a_call_ms = elapsed * callers * records / done * 1000
    rate = f"| {callers} | {records} | {done / elapsed:,.0f} | {a_call_ms:.1f} ms "
    return f"{rate}| {ours / done * 1000:.3f} | {servers / done * 1000:.3f} |"


async def latency(place: Place, *, same_process: bool) -> str:
    """From the call of append to the record in a reader's hands, one at a time."""
    writer = await place.open()
    reader = writer if same_process else await place.open()
    woken = asyncio.Event()
    reader.on_append(woken.set)
    following = (await reader.extents())[0].next
    await reader.read(0, following, 1)
    data = record(0)
    appended, seen = [], []
    for _ in range(LATENCIES):
        began = time.perf_counter()
        appending = asyncio.ensure_future(writer.append([(0, data)]))
        appending.add_done_callback(lambda _, began=began: appended.append(time.perf_counter() - began))
        while not (found := await reader.read(0, following, 1)):
            woken.clear()
            await asyncio.wait_for(woken.wait(), 5)
        seen.append(time.perf_counter() - began)
        following = found[0].offset + 1
        await appending
        await asyncio.sleep(0.002)
    await writer.close()
    if reader is not writer:
        await reader.close()
    who = "the same process" if same_process else "another process's log"
    return f"{place.name}: append {_percentiles(appended)}; read by {who} {_percentiles(seen)}"


@asynccontextmanager
async def places(folder: Path, compression: str) -> AsyncIterator[list[Place]]:
    """A file, and a broker."""
    server = KafkaServer(folder / "kafka")
    server.start()

    async def in_kafka() -> CommandLog:
        settings = Settings(
            store_url="unused",
            log_url=f"kafka://{server.bootstrap}/commands",
            shards=SHARDS,
            log_replication_factor=1,
            log_compression=compression,
        )
        return await KafkaLog.open(settings)

    async def in_file() -> CommandLog:
        return SqliteLog(folder / "log.db", SHARDS)

    try:
        yield [Place("file", in_file), Place("Kafka", in_kafka, server.pid)]
    finally:
        server.kill()


async def measure(seconds: float, compression: str) -> None:
    """Print all tables."""
    with tempfile.TemporaryDirectory() as folder:
        async with places(Path(folder), compression) as all_places:
            for place in all_places:
                await appends(place, 4, 64, seconds)
                print(f"\n{place.name}, {SHARDS} shards\n\n{_HEAD}")
                for callers in CALLERS:
                    for records in RECORDS_A_CALL:
                        print(await appends(place, callers, records, seconds), flush=True)
                print()
                print(await latency(place, same_process=True))
                if place.server_pid:
                    print(await latency(place, same_process=False))


def _percentiles(seconds: list[float]) -> str:
    middle, late = (sorted(seconds)[len(seconds) * percent // 100] * 1000 for percent in (50, 99))
    return f"p50 {middle:.1f} ms, p99 {late:.1f} ms"


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, and say so."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    asyncio.run(measure(seconds, sys.argv[2] if len(sys.argv) > 2 else "lz4"))


if __name__ == "__main__":
    main()
