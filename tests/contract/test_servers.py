"""The test servers keep what they acknowledged, at the same address, whatever ended them."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.conftest import missing_is_told
from tests.processes import runs
from tidemill.testing.servers import KafkaServer, PostgresServer, ServerFailedError
from tidemill.testing.servers.kafka import QUICK_START

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

TOPIC = "kept"
PARTITION = TopicPartition(TOPIC, 0)


@pytest.fixture
def kafka(servers_data: Path, request: pytest.FixtureRequest) -> Iterator[KafkaServer]:
    server = KafkaServer(servers_data / request.node.name, java_options=QUICK_START)
    with missing_is_told():
        server.start()
    yield server
    server.kill()


@pytest.fixture
def postgres(servers_data: Path, request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    server = PostgresServer(servers_data / request.node.name)
    with missing_is_told():
        server.start()
    yield server
    server.kill()


async def create_topic(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def send(bootstrap: str, *values: bytes, compression: str | None = None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", compression_type=compression)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(TOPIC, value, partition=0)
    finally:
        await producer.stop()


async def read(bootstrap: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        consumer.assign([PARTITION])
        await consumer.seek_to_beginning(PARTITION)
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_kafka_keeps_its_records_through_a_kill_and_a_stop(kafka: KafkaServer) -> None:
    bootstrap, first = kafka.bootstrap, kafka.pid
    await create_topic(bootstrap)
    await send(bootstrap, b"1", b"2")
    kafka.kill()
    assert not kafka.running
    kafka.start()
    assert (kafka.bootstrap, kafka.pid == first) == (bootstrap, False)
    assert await read(bootstrap, 2) == [b"1", b"2"]
    await send(bootstrap, b"3", compression="zstd")
    kafka.stop()
    kafka.start()
    assert await read(bootstrap, 3) == [b"1", b"2", b"3"]


async def test_postgres_keeps_its_rows_through_a_kill_and_a_stop(postgres: PostgresServer) -> None:
    url, first = postgres.create_database("kept"), postgres.pid
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept (value integer)")
    await connection.execute("INSERT INTO kept VALUES (1)")
    postgres.kill()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.execute("INSERT INTO kept VALUES (2)")
    postgres.start()
    assert (postgres.url("kept"), postgres.pid == first) == (url, False)
    assert postgres.execute("SELECT value FROM kept", database="kept") == "1"
    postgres.stop()
    postgres.start()
    assert postgres.execute("SELECT value FROM kept", database="kept") == "1"


async def test_a_suspended_postgres_answers_nobody_until_it_is_resumed(postgres: PostgresServer) -> None:
    connection = await asyncpg.connect(postgres.url())
    postgres.suspend()
    pending = asyncio.ensure_future(connection.fetchval("SELECT 1"))
    done, _ = await asyncio.wait([pending], timeout=0.3)
    assert not done
    postgres.resume()
    assert await pending == 1
    await connection.close()


def test_postgres_writes_to_the_disk_before_it_acknowledges(postgres_server: PostgresServer) -> None:
    names = ("fsync", "synchronous_commit", "full_page_writes", "max_connections")
    assert [postgres_server.execute(f"SHOW {name}") for name in names] == ["on", "on", "on", "200"]


async def test_each_test_gets_an_empty_database(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert tables == 0


def test_a_server_that_cannot_start_says_why(servers_data: Path, postgres_server: PostgresServer) -> None:
    taken = PostgresServer(servers_data / "taken", port=postgres_server.port)
    with pytest.raises(ServerFailedError, match=f"port {taken.port} is taken"):
        taken.start()
    assert not taken.running


PARENT = """
import sys, time
from pathlib import Path
from tidemill.testing.servers import PostgresServer
server = PostgresServer(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""


def test_a_server_ends_with_the_process_that_started_it(
    servers_data: Path, postgres_server: PostgresServer
) -> None:
    command = [sys.executable, "-c", PARENT, str(servers_data / "orphan")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert runs(pid)
        parent.kill()
    deadline = time.monotonic() + 20
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(pid)


def test_a_server_outlives_the_loop_and_the_thread_that_started_it(postgres: PostgresServer) -> None:
    postgres.stop()

    async def start() -> None:
        await asyncio.to_thread(postgres.start)

    asyncio.run(start())
    assert postgres.execute("SELECT 1") == "1"
