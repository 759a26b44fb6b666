"""A cluster with servers of its own: Kafka, Postgres and processes of each service, gone at the end."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidemill.stack.cluster import Cluster
from tidemill.stack.cluster_layout import ClusterLayout, Size, Storage
from tidemill.testing.servers import KafkaServer, PostgresServer, servers_folder
from tidemill.testing.servers.kafka import QUICK_START

STORE_NAME: Final = "tidemill"
LEDGER_NAME: Final = "tidemill_actions"
TOPIC: Final = "tidemill.commands"
# There is one broker, which writes each message to the disk before it answers.
_ONE_BROKER: Final = {"TIDEMILL_ENGINE_LOG_REPLICATION_FACTOR": "1"}


@dataclass(frozen=True, slots=True)
class Servers:
    """What the services keep everything in."""

    kafka: KafkaServer
    postgres: PostgresServer

    @property
    def storage(self) -> Storage:
        """Its URLs."""
        return Storage(
            store=self.postgres.url(STORE_NAME),
            log=f"kafka://{self.kafka.bootstrap}/{TOPIC}",
            ledger=self.postgres.url(LEDGER_NAME),
        )

    async def restart_kafka(self) -> None:
        """End the broker as a power cut would, and start it again on the same data."""
        await asyncio.to_thread(self.kafka.kill)
        await asyncio.to_thread(self.kafka.start)

    async def restart_postgres(self) -> None:
        """End Postgres at once, without a checkpoint, and start it again on the same data."""
        await asyncio.to_thread(self.postgres.kill)
        await asyncio.to_thread(self.postgres.start)

    def pids(self) -> dict[str, int]:
        """The process of each server; Postgres has children."""
        return {"kafka": self.kafka.pid, "postgres": self.postgres.pid}


@asynccontextmanager
async def private_servers(*, quick_start: bool = False) -> AsyncIterator[Servers]:
    """Kafka and Postgres with empty databases; raises ServerMissingError where they cannot be had."""
    java_options = QUICK_START if quick_start else ()
    with servers_folder() as folder:
        servers = Servers(
            KafkaServer(folder / "kafka", java_options=java_options), PostgresServer(folder / "postgres")
        )
        try:
            await asyncio.gather(
                asyncio.to_thread(servers.kafka.start), asyncio.to_thread(servers.postgres.start)
            )
            for name in (STORE_NAME, LEDGER_NAME):
                await asyncio.to_thread(servers.postgres.create_database, name)
            yield servers
        finally:
            servers.kafka.kill()
            servers.postgres.kill()


@asynccontextmanager
async def private_cluster(
    size: Size | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    data: Path | None = None,
    quick_start: bool = False,
) -> AsyncIterator[tuple[Cluster, Servers]]:
    """A cluster that is started, on servers of its own. Logs go to `data`, or are gone with everything else.

    With `quick_start` the broker is there sooner and each message costs it more: where nothing is measured.
    Raises ServerMissingError and StackError.
    """
    folder = data or Path(tempfile.mkdtemp(prefix="tidemill-cluster-"))
    try:
        async with private_servers(quick_start=quick_start) as servers:
            told = {**_ONE_BROKER, **(settings or {})}
            layout = ClusterLayout.on_free_ports(folder, size or Size(), servers.storage, settings=told)
            cluster = Cluster(layout)
            try:
                await cluster.start()
                yield cluster, servers
            finally:
                await cluster.kill_all()
    finally:
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)
