"""The arguments of calls over Kafka and WebSockets: what the engine has made of a `with`, made values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidemill.actions.adapters.asyncapi.filters import MessageFilter, read_filter
from tidemill.actions.adapters.asyncapi.problems import invalid, misconfigured
from tidemill.json import Json, JsonError, dumps, loads


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Brokers, and how they are told who is calling. Without a user nobody is told."""

    servers: tuple[str, ...]
    tls: bool
    user: str | None = None
    password: str = field(default="", repr=False)
    mechanism: str = "PLAIN"

    @property
    def text(self) -> str:
        """What an error may show."""
        return ",".join(self.servers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record to publish. None is sent as a record without a value."""

    cluster: Cluster
    topic: str
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages are wanted: how many at most (0: as many as there are), until when, and which."""

    messages_max: int
    until_us: int
    content_type: str
    correlation: str
    filter: MessageFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """A call of a subscription. Without a position it begins with what was sent since a time."""

    cluster: Cluster
    topic: str
    subscription: str
    since_us: int
    position: Mapping[int, int] | None
    wanted: Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """A connection that takes messages."""

    url: str
    authentication: Json = field(repr=False)
    wanted: Wanted


def parse_record(arguments: bytes, key: str) -> Record:
    """Read the arguments of a call that publishes; `key` becomes a header. Raises AsyncApiError."""
    members = _members(arguments)
    payload = members.get("payload")
    headers = {"idempotency-key": key, **_object(members.get("headers"), "with.message.headers")}
    return Record(
        cluster=_cluster(members),
        topic=_text(members.get("topic"), "the topic"),
        value=None if payload is None else dumps(payload),
        headers=tuple((name, _header(value)) for name, value in headers.items() if value is not None),
    )


def parse_receiving(arguments: bytes) -> Receiving:
    """Read the arguments of a call of a subscription. Raises AsyncApiError."""
    members = _members(arguments)
    position = members.get("position")
    return Receiving(
        cluster=_cluster(members),
        topic=_text(members.get("topic"), "the topic"),
        subscription=_text(members.get("subscription"), "the subscription"),
        since_us=_number(members.get("sinceUs", 0), "sinceUs"),
        position=None if position is None else _position(position),
        wanted=_wanted(members),
    )


def parse_listening(arguments: bytes) -> Listening:
    """Read the arguments of a call over a WebSocket. Raises AsyncApiError."""
    members = _members(arguments)
    url = _text(members.get("uri"), "the address")
    if not url.startswith(("ws://", "wss://")):
        raise misconfigured(f"the address `{url:.120}` is no ws or wss URI")
    return Listening(url=url, authentication=members.get("authentication"), wanted=_wanted(members))


def _wanted(members: Mapping[str, Json]) -> Wanted:
    return Wanted(
        messages_max=_number(members.get("max", 0), "max"),
        until_us=_number(members.get("untilUs", 0), "untilUs"),
        content_type=_text(members.get("contentType"), "the content type"),
        correlation=str(members.get("correlation", "")),
        filter=read_filter(members.get("filter")),
    )


def _cluster(members: Mapping[str, Json]) -> Cluster:
    servers = members.get("servers")
    if not isinstance(servers, list) or not servers:
        raise misconfigured("there are no servers")
    cluster = Cluster(
        servers=tuple(_server(_text(server, "a server")) for server in servers),
        tls=members.get("tls") is True,
    )
    if members.get("authentication") is None:
        return cluster
    basic = _object(members["authentication"], "with.authentication").get("basic")
    given = _object(basic, "with.authentication.basic")
    return Cluster(
        servers=cluster.servers,
        tls=cluster.tls,
        user=_text(given.get("username"), "with.authentication.basic.username"),
        password=_text(given.get("password"), "with.authentication.basic.password"),
        mechanism=str(members.get("mechanism", "PLAIN")),
    )


def _server(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host:
        return f"{text}:9092"
    if not port.isdigit():
        raise misconfigured(f"the server `{text:.120}` is not of the form host:port")
    return text


def _position(value: Json) -> dict[int, int]:
    offsets = _object(value, "the position")
    if not all(name.isdigit() and isinstance(offset, int) for name, offset in offsets.items()):
        raise invalid("the position must hold an offset for each partition")
    return {int(name): offset for name, offset in offsets.items() if isinstance(offset, int)}


def _header(value: Json) -> bytes:
    return value.encode() if isinstance(value, str) else dumps(value)


def _members(arguments: bytes) -> Mapping[str, Json]:
    try:
        return _object(loads(arguments, field="arguments"), "the arguments")
    except JsonError as error:
        raise invalid(error.message) from None


def _object(value: Json, name: str) -> Mapping[str, Json]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object")
    return value


def _number(value: Json, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise invalid(f"{name} must be a whole number that is not negative")
    return value


def _text(value: Json, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise invalid(f"{name} must be text, and not empty")
    return value
