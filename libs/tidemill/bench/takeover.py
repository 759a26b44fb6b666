"""How long shards stand still when their engine is killed: from SIGKILL until each has committed again."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from tidemill.api.engine.v1.execution_service_pb2 import StartRequest, SubmitCommand
from tidemill.client.client import Client
from tidemill.errors import TidemillError
from tidemill.lanes import shard_of_subject
from tidemill.stack.cluster import Cluster
from tidemill.testing.clusters import STORE_NAME, Servers

NAMESPACE: Final = "takeover"
DOCUMENT: Final = b"""
document: {dsl: '1.0.3', namespace: takeover, name: beat, version: '1.0.0'}
do:
- first: {call: 'tidemill.noop:1.0.0'}
- pause: {wait: {milliseconds: 200}}
- second: {call: 'tidemill.noop:1.0.0'}
"""
# A start for each shard in so many seconds.
_ROUND_SECONDS: Final = 1.5
_BATCHES_A_ROUND: Final = 15
_POLL_SECONDS: Final = 0.05
_SPREAD_SECONDS_MAX: Final = 60.0
_TAKEOVER_SECONDS_MAX: Final = 60.0
_STEADY_SECONDS: Final = 4.0
BOUNDS: Final = """\
What bounds it: the lease of the dead engine runs for 3 s (lease_ttl_us) after its last renewal, which is up
to 1 s old (membership_interval_us); live engines look who lives as often. So its shards are taken 2 s to 4 s
after the kill. Taking raises all their epochs in one transaction; the log is read from the stored
offsets, and what owes in pages while new commands are applied already.
"""


@dataclass(frozen=True, slots=True)
class Takeover:
    """One kill: for each shard of the dead engine the seconds until it was taken, and until it moved on."""

    taken: dict[int, float] = field(default_factory=dict)
    moved: dict[int, float] = field(default_factory=dict)

    @property
    def longest(self) -> float:
        """Until the last shard moved on."""
        return max(self.moved.values())

    def line(self) -> str:
        """In one line."""
        taken, moved = sorted(self.taken.values()), sorted(self.moved.values())
        return (
            f"{len(moved)} shards; taken after {taken[0]:.2f} to {taken[-1]:.2f} s; in progress again after "
            f"{moved[0]:.2f} s at first, {statistics.median(moved):.2f} s at the median, "
            f"{moved[-1]:.2f} s at the latest"
        )


class TakeoverError(Exception):
    """What was waited for did not come."""


async def measure_takeovers(
    cluster: Cluster, servers: Servers, *, runs: int, shards: int, say: Callable[[str], None]
) -> list[Takeover]:
    """Kill one engine after the other, each in its turn, under steady load. Raises TakeoverError."""
    store = await asyncpg.connect(servers.postgres.url(STORE_NAME))
    try:
        async with cluster.client() as client:
            await client.definitions.publish(DOCUMENT)
            async with _loaded(client, shards):
                return [await _one(cluster, store, run, say) for run in range(runs)]
    finally:
        await store.close()


async def _one(
    cluster: Cluster, store: "asyncpg.Connection[asyncpg.Record]", run: int, say: Callable[[str], None]
) -> Takeover:
    engines = cluster.layout.named("engine")
    name = engines[run % len(engines)]
    await _until_spread(store, len(engines))
    await asyncio.sleep(_STEADY_SECONDS)
    pid = cluster.process(name).pid
    begun = time.monotonic()
    await cluster.kill(name)
    found = await _follow(store, pid, begun)
    say(f"run {run + 1}: {name} killed: {found.line()}")
    await cluster.revive(name)
    return found


async def _follow(store: "asyncpg.Connection[asyncpg.Record]", pid: int, begun: float) -> Takeover:
    """Look at the shards of the dead engine until each has committed under another owner."""
    rows = await store.fetch("select id, owner, epoch, commit_number from shard")
    before = {row["id"]: row for row in rows if _pid_of(row["owner"]) == pid}
    if not before:
        raise TakeoverError(f"the process {pid} owned no shard")
    found = Takeover()
    while len(found.moved) < len(before):
        await asyncio.sleep(_POLL_SECONDS)
        rows = await store.fetch(
            "select id, epoch, commit_number from shard where id = any($1::int[])", [*before]
        )
        seconds = time.monotonic() - begun
        for row in rows:
            shard = row["id"]
            if row["epoch"] > before[shard]["epoch"]:
                found.taken.setdefault(shard, seconds)
                if row["commit_number"] > before[shard]["commit_number"]:
                    found.moved.setdefault(shard, seconds)
        if seconds > _TAKEOVER_SECONDS_MAX:
            raise TakeoverError(f"{len(before) - len(found.moved)} shards stand still after {seconds:.0f} s")
    return found


async def _until_spread(store: "asyncpg.Connection[asyncpg.Record]", engines: int) -> None:
    """Return once so many engines own shards, and nobody else does."""
    ends = time.monotonic() + _SPREAD_SECONDS_MAX
    while True:
        rows = await store.fetch("select owner, count(*) from shard group by owner")
        if len(rows) == engines and all(row["owner"] for row in rows):
            return
        if time.monotonic() > ends:
            raise TakeoverError(f"shards are spread over {len(rows)} owners, not {engines}")
        await asyncio.sleep(_POLL_SECONDS)


def _pid_of(owner: str) -> int:
    """The process of an engine's id, `host:pid:random`."""
    parts = owner.split(":")
    return int(parts[-2]) if len(parts) >= 3 else 0


@asynccontextmanager
async def _loaded(client: Client, shards: int) -> AsyncIterator[None]:
    """A steady load on every shard meanwhile."""
    subjects = subjects_of_shards(shards)
    task = asyncio.create_task(_load(client, subjects))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _load(client: Client, subjects: list[str]) -> None:
    interval = _ROUND_SECONDS / _BATCHES_A_ROUND
    at = 0
    async with asyncio.TaskGroup() as group:
        while True:
            part = subjects[at::_BATCHES_A_ROUND]
            group.create_task(_submit(client, part))
            at = (at + 1) % _BATCHES_A_ROUND
            await asyncio.sleep(interval)


async def _submit(client: Client, subjects: list[str]) -> None:
    commands = [
        SubmitCommand(start=StartRequest(workflow="beat", version="1.0.0", subject=subject))
        for subject in subjects
    ]
    with contextlib.suppress(TidemillError):
        await client.executions.submit(NAMESPACE, commands)


def subjects_of_shards(shards: int) -> list[str]:
    """For each shard a subject whose lane it has."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < shards:
        subject = f"s{number}"
        found.setdefault(shard_of_subject(NAMESPACE, subject, shards), subject)
        number += 1
    return [found[shard] for shard in range(shards)]
