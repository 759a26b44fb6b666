"""What the benchmark runs on: a stack of its own with files, or one with Kafka and Postgres."""

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tidemill.client.calls import Patience
from tidemill.client.client import Client
from tidemill.stack.clients import client_of
from tidemill.stack.cluster_layout import Size
from tidemill.stack.group import Group
from tidemill.stack.layout import LOCAL_HOST, SERVICES
from tidemill.stack.ports import free_ports
from tidemill.stack.stack import private_stack

IN_FILES: Final = (
    "SQLite, WAL, synchronous=FULL: every acknowledged command and every step is fsynced (group commit), "
    "every effect claimed before and recorded after"
)
ON_SERVERS: Final = (
    "Kafka, one broker, acks=all, flush.messages=1; Postgres, fsync=on, synchronous_commit=on: every "
    "acknowledged command and every step is fsynced (group commit), every effect claimed before and recorded "
    "after"
)
# As many as the Engine has unless it is told otherwise; told, so that scenarios know.
_SHARDS_IN_FILES: Final = 8
_PATIENCE: Final = Patience(call_seconds=120.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """A running stack, and how to look at it. `families` are processes that work through children."""

    client: Client
    group: Group
    shards: int
    # The process that is killed where one must be.
    engine: str
    families: Mapping[str, int] = field(default_factory=dict)
    action_metrics: Sequence[str]
    durability: str
    # What whoever reads the services' data is told.
    environment: Mapping[str, str]
    # Opens one more of the same kind.
    another: Callable[[], AbstractAsyncContextManager["Bed"]]

    @property
    def pids(self) -> Mapping[str, int]:
        """The services' processes, as they are now."""
        return self.group.pids()


@asynccontextmanager
async def embedded_bed(settings: Mapping[str, str] | None = None) -> AsyncIterator[Bed]:
    """One process a service with its files; raises StackError. `settings` are variables for the services."""
    (metrics_port,) = free_ports(1)
    told = {
        "TIDEMILL_ACTIONS_METRICS_PORT": str(metrics_port),
        "TIDEMILL_ENGINE_SHARDS": str(_SHARDS_IN_FILES),
        **(settings or {}),
    }
    async with (
        private_stack(settings=told) as stack,
        client_of(stack.layout, patience=_PATIENCE) as client,
    ):
        await stack.until_healthy(*SERVICES)
        yield Bed(
            client=client,
            group=stack,
            shards=_SHARDS_IN_FILES,
            engine="engine",
            action_metrics=[f"http://{LOCAL_HOST}:{metrics_port}/metrics"],
            durability=IN_FILES,
            environment=stack.layout.environment(os.environ),
            another=partial(embedded_bed, settings),
        )


@asynccontextmanager
async def kafka_bed(
    size: Size, *, shards: int, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Bed]:
    """So many processes on a Kafka broker and a Postgres; raises ServerMissingError and StackError."""
    from tidemill.testing.clusters import private_cluster

    told = {"TIDEMILL_ENGINE_SHARDS": str(shards), **(settings or {})}
    async with (
        private_cluster(size, settings=told) as (cluster, servers),
        cluster.client(patience=_PATIENCE) as client,
    ):
        layout = cluster.layout
        yield Bed(
            client=client,
            group=cluster,
            shards=shards,
            engine=layout.named("engine")[0],
            families=servers.pids(),
            action_metrics=[layout.metrics_url(name) for name in layout.named("actions")],
            durability=ON_SERVERS,
            environment=layout.environment(os.environ),
            another=partial(kafka_bed, size, shards=shards, settings=settings),
        )
