"""Where each service of a stack listens and keeps its data, and the environment that tells it so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from tidemill.stack.ports import free_ports

ServiceName: TypeAlias = Literal["engine", "triggers", "actions"]
# The order of starting does not matter; this one is for people to read.
SERVICES: Final[tuple[ServiceName, ...]] = ("engine", "triggers", "actions")
LOCAL_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """A port for each door of the stack."""

    engine: int
    triggers: int
    actions: int
    http: int

    @classmethod
    def from_base(cls, base: int) -> "Ports":
        """Four ports in a row, the engine's first."""
        return cls(engine=base, triggers=base + 1, actions=base + 2, http=base + 3)

    @classmethod
    def free(cls) -> "Ports":
        """Four ports that are free now."""
        engine, triggers, actions, http = free_ports(4, host=LOCAL_HOST)
        return cls(engine=engine, triggers=triggers, actions=actions, http=http)

    def all(self) -> tuple[int, ...]:
        return (self.engine, self.triggers, self.actions, self.http)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A stack on this machine. `settings` are variables for the services, over the caller's environment."""

    data: Path
    ports: Ports
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[ServiceName, ...]:
        """One process a service, called as the service is."""
        return SERVICES

    def service(self, name: str) -> ServiceName:
        """The service that the process of this name runs."""
        return next(service for service in SERVICES if service == name)

    def address(self, service: str) -> str:
        """`host:port` of a service's gRPC server."""
        ports = {"engine": self.ports.engine, "triggers": self.ports.triggers, "actions": self.ports.actions}
        return f"{LOCAL_HOST}:{ports[service]}"

    @property
    def events_url(self) -> str:
        """Where Triggers takes CloudEvents over HTTP, less the path."""
        return f"http://{LOCAL_HOST}:{self.ports.http}"

    def environment_of(self, name: str, inherited: Mapping[str, str]) -> dict[str, str]:
        """The environment of the process: the same for all."""
        return self.environment(inherited)

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The environment of the stack's processes: one for all, each reads its own variables."""
        return {
            **inherited,
            "TIDEMILL_ENGINE_LISTEN": self.address("engine"),
            "TIDEMILL_ENGINE_DATA": str(self.data / "engine"),
            "TIDEMILL_ENGINE_ACTIONS": self.address("actions"),
            "TIDEMILL_ACTIONS_LISTEN": self.address("actions"),
            "TIDEMILL_ACTIONS_DATA": str(self.data / "actions"),
            "TIDEMILL_ACTIONS_TRIGGERS": self.address("triggers"),
            "TIDEMILL_TRIGGERS_LISTEN": self.address("triggers"),
            "TIDEMILL_TRIGGERS_HTTP_LISTEN": f"{LOCAL_HOST}:{self.ports.http}",
            "TIDEMILL_TRIGGERS_ENGINE": self.address("engine"),
            **self.settings,
        }
