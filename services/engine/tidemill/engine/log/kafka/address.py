"""What the URL of a command log in Kafka says: brokers, topic, and how to connect."""

import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from tidemill.errors import InvalidRequestError

_FORM: Final = "kafka://host:9092,host:9092/topic"
_PORT: Final = 9092
_OPTIONS: Final = frozenset({"security_protocol", "sasl_mechanism", "ca_file"})
_PROTOCOLS: Final = frozenset({"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"})
_MECHANISMS: Final = frozenset({"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaAddress:
    """Where the log is. The user and the password are those of SASL."""

    servers: tuple[str, ...]
    topic: str
    user: str = ""
    password: str = ""
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    ca_file: str = ""

    @property
    def text(self) -> str:
        """What an error may show: without the password."""
        return f"{','.join(self.servers)}/{self.topic}"

    def connection(self) -> dict[str, object]:
        """What aiokafka wants to know. Raises InvalidRequestError for a file of certificates that is none."""
        options: dict[str, object] = {
            "bootstrap_servers": list(self.servers),
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = self._ssl_context()
        if self.security_protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.user
            options["sasl_plain_password"] = self.password
        return options

    def _ssl_context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as error:
            raise InvalidRequestError("log_url", f"ca_file {self.ca_file}: {error}") from error


def parse_address(url: str) -> KafkaAddress:
    """Read `kafka://[user:password@]host:port,host:port/topic?security_protocol=SASL_SSL&...`.

    Raises InvalidRequestError, whose message never has the password.
    """
    parts = urlsplit(url)
    topic = parts.path.removeprefix("/")
    credentials, _, hosts = parts.netloc.rpartition("@")
    servers = tuple(_server(host) for host in hosts.split(",") if host)
    if parts.scheme != "kafka" or not servers or not topic or "/" in topic:
        raise InvalidRequestError("log_url", f"the log's URL must have the form {_FORM}")
    user, _, password = credentials.partition(":")
    return KafkaAddress(
        servers=servers, topic=topic, user=unquote(user), password=unquote(password), **_options(parts)
    )


def _server(host: str) -> str:
    name, _, port = host.rpartition(":")
    if not name:
        return f"{host}:{_PORT}"
    if not port.isdigit():
        raise InvalidRequestError("log_url", f"{host} has no port that is a number: {_FORM}")
    return host


def _options(parts: SplitResult) -> dict[str, str]:
    options = dict(parse_qsl(parts.query))
    for name in options.keys() - _OPTIONS:
        raise InvalidRequestError("log_url", f"the log's URL has no option {name}")
    for name, allowed in (("security_protocol", _PROTOCOLS), ("sasl_mechanism", _MECHANISMS)):
        if name in options and options[name] not in allowed:
            raise InvalidRequestError("log_url", f"{name} must be one of {', '.join(sorted(allowed))}")
    return options
