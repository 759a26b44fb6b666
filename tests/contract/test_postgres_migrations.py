"""Tables in Postgres are made and brought up to date on purpose only, by one at a time, and never back."""

import asyncio
import os
import subprocess
import sys

import asyncpg
import pytest

from tests.contract.store_databases import make_store_tables
from tests.contract.store_suite import SHARDS, commit, execution_id, history
from tidemill.engine.migrate import migrate_store
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.settings import Settings
from tidemill.engine.storage import open_storage
from tidemill.engine.store.postgres.store import open_store
from tidemill.engine.store.postgres.tables import PART, steps
from tidemill.errors import InvalidRequestError
from tidemill.postgres import Postgres, PostgresOptions, open_postgres
from tidemill.postgres_migration import check_version, migrate
from tidemill.storage import StorageRefusedError, StorageUnavailableError, StoreTooNewError, StoreTooOldError

TWO = ("CREATE TABLE first (id int)", "CREATE TABLE second (id int); INSERT INTO second VALUES (1)")
FAILS = (*TWO, "CREATE TABLE third (id int); INSERT INTO third VALUES ('no number')")


async def opened(url: str) -> Postgres:
    return await open_postgres(url, part="test", options=PostgresOptions(connections_max=1))


async def versions(url: str) -> dict[str, int]:
    connection = await asyncpg.connect(url)
    try:
        return {row[0]: row[1] for row in await connection.fetch("SELECT * FROM schema_version")}
    finally:
        await connection.close()


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row[0] for row in rows}
    finally:
        await connection.close()


def settings(url: str, shards: int = SHARDS) -> Settings:
    return Settings(store_url=url, log_url="kafka://127.0.0.1:1/commands", shards=shards)


async def test_an_empty_database_is_refused_until_it_is_migrated(postgres_url: str) -> None:
    with pytest.raises(StoreTooOldError, match=r'version 0 of the tables.*run "tidemill migrate"'):
        await open_store(postgres_url, SHARDS)
    assert await tables(postgres_url) == set()
    assert await migrate_store(settings(postgres_url)) == len(steps())
    assert len([name for name in await tables(postgres_url) if name.startswith("history_")]) == 1 + 3
    store = await open_store(postgres_url, SHARDS)
    assert [row.shard for row in await store.shards()] == list(range(SHARDS))
    await store.close()


async def test_an_engine_opens_neither_old_tables_nor_a_store_without_its_log(postgres_url: str) -> None:
    environment = Environment(settings=settings(postgres_url))
    with pytest.raises(StoreTooOldError):
        await open_storage(environment)
    await make_store_tables(postgres_url)
    with pytest.raises(StorageUnavailableError, match="log"):
        await open_storage(environment)
    connection = await asyncpg.connect(postgres_url)
    mine = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tidemill-engine'"
    for _ in range(500):
        if not await connection.fetchval(mine):
            break
        await asyncio.sleep(0.01)
    assert await connection.fetchval(mine) == 0
    await connection.close()


async def test_a_database_that_is_up_to_date_is_left_alone(postgres_url: str) -> None:
    await make_store_tables(postgres_url)
    store = await open_store(postgres_url, SHARDS)
    await store.take([0], "a")
    await store.commit([commit(histories=[history(1, 1, 2)])])
    assert await migrate_store(settings(postgres_url)) == 0
    assert set(await store.load([execution_id(1)])) == {execution_id(1)}
    assert await store.commit([commit(histories=[history(1, 3, 3)])]) == {0}
    await store.close()


async def test_a_database_of_a_later_release_is_refused_by_all(postgres_url: str) -> None:
    await make_store_tables(postgres_url)
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("UPDATE schema_version SET version = version + 1")
    await connection.close()
    known = len(steps())
    for refused in (open_store(postgres_url, SHARDS), migrate_store(settings(postgres_url))):
        with pytest.raises(StoreTooNewError, match=rf"version {known + 1} .*up to {known}"):
            await refused
    assert await versions(postgres_url) == {PART: known + 1}


async def test_another_number_of_shards_is_refused(postgres_url: str) -> None:
    await make_store_tables(postgres_url)
    with pytest.raises(
        InvalidRequestError, match=f"TIDEMILL_ENGINE_SHARDS is 9, .*made with {SHARDS} shards"
    ):
        await migrate_store(settings(postgres_url, shards=9))


async def test_several_that_migrate_at_once_wait_for_each_other(postgres_url: str) -> None:
    taken = await asyncio.gather(*(migrate_store(settings(postgres_url)) for _ in range(4)))
    assert sorted(taken) == [0, 0, 0, len(steps())]
    store = await open_store(postgres_url, SHARDS)
    await store.close()


async def test_an_older_database_goes_on_from_where_it_is(postgres_url: str) -> None:
    postgres = await opened(postgres_url)
    assert await migrate(postgres, "part", TWO[:1]) == 1
    with pytest.raises(StoreTooOldError, match=r"version 1 .*needs version 2"):
        await check_version(postgres, "part", len(TWO))
    assert await migrate(postgres, "part", TWO) == 1
    await check_version(postgres, "part", len(TWO))
    assert await migrate(postgres, "other", ["CREATE TABLE apart (id int)"]) == 1
    await postgres.close()
    assert await tables(postgres_url) == {"schema_version", "first", "second", "apart"}
    assert await versions(postgres_url) == {"part": 2, "other": 1}


async def test_a_step_that_fails_leaves_what_the_one_before_it_made(postgres_url: str) -> None:
    postgres = await opened(postgres_url)
    with pytest.raises(StorageRefusedError, match="no number"):
        await migrate(postgres, "part", FAILS)
    assert await tables(postgres_url) == {"schema_version", "first", "second"}
    assert await versions(postgres_url) == {"part": 2}
    assert await migrate(postgres, "part", (*TWO, "CREATE TABLE third (id int)")) == 1
    await postgres.close()


def test_the_command_migrates_what_the_variables_name(postgres_url: str) -> None:
    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}
        command = [sys.executable, "-m", "tidemill.cli", "migrate"]
        return subprocess.run(command, env=kept | variables, capture_output=True, text=True, check=False)

    nothing = run()
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "TIDEMILL_ENGINE_STORE_URL" in nothing.stderr
    variables = {
        "TIDEMILL_ENGINE_STORE_URL": postgres_url, "TIDEMILL_ENGINE_LOG_URL": "kafka://127.0.0.1:1/commands",
        "TIDEMILL_ACTIONS_LEDGER_URL": postgres_url, "TIDEMILL_ENGINE_SHARDS": "5",
    }  # fmt: skip
    first = run(**variables)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines()[0] == f"store: {len(steps())} steps taken, 5 shards"
    assert run(**variables).stdout.splitlines()[0] == "store: 0 steps taken, 5 shards"
    refused = run(**variables | {"TIDEMILL_ENGINE_SHARDS": "6"})
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "made with 5 shards" in refused.stderr
    assert set(asyncio.run(versions(postgres_url))) == {"store", "actions"}
