"""An AsyncAPI document, 2.x or 3.x, read as far as calls need it: its channels, operations and servers."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from tidemill.dsl import DocumentError
from tidemill.dsl.problems import refusal
from tidemill.engine.core.referring import Referring, known_names, members, objects
from tidemill.json import Json
from tidemill.values import value as frozen

PUBLISH: Final = "publish"
SUBSCRIBE: Final = "subscribe"
ADDRESS_CHARACTERS_MAX: Final = 2_048
_MESSAGES_MAX: Final = 64
_SERVERS_MAX: Final = 256


@frozen
class Found:
    """A channel as a call uses it: its address, its parameters, the operation, its bindings, the messages.

    `servers` are those that have it, by name, in the document's order.
    """

    address: str
    parameters: Mapping[str, Mapping[str, Json]]
    operation: Mapping[str, Json]
    bindings: Mapping[str, Json]
    messages: tuple[Mapping[str, Json], ...]
    servers: Mapping[str, Mapping[str, Json]]


class AsyncApiDocument(Referring):
    """One document and where it came from."""

    def __init__(self, value: Json, uri: str) -> None:
        """Raises DocumentError for what is no AsyncAPI document of a known version."""
        super().__init__(value)
        self.uri = uri
        version = self.members.get("asyncapi")
        if version is None:
            raise refusal("it is no AsyncAPI document: it has no `asyncapi`")
        self.is_v2 = str(version).startswith("2.")
        if not self.is_v2 and not str(version).startswith("3."):
            raise refusal(f"it is of version `{version!s:.20}`, and AsyncAPI 2.x and 3.x can be read")
        self.default_content_type = self.members.get("defaultContentType")

    def channel(self, name: str, verb: str) -> Found:
        """A channel by its name, to publish to or to subscribe to; raises DocumentError."""
        channels = members(self.members.get("channels"))
        if name not in channels:
            raise refusal(_unknown("channel", name, channels))
        channel = self.resolve(channels[name])
        if not self.is_v2:
            return self._found_v3(channel, {}, channel.get("messages"))
        if not isinstance(channel.get(verb), dict):
            raise refusal(f"the channel `{name:.80}` has no `{verb}`")
        return self._found_v2(name, channel, self.resolve(channel[verb]))

    def operation(self, name: str, verb: str) -> Found:
        """An operation by its name (3.x) or its operationId (2.x); raises DocumentError."""
        if self.is_v2:
            return self._operation_v2(name, verb)
        operations = members(self.members.get("operations"))
        if name not in operations:
            raise refusal(_unknown("operation", name, operations))
        operation = self.resolve(operations[name])
        channel = self.resolve(operation.get("channel"))
        return self._found_v3(channel, operation, operation.get("messages", channel.get("messages")))

    def _operation_v2(self, name: str, wanted: str) -> Found:
        known: list[str] = []
        for address, given in members(self.members.get("channels")).items():
            channel = self.resolve(given)
            for verb in (PUBLISH, SUBSCRIBE):
                operation = self.resolve(channel.get(verb))
                operation_id = operation.get("operationId")
                if operation_id == name:
                    if verb != wanted:
                        raise refusal(f"the operation `{name:.80}` is one to {verb}, not to {wanted}")
                    return self._found_v2(address, channel, operation)
                known += [operation_id] if isinstance(operation_id, str) else []
        raise refusal(_unknown("operation", name, known))

    def _found_v2(self, address: str, channel: Mapping[str, Json], operation: Mapping[str, Json]) -> Found:
        message = self.resolve(operation.get("message"))
        messages = message.get("oneOf", [dict(message)])
        named = channel.get("servers")
        known = members(self.members.get("servers"))
        names = [str(name) for name in objects(named, _SERVERS_MAX)] if named else list(known)
        servers = {
            name: self._server(self.resolve(known[name])) for name in names[:_SERVERS_MAX] if name in known
        }
        parameters = {
            name: members(self.resolve(given).get("schema"))
            for name, given in members(channel.get("parameters")).items()
        }
        bindings = self.resolve(channel.get("bindings"))
        return Found(_bounded(address), parameters, operation, bindings, self._messages(messages), servers)

    def _found_v3(self, channel: Mapping[str, Json], operation: Mapping[str, Json], messages: Json) -> Found:
        address = channel.get("address")
        if not isinstance(address, str):
            raise refusal("its channel has no `address`, so where messages go is not known")
        listed = list(messages.values()) if isinstance(messages, dict) else messages
        known = {name: self.resolve(given) for name, given in members(self.members.get("servers")).items()}
        own = [self.resolve(given) for given in objects(channel.get("servers"), _SERVERS_MAX)]
        if own:
            # Which one is meant shows in what a reference leads to.
            known = {name: server for name, server in known.items() if any(server is one for one in own)}
        parameters = {name: self.resolve(given) for name, given in members(channel.get("parameters")).items()}
        servers = {name: self._server(server) for name, server in known.items()}
        bindings = self.resolve(channel.get("bindings"))
        return Found(_bounded(address), parameters, operation, bindings, self._messages(listed), servers)

    def _server(self, server: Mapping[str, Json]) -> Mapping[str, Json]:
        """A server with its security schemes themselves, which 2.x documents only name."""
        schemes = members(self.members.get("components")).get("securitySchemes")
        given = [members(one) for one in objects(server.get("security"), _SERVERS_MAX)]
        if self.is_v2:
            named = (members(schemes).get(name) for one in given for name in one)
            listed: list[Json] = [dict(self.resolve(scheme)) for scheme in named]
        else:
            listed = [dict(self.resolve(dict(one))) for one in given]
        variables: dict[str, Json] = {
            name: dict(self.resolve(one)) for name, one in members(server.get("variables")).items()
        }
        return {**server, "security": listed, "variables": variables}

    def _messages(self, given: Json) -> tuple[Mapping[str, Json], ...]:
        return tuple(
            {name: value for part in self._with_traits(one) for name, value in part.items()}
            for one in objects(given, _MESSAGES_MAX)
        )

    def _with_traits(self, given: Json) -> Iterator[Mapping[str, Json]]:
        """The traits of a message, and itself, which says the last word."""
        message = self.resolve(given)
        yield from (self.resolve(trait) for trait in objects(message.get("traits"), _MESSAGES_MAX))
        yield message


def find(document: AsyncApiDocument, given: Mapping[str, Json], verb: str) -> Found:
    """What the `channel` or the `operation` of a call means; raises DocumentError with the document's URI."""
    try:
        if "operation" in given:
            return document.operation(str(given["operation"]), verb)
        return document.channel(str(given.get("channel")), verb)
    except DocumentError as error:
        raise refusal(f"{document.uri}: {error.problems[0].message}") from None


def _bounded(address: str) -> str:
    if len(address) > ADDRESS_CHARACTERS_MAX:
        raise refusal(f"the address of its channel has more than {ADDRESS_CHARACTERS_MAX} characters")
    return address


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    return f"there is no {kind} `{name:.80}`; {known_names(name, known) or 'it has none'}"
