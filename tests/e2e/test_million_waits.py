"""Executions that wait cost rows: a start-up and an engine's memory do not know how many there are."""

import pytest

from tests.conftest import missing_is_told
from tidemill.bench.waits import Waits
from tidemill.stack.cluster_layout import Size
from tidemill.testing.clusters import private_cluster

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

WAITING = 20_000
RESUMED = 1_000
GROWTH_MB_MAX = 50.0
# A start-up that read twenty thousand rows would take seconds longer.
LATER_SECONDS_MAX = 2.0


@pytest.mark.timeout(120)
async def test_executions_that_wait_for_a_year_cost_rows_alone() -> None:
    settings = {"TIDEMILL_ENGINE_SHARDS": "24", "TIDEMILL_LOG_LEVEL": "warning"}
    size = Size(engines=1, actions=1, triggers=1)
    with missing_is_told():
        async with (
            private_cluster(size, settings=settings) as (cluster, servers),
            cluster.client() as client,
        ):
            waits = Waits(cluster, servers, client)
            await waits.publish()
            empty = await waits.start_up()
            await waits.add(WAITING)
            full = await waits.start_up()
            await waits.resume(range(0, WAITING, WAITING // RESUMED))
    assert full.rss_mb - empty.rss_mb < GROWTH_MB_MAX
    assert full.applied_seconds - empty.applied_seconds < LATER_SECONDS_MAX
