"""Addresses of services as settings give them: `host:port`, or several with commas between them."""

from typing import Final

from tidemill.errors import InvalidRequestError

_PORT_MAX: Final = 65_535


def split_address(name: str, address: str) -> tuple[str, int]:
    """Host and port of `host:port` (an IPv6 host stands in brackets); `name` says in errors whose it is."""
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not (host and colon and port.isdecimal() and int(port) <= _PORT_MAX) or (
        ":" in host and not bracketed
    ):
        raise InvalidRequestError(name, f"{name} is {address!r}, not host:port")
    return host, int(port)


def split_addresses(name: str, addresses: str) -> tuple[str, ...]:
    """Each `host:port` of a list with commas; raises InvalidRequestError for a wrong or repeated one."""
    parts = tuple(part.strip() for part in addresses.split(","))
    for part in parts:
        split_address(name, part)
    if len(set(parts)) < len(parts):
        raise InvalidRequestError(name, f"{name} names an address twice: {addresses!r}")
    return parts
