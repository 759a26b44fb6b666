"""Ports that nobody listens on."""

import random
import socket
from pathlib import Path
from typing import Final

_EPHEMERAL_RANGE_FILE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_EPHEMERAL_LOWEST: Final = 32_768
_LOWEST: Final = 10_240
_TRIES_MAX: Final = 1_000


def free_ports(count: int, *, host: str = "127.0.0.1", source: random.Random | None = None) -> list[int]:
    """Different ports that are free now; raises OSError when none can be found.

    They lie below the range that the kernel gives to outgoing connections: a port from within could be taken
    by any client while its service is restarted, even by one that reconnects to the service itself.
    """
    source = source or random.Random()
    highest = max(_ephemeral_lowest() - 1, _LOWEST + count)
    ports: list[int] = []
    for _ in range(_TRIES_MAX):
        port = source.randint(_LOWEST, highest)
        if port not in ports and is_free(port, host=host):
            ports.append(port)
        if len(ports) == count:
            return ports
    raise OSError(f"no {count} free ports between {_LOWEST} and {highest}")


def is_free(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether a service could listen on the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections that a stopped server left behind do not make its port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError:
            return False
    return True


def _ephemeral_lowest() -> int:
    try:
        return int(_EPHEMERAL_RANGE_FILE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _EPHEMERAL_LOWEST
