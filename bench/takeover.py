"""How long a takeover takes: `python bench/takeover.py [--runs N] [--shards N]`.

Three engines on Kafka and Postgres, a steady load on every shard, SIGKILL of one engine; measured is the time
until each of its shards has committed again. Default settings, unless other shards are asked for.
"""

import argparse
import asyncio
import sys

from tidemill.bench.takeover import BOUNDS, measure_takeovers
from tidemill.stack.cluster_layout import Size
from tidemill.testing.clusters import private_cluster

SECONDS_MAX = 8.0


async def measure(runs: int, shards: int) -> bool:
    """Measure and print; whether every takeover was quick enough."""
    settings = {"TIDEMILL_ENGINE_SHARDS": str(shards)}
    async with private_cluster(Size(engines=3, actions=1, triggers=1), settings=settings) as (
        cluster,
        servers,
    ):
        found = await measure_takeovers(cluster, servers, runs=runs, shards=shards, say=print)
    longest = max(takeover.longest for takeover in found)
    print(f"longest of {runs}: {longest:.2f} s (at most {SECONDS_MAX:g} s)")
    print(BOUNDS)
    return longest < SECONDS_MAX


def main() -> int:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--shards", type=int, default=256)
    arguments = parser.parse_args()
    return 0 if asyncio.run(measure(arguments.runs, arguments.shards)) else 1


if __name__ == "__main__":
    sys.exit(main())
