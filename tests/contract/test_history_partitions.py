"""An execution that is open for longer than histories are kept: its partition goes, and it goes on."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.contract.store_databases import make_store_tables
from tests.simulation.world import SECOND_US, SHARDS, START_US, World
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.retention import Holding, Retention
from tidemill.engine.settings import Settings
from tidemill.engine.store.postgres.store import open_store

HOUR_US = 3_600 * SECOND_US
SETTINGS = Settings(
    shards=SHARDS,
    history_retention_us=HOUR_US,
    history_partition_us=24 * HOUR_US,
)
LONG = """
document: {dsl: 1.0.3, namespace: shop, name: long, version: 1.0.0}
do:
  - before: {set: {kept: true}}
  - pause: {wait: {days: 30}}
  - after: {set: "${ {kept: .kept, done: true} }"}
"""
SHORT = """
document: {dsl: 1.0.3, namespace: shop, name: short, version: 1.0.0}
do:
  - step: {set: {done: true}}
"""


@pytest.fixture
async def world(postgres_url: str) -> AsyncIterator[World]:
    await make_store_tables(postgres_url, SHARDS)
    store = await open_store(postgres_url, SHARDS)
    await store.prepare_history(START_US, SETTINGS.history_partition_us)
    world = World(settings=SETTINGS, store=store)
    yield await world.open()
    await store.close()


async def partitions(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = 'history'::regclass"
    )
    await connection.close()
    return {row[0] for row in rows}


async def keep_house(world: World) -> None:
    """What the loops of retention do, until nothing is left to do."""
    environment = Environment(settings=SETTINGS, clock=world.clock)
    retention = Retention(world.store, environment)
    holding = Holding(retention, world.store, world.engine.ownership, rows=2)
    for _ in range(3):
        while await retention.run_once():
            pass
        while await holding.run_once():
            await world.settle()
        await world.settle()


async def test_a_partition_goes_though_an_execution_is_open_that_began_in_it(
    world: World, postgres_url: str
) -> None:
    await world.publish(LONG)
    await world.publish(SHORT)
    opened = [await world.start("shop", "long", subject=f"contact-{number}") for number in range(5)]
    closed = await world.start("shop", "short")
    before = await partitions(postgres_url)
    await keep_house(world)
    assert await partitions(postgres_url) == before, "nothing is old enough to go"
    await world.advance(4 * 24 * HOUR_US)
    await keep_house(world)
    assert before & await partitions(postgres_url) == {"history_rest"}, "the days of three days ago have gone"
    assert await world.store.load([closed]) == {}
    await world.crash()
    await world.advance(30 * 24 * HOUR_US)
    for execution_id in opened:
        execution = await world.get(execution_id)
        assert await world.phase(execution_id) == "completed"
        assert execution.output.data == b'{"kept":true,"done":true}'
