"""How each peer is set up: its servers, its worker and its client, each as its authors describe it."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from installing import HERE, node, npm_folder, venv_python
from programs import Asked, RedisServer, RestateServer

from tidemill.bench.workflows import PAYLOAD_BYTES
from tidemill.stack.ports import free_ports
from tidemill.testing.servers import PostgresServer, servers_folder
from tidemill.testing.servers.jars import program

STEPS = 5
_NODE_VARIABLES = {"NODE_ENV": "production"}


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A peer that runs. `counted` are the processes whose time counts, with all below them."""

    peer: str
    version: str
    durability: str
    client: Asked
    counted: Mapping[str, int]


@contextmanager
def restate() -> Iterator[Setup]:
    """Restate's server as one node, a service in JavaScript, and a client of its HTTP ingress."""
    packages = npm_folder("restate")
    modules = packages / "node_modules" / "@restatedev"
    binary = modules / "restate-server-linux-x64" / "bin" / "restate-server"
    (service_port,) = free_ports(1)
    # Its SDK writes a line for each execution otherwise.
    variables = {**_NODE_VARIABLES, "RESTATE_LOGGING": "WARN"}
    with (
        servers_folder() as folder,
        RestateServer(binary, packages / "restate.toml", folder / "restate") as server,
        Asked([node(), str(packages / "service.js"), str(service_port)], folder, variables) as service,
    ):
        server.register(service_port)
        command = [node(), str(packages / "client.js"), server.ingress_url, str(PAYLOAD_BYTES)]
        with Asked(command, folder, _NODE_VARIABLES) as client:
            yield Setup(
                peer="Restate, TypeScript SDK",
                version=_npm_version(modules / "restate-server"),
                durability="its own log on one node, rocksdb-disable-wal-fsync=false",
                client=client,
                counted={"server": server.pid, "service": service.pid},
            )


@contextmanager
def dbos() -> Iterator[Setup]:
    """DBOS in an application that calls its own workflows, on Postgres."""
    python = venv_python("dbos")
    version = _pinned(HERE / "dbos" / "requirements.txt")
    with servers_folder() as folder, PostgresServer(folder / "postgres") as postgres:
        command = [str(python), str(HERE / "dbos" / "app.py"), postgres.create_database("dbos")]
        with Asked([*command, str(PAYLOAD_BYTES)], folder, {}) as app:
            yield Setup(
                peer="DBOS, Python",
                version=f"{version} on Postgres {_postgres_version(postgres)}",
                durability="Postgres, fsync=on, synchronous_commit=on",
                client=app,
                counted={"postgres": postgres.pid, "app": app.pid},
            )


@contextmanager
def bullmq() -> Iterator[Setup]:
    """BullMQ with flows of five jobs: a Redis, a worker, and a client that adds the flows."""
    packages = npm_folder("bullmq")
    binary = program("redis-server", "Redis (on Debian: apt-get install redis-server)")
    version = _npm_version(packages / "node_modules" / "bullmq")
    with servers_folder() as folder, RedisServer(binary, folder / "redis") as redis:
        arguments = [str(redis.port), str(PAYLOAD_BYTES)]
        with (
            Asked([node(), str(packages / "worker.js"), *arguments], folder, _NODE_VARIABLES) as worker,
            Asked([node(), str(packages / "client.js"), *arguments], folder, _NODE_VARIABLES) as client,
        ):
            yield Setup(
                peer="BullMQ, flow of five jobs",
                version=f"{version} on Redis {_redis_version(binary)}",
                durability="Redis, appendonly=yes, appendfsync=always",
                client=client,
                counted={"redis": redis.pid, "worker": worker.pid},
            )


SETUPS: Mapping[str, Callable[[], AbstractContextManager[Setup]]] = {
    "restate": restate,
    "dbos": dbos,
    "bullmq": bullmq,
}


def _npm_version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text())["version"])


def _pinned(requirements: Path) -> str:
    return requirements.read_text().split("==")[1].strip()


def _postgres_version(server: PostgresServer) -> str:
    return server.execute("SHOW server_version").split()[0]


def _redis_version(binary: str) -> str:
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    return next(word[2:] for word in said.split() if word.startswith("v="))
