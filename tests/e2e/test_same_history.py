"""What runs on Kafka and Postgres has the history that it has on files, for every example.

The same Engine code on a virtual clock: only the stores and the logs differ. So not only the events are the
same, but their times and the ids too.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf.json_format import MessageToDict

from examples.demo.events import APPOINTMENT, CART, LEAD, read
from examples.demo.expectations import WORKFLOWS
from tests.simulation.journeys import EXAMPLES, journeys, story_of
from tests.simulation.pages import examples
from tests.simulation.world import SECOND_US, World
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.engine.api.reads import Reads
from tidemill.engine.log.kafka.log import KafkaLog
from tidemill.engine.log.port import CommandLog
from tidemill.engine.log.sqlite import SqliteLog
from tidemill.engine.settings import Settings
from tidemill.engine.store.port import Store
from tidemill.engine.store.postgres.store import open_store
from tidemill.engine.store.postgres.tables import PART, make_tables
from tidemill.engine.store.sqlite.store import SqliteStore
from tidemill.postgres import open_postgres

# A year of days, each of them on real servers, takes the longest of the journeys most of a minute.
pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]

SHARDS: Final = 4
POLL_SECONDS: Final = 0.001
APPLIED_SECONDS_MAX: Final = 20.0
EVENTS_OF_EACH: Final = 3
PAGES: Final = {example.place: example for example in examples() if example.story}
Played = Callable[[World], Awaitable[object]]
_TOPICS: Final = count(1)


class Served(World):
    """A world whose log is at the end of a connection: what was appended arrives a moment later."""

    async def open(self) -> World:
        """As others do, less what only renews the lease, as nobody else wants the shards, and the sweep."""
        await super().open()
        await super().settle()
        self._loops = [loop for loop in self._loops if loop.name not in ("membership", "blobs")]
        return self

    async def settle(self) -> None:
        async with asyncio.timeout(APPLIED_SECONDS_MAX):
            await super().settle()
            while not await self._has_applied_all():
                await asyncio.sleep(POLL_SECONDS)
                await super().settle()

    async def _has_applied_all(self) -> bool:
        extents = await self.log.extents()
        return all(row.log_offset == extents[row.shard].next for row in await self.store.shards())


@asynccontextmanager
async def world_on_files(data: Path) -> AsyncIterator[World]:
    """Everything in two files, as `tidemill dev` has it."""
    async with _closed(SqliteStore(data / "state.db", SHARDS), SqliteLog(data / "log.db", SHARDS)) as both:
        yield World(store=both[0], log=both[1], settings=Settings(shards=SHARDS))


@asynccontextmanager
async def world_on_servers(postgres: str, kafka: str) -> AsyncIterator[World]:
    """A topic and a database of its own."""
    settings = Settings(
        shards=SHARDS,
        store_url=postgres,
        log_url=f"kafka://{kafka}/same-history-{next(_TOPICS)}",
        log_replication_factor=1,
        log_fetch_wait_us=20_000,
    )
    connection = await open_postgres(postgres, part=PART)
    await make_tables(connection, SHARDS)
    await connection.close()
    async with _closed(await open_store(postgres, SHARDS), await KafkaLog.open(settings)) as both:
        yield Served(store=both[0], log=both[1], settings=settings)


@asynccontextmanager
async def _closed(store: Store, log: CommandLog) -> AsyncIterator[tuple[Store, CommandLog]]:
    try:
        yield store, log
    finally:
        await log.close()
        await store.close()


async def histories(world: World) -> Mapping[str, Any]:
    """The whole history of each execution, as clients read it, less what places and batches are called."""
    found = {}
    memory = world.engine.memory
    reads = Reads(
        world.store, memory.progress, memory.watchers, world.settings, check=world.environment.check
    )
    for execution in await world.executions(with_triggers=True):
        events: list[pb.HistoryEvent] = []
        token = ""
        while not events or token:
            request = pb.GetHistoryRequest(
                namespace="-", execution_id=execution.execution_id, page_token=token
            )
            page, token = await reads.history(request)
            events += page
        found[execution.execution_id] = [_told(event) for event in events]
    return found


def _told(event: pb.HistoryEvent) -> dict[str, Any]:
    """An event without its commit's number: how much is in a batch depends on how fast things come."""
    told: dict[str, Any] = MessageToDict(event)
    for member in ("commit", "cause"):
        told.pop(member, None)
    return told


async def assert_same(play: Played, data: Path, postgres: str, kafka: str) -> None:
    """Play it on files and on servers, and compare."""
    async with world_on_files(data) as world:
        await play(world)
        on_files = await histories(world)
    async with world_on_servers(postgres, kafka) as world:
        await play(world)
        on_servers = await histories(world)
    assert on_files
    assert on_servers == on_files


@pytest.mark.parametrize("journey", journeys())
async def test_a_journey(journey: str, tmp_path: Path, postgres_url: str, kafka_bootstrap: str) -> None:
    await assert_same(story_of(journey).play, tmp_path, postgres_url, kafka_bootstrap)


@pytest.mark.parametrize("place", PAGES)
async def test_an_example_of_a_page(
    place: str, tmp_path: Path, postgres_url: str, kafka_bootstrap: str
) -> None:
    await assert_same(PAGES[place].played().play, tmp_path, postgres_url, kafka_bootstrap)


async def test_hello(tmp_path: Path, postgres_url: str, kafka_bootstrap: str) -> None:
    async def play(world: World) -> None:
        await world.open()
        await world.publish((EXAMPLES / "hello.yaml").read_bytes())
        await world.start("examples", "hello", {"name": "Ada"})
        await world.advance(SECOND_US)

    await assert_same(play, tmp_path, postgres_url, kafka_bootstrap)


async def test_the_workflows_of_the_demo(tmp_path: Path, postgres_url: str, kafka_bootstrap: str) -> None:
    events = read()
    sent = [
        event
        for kind in (LEAD, CART, APPOINTMENT)
        for event in [each for each in events if each["type"] == kind][:EVENTS_OF_EACH]
    ]

    async def play(world: World) -> None:
        await world.open()
        for name in WORKFLOWS.values():
            await world.publish((EXAMPLES / f"demo/workflows/{name}.yaml").read_bytes())
        for event in sent:
            named = {name: str(event[name]) for name in ("id", "source", "subject")}
            await world.event("examples", str(event["type"]), event["data"], **named)
        await world.advance(60 * SECOND_US)

    await assert_same(play, tmp_path, postgres_url, kafka_bootstrap)
