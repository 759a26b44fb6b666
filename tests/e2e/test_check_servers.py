"""`tidemill check` on Postgres and Kafka: it proves, also while engines run; spoilt tables are refuted."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Final

import pytest
import pytest_asyncio

from tests.conftest import missing_is_told
from tests.e2e.checked_load import EFFECTS_A_RUN, EXECUTIONS_A_RUN, OPEN, RUNS, load
from tests.e2e.conftest import sample_settings
from tests.waiting import eventually
from tidemill.auditing.check import CheckOptions, check
from tidemill.checking.expected import Expectations
from tidemill.checking.invariant import Verdict
from tidemill.checking.report import Report
from tidemill.client.calls import Patience
from tidemill.stack.cluster_layout import Size
from tidemill.testing.clusters import LEDGER_NAME, STORE_NAME, Servers, private_cluster
from tidemill.testing.effects import Temper
from tidemill.testing.provider import Provider

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

SHARDS: Final = 12
SIZE: Final = Size(engines=2, actions=1, triggers=1)
CALM: Final = Temper(refusing_rate=0, slow_rate=0, silent_rate=0)
VICTIM: Final = "(SELECT execution_id FROM execution WHERE workflow = 'every-kind' LIMIT 1)"
RECORD: Final = "(SELECT min(number) FROM call WHERE state = 1)"
# By the invariant that must notice: the database, and what is done to it.
TAMPERINGS: Final = [
    ("sequences", STORE_NAME, f"DELETE FROM history WHERE execution_id = {VICTIM} AND sequence = 1"),
    (
        "sequences",
        STORE_NAME,
        "DELETE FROM history WHERE (execution_id, sequence) IN "
        f"(SELECT execution_id, max(sequence) FROM history WHERE execution_id = {VICTIM} GROUP BY 1)",
    ),
    ("sequences", STORE_NAME, f"UPDATE history SET commit_number = 9999999 WHERE execution_id = {VICTIM}"),
    (
        "order",
        STORE_NAME,
        "WITH gone AS (DELETE FROM execution WHERE workflow = 'told' RETURNING execution_id) "
        "DELETE FROM history WHERE execution_id IN (SELECT execution_id FROM gone)",
    ),
    ("order", STORE_NAME, "DELETE FROM lane_seen"),
    ("order", STORE_NAME, "DELETE FROM rejection"),
    ("order", STORE_NAME, "UPDATE shard SET log_offset = log_offset + 50"),
    ("order", STORE_NAME, "UPDATE shard SET log_offset = 0"),
    ("order", STORE_NAME, "UPDATE peer SET sequence = 0"),
    ("state", STORE_NAME, f"UPDATE execution SET phase = 5 WHERE execution_id = {VICTIM}"),
    ("state", STORE_NAME, "DELETE FROM timer"),
    ("messages", STORE_NAME, "DELETE FROM subscription"),
    ("effects", LEDGER_NAME, f"UPDATE call SET state = 2 WHERE number = {RECORD}"),
    ("effects", LEDGER_NAME, f"UPDATE call SET output = '\\x7b7d' WHERE number = {RECORD}"),
    ("effects", LEDGER_NAME, f"DELETE FROM call WHERE number = {RECORD}"),
    ("effects", LEDGER_NAME, f"UPDATE call SET attempt = 9 WHERE number = {RECORD}"),
]
_COPIES: Final = count(1)


@dataclass(frozen=True)
class Checked:
    """A cluster that has done its work and stands still: its servers, and what is known of it."""

    servers: Servers
    environment: dict[str, str]
    expected: Expectations

    async def check(self, **databases: str) -> Report:
        """Check it, or copies of its databases."""
        store, ledger = databases.get(STORE_NAME, STORE_NAME), databases.get(LEDGER_NAME, LEDGER_NAME)
        environment = {
            **self.environment,
            "TIDEMILL_ENGINE_STORE_URL": self.servers.postgres.url(store),
            "TIDEMILL_ACTIONS_LEDGER_URL": self.servers.postgres.url(ledger),
        }
        return await asyncio.to_thread(check, environment, CheckOptions(expected=self.expected))

    def copy(self, database: str, statement: str) -> str:
        """A copy of a database with something done to it."""
        name = f"copy_{next(_COPIES)}"
        self.servers.postgres.execute(f"CREATE DATABASE {name} TEMPLATE {database}")
        self.servers.postgres.execute(statement, database=name)
        return name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def checked() -> AsyncIterator[Checked]:
    expected = Expectations()
    with Provider(CALM) as provider, missing_is_told():
        settings = sample_settings() | {
            "TIDEMILL_ACTIONS_HTTP_HOSTS": provider.hosts("sms.example.com"),
            "TIDEMILL_ENGINE_SHARDS": str(SHARDS),
        }
        async with private_cluster(SIZE, settings=settings, quick_start=True) as (cluster, servers):
            environment = cluster.layout.environment(os.environ)

            async def interrupt() -> None:
                await cluster.kill("engine-1")
                # While the other one takes over, there is much that has not ended, and nothing wrong.
                live = await asyncio.to_thread(check, environment, CheckOptions(expected=expected))
                assert [found.violations for found in live.found if found.violated] == []
                assert any(found.verdict is Verdict.OPEN for found in live.found)
                await cluster.revive("engine-1")

            async with cluster.client(patience=Patience(call_seconds=60.0, away_seconds=60.0)) as client:
                await load(client, expected, interrupt)
            await eventually(lambda: provider.effects().made == RUNS * EFFECTS_A_RUN)
            await asyncio.sleep(1.0)
            await cluster.stop()
            expected.effects.update(provider.effects().by_key)
            expected.actions.add("http")
            yield Checked(servers, environment, expected)


@pytest.mark.timeout(300)
async def test_what_a_cluster_has_stored_is_proved(checked: Checked) -> None:
    report = await checked.check()
    assert [found.violations for found in report.found if found.violated] == []
    assert {found.name: found.verdict for found in report.found if found.verdict is not Verdict.PROVED} == {}
    assert all(found.checked for found in report.found)
    assert report.read["executions"] == RUNS * EXECUTIONS_A_RUN + len(OPEN)
    assert report.read["shards"] == SHARDS


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("name", "database", "statement"), TAMPERINGS)
async def test_what_is_tampered_with_is_refuted(
    checked: Checked, name: str, database: str, statement: str
) -> None:
    report = await checked.check(**{database: checked.copy(database, statement)})
    assert report.of(name).verdict is Verdict.REFUTED, [
        one.violations for one in report.found if one.violated
    ]
