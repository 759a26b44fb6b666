"""Where a client finds the services, from the environment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidemill.rpc.addresses import split_address, split_addresses

ENGINE_VARIABLE: Final = "TIDEMILL_ENGINE"
TRIGGERS_VARIABLE: Final = "TIDEMILL_TRIGGERS"
ACTIONS_VARIABLE: Final = "TIDEMILL_ACTIONS"
DEFAULT_ENGINE: Final = "127.0.0.1:7400"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where each service's gRPC server is: `host:port`, or several with commas between them."""

    engine: str
    triggers: str
    actions: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Addresses":
        """Read `TIDEMILL_ENGINE` and what depends on it: the others stand beside it unless they are named.

        Raises InvalidRequestError when a value is not `host:port` or a list of those.
        """
        engine = environment.get(ENGINE_VARIABLE) or DEFAULT_ENGINE
        engines = split_addresses(ENGINE_VARIABLE, engine)
        addresses = {
            TRIGGERS_VARIABLE: environment.get(TRIGGERS_VARIABLE) or _beside(engines, 1),
            ACTIONS_VARIABLE: environment.get(ACTIONS_VARIABLE) or _beside(engines, 2),
        }
        for variable, address in addresses.items():
            split_addresses(variable, address)
        return cls(engine, addresses[TRIGGERS_VARIABLE], addresses[ACTIONS_VARIABLE])


def _beside(engines: Sequence[str], ports: int) -> str:
    """The service that stands beside each Engine, so many ports further."""
    split = [split_address(ENGINE_VARIABLE, engine) for engine in engines]
    return ",".join(f"{host}:{port + ports}" for host, port in split)
