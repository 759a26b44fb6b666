"""Hosts whose HTTP requests are sent elsewhere, for tests and local work, as settings name them."""

from urllib.parse import urlsplit

from tidemill.errors import InvalidRequestError


def parse_hosts(variable: str, text: str) -> dict[str, str]:
    """Read `host=http://127.0.0.1:8080,...` to bases by host; a host may carry its port.

    Raises InvalidRequestError, which names the variable that the text comes from.
    """
    hosts = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        host, _, base = entry.partition("=")
        parts = urlsplit(base)
        if not host or parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidRequestError(
                variable, f"{variable}: {entry!r} is not of the form host=http://host:port"
            )
        hosts[host.lower()] = base
    return hosts
