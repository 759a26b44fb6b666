"""Lanes overtake a busy one of their shard, and a SIGKILL in between loses, doubles and disorders nothing."""

import itertools
import sqlite3
from pathlib import Path
from typing import Final

import pytest

from tests.waiting import eventually
from tidemill.bench.beds import embedded_bed
from tidemill.bench.checking import check_stage
from tidemill.bench.loads import any_open, until_closed
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import NAMESPACE, stepped
from tidemill.lanes import shard_of_subject

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

BUSY: Final = "one"
BUSY_EXECUTIONS: Final = 5_000
OTHERS: Final = 60
KILLS: Final = 2


def neighbours(shards: int) -> list[str]:
    """Subjects whose lanes are in the busy one's shard."""
    own = shard_of_subject(NAMESPACE, BUSY, shards)
    names = (f"other {number}" for number in itertools.count())
    found = (name for name in names if shard_of_subject(NAMESPACE, name, shards) == own)
    return list(itertools.islice(found, OTHERS))


def applied_ahead(state: Path, shard: int) -> int:
    """How many commands of a shard are applied behind the first that is not."""
    with sqlite3.connect(f"file:{state}?mode=ro", uri=True) as connection:
        (ahead,) = connection.execute("SELECT log_ahead FROM shard WHERE id = ?", (shard,)).fetchone()
    connection.close()
    return int.from_bytes(ahead, "little").bit_count()


@pytest.mark.timeout(180)
async def test_neighbours_of_a_busy_lane_overtake_it_whoever_is_killed() -> None:
    async with embedded_bed() as bed:
        stage = Stage(bed, print)
        state = Path(bed.environment["TIDEMILL_ENGINE_DATA"]) / "state.db"
        busy, other = stepped("busy", 2), stepped("neighbour", 2)
        await stage.publish(busy, other)
        crowd = await stage.submit(busy, [busy.start(subject=BUSY) for _ in range(BUSY_EXECUTIONS)])
        names, shard = neighbours(bed.shards), shard_of_subject(NAMESPACE, BUSY, bed.shards)
        for part in range(KILLS):
            starts = [other.start(subject=name) for name in names[part::KILLS]]
            started = await stage.submit(other, starts)
            await until_closed(stage.client, other.name, started)
            assert await any_open(stage.client, busy.name), "the busy lane was done before its neighbours"
            assert applied_ahead(state, shard) >= OTHERS // KILLS
            await bed.group.kill(bed.engine)
            await bed.group.start_one(bed.engine)
            await bed.group.until_healthy(bed.engine)
        await until_closed(stage.client, busy.name, crowd)
        await eventually(lambda: applied_ahead(state, shard) == 0)
        assert await check_stage(stage) == []
