"""Where a client finds the services, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidemill.errors import InvalidRequestError

ENGINE_VARIABLE: Final = "TIDEMILL_ENGINE"
TRIGGERS_VARIABLE: Final = "TIDEMILL_TRIGGERS"
ACTIONS_VARIABLE: Final = "TIDEMILL_ACTIONS"
DEFAULT_ENGINE: Final = "127.0.0.1:7400"
_PORT_MAX: Final = 65_535


@dataclass(frozen=True, slots=True)
class Addresses:
    """`host:port` of each service's gRPC server."""

    engine: str
    triggers: str
    actions: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Addresses":
        """Read `TIDEMILL_ENGINE` and what depends on it: the others stand beside it unless they are named.

        Raises InvalidRequestError when a value is not `host:port`.
        """
        engine = environment.get(ENGINE_VARIABLE) or DEFAULT_ENGINE
        host, port = split_address(ENGINE_VARIABLE, engine)
        addresses = {
            TRIGGERS_VARIABLE: environment.get(TRIGGERS_VARIABLE) or f"{host}:{port + 1}",
            ACTIONS_VARIABLE: environment.get(ACTIONS_VARIABLE) or f"{host}:{port + 2}",
        }
        for variable, address in addresses.items():
            split_address(variable, address)
        return cls(engine, addresses[TRIGGERS_VARIABLE], addresses[ACTIONS_VARIABLE])


def split_address(name: str, address: str) -> tuple[str, int]:
    """Host and port of `host:port` (an IPv6 host stands in brackets); `name` says in errors whose it is."""
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdecimal() and int(port) <= _PORT_MAX):
        raise InvalidRequestError(name, f"{name} is {address!r}, not host:port")
    return host, int(port)
