"""Several processes of each service on one machine, which keep what they are told in Kafka and Postgres."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tidemill.stack.layout import LOCAL_HOST, SERVICES, ServiceName
from tidemill.stack.ports import free_ports

_DOORS_EACH: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The URLs of what all processes share."""

    store: str
    log: str
    ledger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many processes of each service there are."""

    engines: int = 3
    actions: int = 2
    triggers: int = 2

    def names(self, service: ServiceName) -> tuple[str, ...]:
        """The processes of the service: `engine-1`, `engine-2`, and so on."""
        counts = {"engine": self.engines, "actions": self.actions, "triggers": self.triggers}
        return tuple(f"{service}-{number}" for number in range(1, counts[service] + 1))


@dataclass(frozen=True, slots=True)
class Doors:
    """The ports of one process; only Triggers uses the one for HTTP."""

    grpc: int
    metrics: int
    http: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLayout:
    """Where each process is. `settings` are variables for all of them, over the caller's environment."""

    data: Path
    size: Size
    doors: Mapping[str, Doors]
    storage: Storage
    settings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def on_free_ports(
        cls, data: Path, size: Size, storage: Storage, *, settings: Mapping[str, str] | None = None
    ) -> "ClusterLayout":
        """A cluster on ports that are free now."""
        names = [name for service in SERVICES for name in size.names(service)]
        ports = iter(free_ports(len(names) * _DOORS_EACH, host=LOCAL_HOST))
        doors = {name: Doors(next(ports), next(ports), next(ports)) for name in names}
        return cls(data=data, size=size, doors=doors, storage=storage, settings=settings or {})

    @property
    def names(self) -> tuple[str, ...]:
        """Every process."""
        return tuple(self.doors)

    def named(self, service: ServiceName) -> tuple[str, ...]:
        """The processes of one service."""
        return self.size.names(service)

    def service(self, name: str) -> ServiceName:
        """The service that the process runs."""
        return next(service for service in SERVICES if name in self.size.names(service))

    def address(self, name: str) -> str:
        """`host:port` of its gRPC server."""
        return f"{LOCAL_HOST}:{self.doors[name].grpc}"

    def addresses(self, service: ServiceName) -> str:
        """The addresses of all processes of a service, as settings and clients take them."""
        return ",".join(self.address(name) for name in self.size.names(service))

    def metrics_url(self, name: str) -> str:
        """The page that Prometheus would scrape."""
        return f"http://{LOCAL_HOST}:{self.doors[name].metrics}/metrics"

    def environment_of(self, name: str, inherited: Mapping[str, str]) -> dict[str, str]:
        """The environment of the process."""
        doors, prefix = self.doors[name], f"TIDEMILL_{self.service(name).upper()}"
        return {
            **self.environment(inherited),
            f"{prefix}_LISTEN": f"{LOCAL_HOST}:{doors.grpc}",
            f"{prefix}_METRICS_PORT": str(doors.metrics),
            "TIDEMILL_ENGINE_DATA": str(self.data / name),
            "TIDEMILL_ACTIONS_DATA": str(self.data / name),
            "TIDEMILL_TRIGGERS_HTTP_LISTEN": f"{LOCAL_HOST}:{doors.http}",
            **self.settings,
        }

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """What every process, and whoever works beside them, is told."""
        return {
            **inherited,
            "TIDEMILL_ENGINE_STORE_URL": self.storage.store,
            "TIDEMILL_ENGINE_LOG_URL": self.storage.log,
            "TIDEMILL_ACTIONS_LEDGER_URL": self.storage.ledger,
            "TIDEMILL_ENGINE_ACTIONS": self.addresses("actions"),
            "TIDEMILL_ACTIONS_TRIGGERS": self.addresses("triggers"),
            "TIDEMILL_TRIGGERS_ENGINE": self.addresses("engine"),
            "TIDEMILL_ENGINE": self.addresses("engine"),
            "TIDEMILL_TRIGGERS": self.addresses("triggers"),
            "TIDEMILL_ACTIONS": self.addresses("actions"),
            **self.settings,
        }
