"""Large payloads on Kafka, Postgres and S3: small records and rows, and the history that files have."""

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from tests.e2e.test_same_history import SHARDS, histories, world_on_files, world_on_servers
from tests.simulation.world import SECOND_US, World
from tidemill.blobs.s3 import S3Blobs
from tidemill.engine.log.port import CommandLog
from tidemill.json import Json, loads
from tidemill.testing.servers import S3Server
from tidemill.testing.servers.s3 import BUCKET

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NAMESPACE: Final = "large"
# Not to be compressed, so that small rows are small texts.
LARGE: Final = "".join(sha256(b"%d" % number).hexdigest() for number in range(3_000))
READ_SECONDS_MAX: Final = 30
RECORD_BYTES_MAX: Final = 65_536 + 4_096
HEAD: Final = f"dsl: '1.0.3', namespace: {NAMESPACE}, version: 1.0.0"
CHILD: Final = f"""
document: {{{HEAD}, name: child}}
do:
- nap: {{wait: {{seconds: 10}}}}
- lengthen: {{set: {{text: '${{ .text + "z" }}'}}}}
"""
PARENT: Final = f"""
document: {{{HEAD}, name: parent}}
do:
- ask: {{call: 'long:1.0.0', with: {{text: '${{ .text }}'}}}}
- inside:
    run:
      workflow:
        {{namespace: {NAMESPACE}, name: child, version: latest, input: {{text: '${{ .text }}'}}}}
"""


async def play(world: World) -> Json:
    """A call and a child with large inputs and outputs, and a crash while the child waits; the output."""
    await world.open()
    world.outside.handlers["long:1.0.0"] = lambda given: {"text": f"{given['text']}y"}
    await world.publish(CHILD)
    await world.publish(PARENT)
    execution_id = await world.start(NAMESPACE, "parent", {"text": LARGE}, subject="ada")
    await world.crash()
    await world.advance(20 * SECOND_US)
    assert await world.phase(execution_id) == "completed"
    assert len(world.outside.effects) == 1
    return next(
        loads(each.output.data) for each in await world.executions() if each.execution_id == execution_id
    )


async def longest_values(url: str) -> Mapping[str, int]:
    """The longest value of each table, in bytes."""
    connection = await asyncpg.connect(url)
    try:
        columns = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND data_type IN ('bytea', 'text')"
        )
        return {
            f"{table}.{column}": await connection.fetchval(
                f"SELECT COALESCE(MAX(OCTET_LENGTH({column})), 0) FROM {table}"
            )
            for table, column in columns
        }
    finally:
        await connection.close()


async def longest_record(log: CommandLog) -> int:
    """The longest record of all shards, read from the beginning, in bytes."""
    log.forget(range(SHARDS))
    longest = 0
    async with asyncio.timeout(READ_SECONDS_MAX):
        for shard, extent in (await log.extents()).items():
            offset = extent.first
            while offset < extent.next:
                records = await log.read(shard, offset, 100)
                longest = max([longest, *(len(record.data) for record in records)])
                offset += len(records)
                await asyncio.sleep(0)
    return longest


async def test_on_servers_records_stay_small_and_the_history_is_that_of_files(
    tmp_path: Path, postgres_url: str, kafka_bootstrap: str, s3_server: S3Server, s3_url: str
) -> None:
    expected = {"text": f"{LARGE}yz"}
    async with world_on_files(tmp_path) as world:
        assert await play(world) == expected
        on_files = await histories(world)
    async with world_on_servers(postgres_url, kafka_bootstrap) as world:
        world.blobs = S3Blobs.open(s3_url)
        assert await play(world) == expected
        assert await histories(world) == on_files
        assert 0 < await longest_record(world.log) <= RECORD_BYTES_MAX
    longest = await longest_values(postgres_url)
    assert {"history.data", "execution.output", "outbox.data"} <= set(longest)
    assert max(longest.values()) <= RECORD_BYTES_MAX, longest
    folder = s3_server.folder / "data" / BUCKET / s3_url.rpartition("/")[2]
    blobs = [path for path in folder.glob("*/*/*") if path.is_file()]
    # The parent's input, which is its call's arguments too, the call's answer, and its output; the child's
    # input and output.
    assert len(blobs) == 5
    assert all(path.stat().st_size > len(LARGE) for path in blobs)
