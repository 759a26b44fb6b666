"""Where servers are reached, and whether through TLS."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tidemill.actions.adapters.grpc_calls.arguments import TLS_PORT
from tidemill.errors import InvalidRequestError

_VARIABLE: Final = "TIDEMILL_ACTIONS_GRPC_HOSTS"
_SCHEMES: Final = ("grpc", "grpcs")


@dataclass(frozen=True, slots=True)
class Target:
    """A server. Plain where it is not secure."""

    address: str
    secure: bool


def parse_hosts(text: str) -> dict[str, Target]:
    """Read `host:port=grpc://127.0.0.1:5011,...` to targets by host; `grpcs:` is through TLS.

    A host may come without its port. Raises InvalidRequestError.
    """
    hosts = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        host, _, base = entry.partition("=")
        target = _target(base)
        if not host or target is None:
            raise InvalidRequestError(
                _VARIABLE, f"{_VARIABLE}: {entry!r} is not of the form host:port=grpc://host:port"
            )
        hosts[host.lower()] = target
    return hosts


def _target(base: str) -> Target | None:
    try:
        parts = urlsplit(base)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _SCHEMES or not parts.hostname or not port:
        return None
    return Target(f"{parts.hostname}:{port}", parts.scheme == "grpcs")


def target_of(host: str, port: int, hosts: Mapping[str, Target]) -> Target:
    """The server for a host and a port: where the setting says, or there, with TLS on port 443 alone."""
    address = f"{host}:{port}"
    return hosts.get(address) or hosts.get(host) or Target(address, port == TLS_PORT)
