"""A killed engine's shards go on elsewhere, soon."""

import sys

import pytest

from tests.conftest import missing_is_told
from tidemill.bench.takeover import BOUNDS, measure_takeovers
from tidemill.stack.cluster_layout import Size
from tidemill.testing.clusters import private_cluster

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SECONDS_MAX = 8.0
SHARDS = 48


@pytest.mark.timeout(180)
async def test_the_shards_of_a_killed_engine_go_on_within_seconds() -> None:
    settings = {"TIDEMILL_ENGINE_SHARDS": str(SHARDS), "TIDEMILL_LOG_LEVEL": "warning"}
    size = Size(engines=3, actions=1, triggers=1)
    with missing_is_told():
        async with private_cluster(size, settings=settings) as (cluster, servers):
            found = await measure_takeovers(
                cluster,
                servers,
                runs=2,
                shards=SHARDS,
                say=print,
            )
    sys.stdout.write(BOUNDS)
    # Nobody is alive to take a shard before the lease has run out.
    assert all(min(takeover.taken.values()) > 1.0 for takeover in found)
    assert all(takeover.longest < SECONDS_MAX for takeover in found)
