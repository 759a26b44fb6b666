"""The store in memory is the oracle: random work gives the same answers from the file, and from Postgres."""

import asyncio
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.contract.store_databases import empty_store_tables
from tests.contract.store_steps import OPERATIONS, SHARDS, Steps
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.port import (
    CursorStore,
    DefinitionStore,
    LaneStore,
    MembershipStore,
    OutboxStore,
    ReadStore,
    RetentionStore,
    ShardStore,
    Store,
)
from tidemill.engine.store.postgres.store import open_store
from tidemill.engine.store.sqlite.store import SqliteStore

Step = tuple[str, int]
PORTS = (
    ShardStore, OutboxStore, ReadStore, DefinitionStore, LaneStore, CursorStore, MembershipStore,
    RetentionStore,
)  # fmt: skip
# Only one store has partitions; its own tests are about them.
OF_PARTITIONS = {"prepare_history", "drop_histories"}
STEPS = st.lists(
    st.tuples(st.sampled_from((*OPERATIONS, *["commit"] * 12, "take")), st.integers(0, 10_000)), max_size=60
)
# Whatever chance brings, each operation succeeds in this one.
WALK: list[Step] = [
    ("take", 0),
    ("take", 1),
    *[("commit", seed) for seed in range(20)],
    *[(name, seed) for seed in range(12) for name in OPERATIONS],
]


async def compare(store: Store, steps: list[Step], seen: Counter[str]) -> None:
    oracle, tried = Steps(MemoryStore(SHARDS)), Steps(store)
    try:
        for name, seed in steps:
            expected = await oracle.step(name, seed)
            assert await tried.step(name, seed) == expected, (name, seed)
            seen[name] += bool(expected)
        await compare_all(oracle.store, tried.store)
    finally:
        await store.close()


async def compare_all(oracle: Store, tried: Store) -> None:
    """What a commit wrote may never be asked for: look at the most telling part of it in the end."""
    for shard in range(SHARDS):
        assert await tried.page_commits(shard, 0, 1_000) == await oracle.page_commits(shard, 0, 1_000)
        assert await tried.page_outbox(shard, 0, 1_000) == await oracle.page_outbox(shard, 0, 1_000)
    assert await tried.peers(range(SHARDS)) == await oracle.peers(range(SHARDS))
    assert await tried.last_commits() == await oracle.last_commits()


def test_random_work_gives_the_same_answers_from_a_file() -> None:
    seen: Counter[str] = Counter()

    async def in_file(steps: list[Step]) -> None:
        with TemporaryDirectory() as folder:
            await compare(SqliteStore(Path(folder) / "state.db", SHARDS), steps, seen)

    @settings(max_examples=60, deadline=None)
    @given(STEPS)
    @example(WALK)
    def run(steps: list[Step]) -> None:
        asyncio.run(in_file(steps))

    run()
    assert_all_seen(seen)


@pytest.mark.timeout(120)
def test_random_work_gives_the_same_answers_from_postgres(store_database: str) -> None:
    seen: Counter[str] = Counter()

    async def in_postgres(steps: list[Step]) -> None:
        await empty_store_tables(store_database, SHARDS)
        await compare(await open_store(store_database, SHARDS), steps, seen)

    @settings(max_examples=40, deadline=None)
    @given(STEPS)
    @example(WALK)
    def run(steps: list[Step]) -> None:
        asyncio.run(in_postgres(steps))

    run()
    assert_all_seen(seen)


def assert_all_seen(seen: Counter[str]) -> None:
    """Otherwise only empty answers would have been compared."""
    assert {name for name in OPERATIONS if not seen[name]} == set()


def test_every_operation_of_the_ports_is_among_the_steps() -> None:
    methods = {name for port in PORTS for name in vars(port) if not name.startswith("_")}
    assert methods - OF_PARTITIONS <= set(OPERATIONS)
