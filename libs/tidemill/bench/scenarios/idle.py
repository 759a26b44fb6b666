"""What it costs that nothing happens."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from tidemill.bench.processes import written_bytes
from tidemill.bench.scenario import Cases, Scenario
from tidemill.bench.stage import Stage

_STORE_VARIABLE: Final = "TIDEMILL_ENGINE_STORE_URL"
# Updates and inserts of lease rows, as Postgres counts them.
_LEASE_WRITES: Final = """
    select coalesce(sum(n_tup_ins + n_tup_upd), 0)::bigint from pg_stat_all_tables
    where schemaname = 'public' and relname = 'lease'
"""


@dataclass(frozen=True, kw_only=True)
class Idle(Scenario):
    """The share of a core that each process uses, and what it writes, while nothing happens."""

    name = "idle"

    seconds: float = 30.0
    # What starting up left to do is over by then.
    settle_seconds: float = 5.0

    async def run(self, stage: Stage) -> Cases:
        """Wait, and look at what it cost."""
        await asyncio.sleep(self.settle_seconds)
        begun, cost, written = (
            time.perf_counter(),
            stage.cost(),
            _written(stage),
        )
        leases = await _lease_writes(stage)
        await asyncio.sleep(self.seconds)
        seconds = time.perf_counter() - begun
        figures = {
            f"core_percent.{name}": round((after - cost[name]) * 100 / seconds, 2)
            for name, after in stage.cost().items()
        }
        figures |= {
            f"written_bytes_per_s.{name}": round((after - written[name]) / seconds, 1)
            for name, after in _written(stage).items()
        }
        if leases is not None and (after := await _lease_writes(stage)) is not None:
            figures["lease_writes_per_s"] = round((after - leases) / seconds, 2)
        return {"nothing to do": figures}


def _written(stage: Stage) -> dict[str, int]:
    return written_bytes(stage.bed.pids, stage.bed.families)


async def _lease_writes(stage: Stage) -> int | None:
    """How often leases of engines were written so far; None where there are none."""
    url = stage.bed.environment.get(_STORE_VARIABLE)
    if not url:
        return None
    import asyncpg

    store = await asyncpg.connect(url)
    try:
        return int(await store.fetchval(_LEASE_WRITES))
    finally:
        await store.close()
