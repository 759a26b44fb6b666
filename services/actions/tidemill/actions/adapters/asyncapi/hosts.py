"""Where brokers are, for tests and local work, as settings name them."""

from typing import Final

from tidemill.errors import InvalidRequestError

_VARIABLE: Final = "TIDEMILL_ACTIONS_KAFKA_HOSTS"


def parse_hosts(text: str) -> dict[str, str]:
    """Read `host:port=127.0.0.1:9092,...` to addresses by address; a host may come without its port.

    Raises InvalidRequestError.
    """
    hosts = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        host, _, address = entry.partition("=")
        name, _, port = address.rpartition(":")
        if not host or not name or not port.isdigit():
            raise InvalidRequestError(
                _VARIABLE, f"{_VARIABLE}: {entry!r} is not of the form host:port=host:port"
            )
        hosts[host.lower()] = address
    return hosts
