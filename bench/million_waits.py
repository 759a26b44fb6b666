"""A million executions that wait for a year: `python bench/million_waits.py [--waiting N] [--resumed N]`.

One engine on Kafka and Postgres. The executions are really started, in batches through Submit: nothing is
loaded past the engine. Measured before and with them: the memory of an engine that has just started, the time
until it serves and until it has applied its first command, and how fast executions finish that are resumed by
events.
"""

import argparse
import asyncio
import statistics
import sys

import asyncpg

from tidemill.bench.waits import StartUp, Waits
from tidemill.stack.cluster import Cluster
from tidemill.stack.cluster_layout import Size
from tidemill.testing.clusters import STORE_NAME, Servers, private_cluster

SHARDS = 24
GROWTH_MB_MAX = 50.0
STARTS = 3
_TABLES = """
    select relname, pg_total_relation_size(oid) / 1048576 as mb from pg_class
    where relkind in ('r', 'p') and pg_total_relation_size(oid) > 10485760 order by 2 desc
"""


async def measure(waiting: int, resumed: int) -> bool:
    """Measure and print; whether memory grew by as little as it may."""
    settings = {"TIDEMILL_ENGINE_SHARDS": str(SHARDS), "TIDEMILL_LOG_LEVEL": "warning"}
    size = Size(engines=1, actions=1, triggers=1)
    async with private_cluster(size, settings=settings) as (cluster, servers), cluster.client() as client:
        return await compare(Waits(cluster, servers, client), cluster, servers, (waiting, resumed))


async def compare(waits: Waits, cluster: Cluster, servers: Servers, counts: tuple[int, int]) -> bool:
    """The figures without and with so many executions that wait."""
    waiting, resumed = counts
    await waits.publish()
    empty = await starts(waits, "empty")
    seconds = await waits.add(resumed)
    print(f"{resumed:,} started alone: {resumed / seconds:,.0f}/s")
    alone = await waits.resume(range(resumed))
    print(f"{resumed:,} resumed alone: {alone:.1f} s, {resumed / alone:,.0f}/s; {waits.engine_mb():.1f} MB")
    seconds = await waits.add(waiting, print)
    print(
        f"{waiting:,} wait: {seconds:.0f} s, {waiting / seconds:,.0f}/s; the engine that started them holds "
        f"{waits.engine_mb():.1f} MB (its caches are full)"
    )
    await print_tables(servers)
    full = await starts(waits, f"with {waiting:,}")
    beside = await waits.resume(range(resumed, 2 * resumed))
    print(
        f"{resumed:,} resumed beside {waiting - resumed:,}: {beside:.1f} s, {resumed / beside:,.0f}/s; "
        f"{waits.engine_mb():.1f} MB"
    )
    growth = median_mb(full) - median_mb(empty)
    print(f"an engine that has just started holds {growth:+.1f} MB more (at most {GROWTH_MB_MAX:g})")
    return growth < GROWTH_MB_MAX


async def starts(waits: Waits, name: str) -> list[StartUp]:
    """Some starts of the engine, one after the other."""
    found = []
    for _ in range(STARTS):
        found.append(await waits.start_up())
        print(f"start-up, {name}: {found[-1].line()}")
    return found


async def print_tables(servers: Servers) -> None:
    """How large the store has become."""
    store = await asyncpg.connect(servers.postgres.url(STORE_NAME))
    try:
        rows = await store.fetch(_TABLES)
    finally:
        await store.close()
    print("tables in MB: " + ", ".join(f"{row['relname']} {row['mb']}" for row in rows))


def median_mb(found: list[StartUp]) -> float:
    """The memory that an engine holds after it has started."""
    return statistics.median(start.rss_mb for start in found)


def main() -> int:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--waiting", type=int, default=1_000_000)
    parser.add_argument("--resumed", type=int, default=10_000)
    arguments = parser.parse_args()
    return 0 if asyncio.run(measure(arguments.waiting, arguments.resumed)) else 1


if __name__ == "__main__":
    sys.exit(main())
