"""Hosts whose calls are sent elsewhere, for tests and local work."""

from typing import Final
from urllib.parse import urlsplit

from tidemill.errors import InvalidRequestError

_VARIABLE: Final = "TIDEMILL_ACTIONS_HTTP_HOSTS"


def parse_hosts(text: str) -> dict[str, str]:
    """Read `host=http://127.0.0.1:8080,...` to bases by host; a host may carry its port.

    Raises InvalidRequestError.
    """
    hosts = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        host, _, base = entry.partition("=")
        parts = urlsplit(base)
        if not host or parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidRequestError(
                _VARIABLE, f"{_VARIABLE}: {entry!r} is not of the form host=http://host:port"
            )
        hosts[host.lower()] = base
    return hosts
