"""Which server of a document a call goes to, and where that is."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Final

from tidemill.dsl.pointers import child
from tidemill.dsl.problems import refusal
from tidemill.engine.core.asyncapi.document import ADDRESS_CHARACTERS_MAX, PUBLISH, SUBSCRIBE, Found
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.faults import fault
from tidemill.engine.core.referring import members, objects
from tidemill.json import Json, dumps

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler


class Protocol(Enum):
    """The protocols that run, by their names in the language."""

    HTTP = "http"
    KAFKA = "kafka"
    WS = "ws"


# The names that documents have for them, each with whether it goes through TLS.
_KNOWN: Final[Mapping[str, tuple[Protocol, bool]]] = {
    "http": (Protocol.HTTP, False),
    "https": (Protocol.HTTP, True),
    "kafka": (Protocol.KAFKA, False),
    "kafka-secure": (Protocol.KAFKA, True),
    "ws": (Protocol.WS, False),
    "wss": (Protocol.WS, True),
}
# What each is for: nobody keeps the messages of HTTP for whoever subscribes later.
_RUNNING: Final[Mapping[str, tuple[Protocol, ...]]] = {
    PUBLISH: (Protocol.HTTP, Protocol.KAFKA),
    SUBSCRIBE: (Protocol.KAFKA, Protocol.WS),
}
_GAP: Final = re.compile(r"\{([^{}]*)\}")
_SCHEME: Final = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*://")
_LISTED_MAX: Final = 20
_CHOICES_MAX: Final = 256
# How SASL is spoken, by the types of security schemes.
_MECHANISMS: Final[Mapping[str, str]] = {
    "plain": "PLAIN",
    "userPassword": "PLAIN",
    "scramSha256": "SCRAM-SHA-256",
    "scramSha512": "SCRAM-SHA-512",
}


class Server:
    """The server of a call. `mechanism` is that of SASL, `is_secure` says whether it is behind TLS."""

    __slots__ = ("_choices", "_defaults", "_text", "_written", "is_secure", "mechanism", "protocol")

    def __init__(
        self,
        found: Found,
        given: Mapping[str, Json],
        pointer: str,
        *,
        verb: str,
        compiler: "Compiler",
    ) -> None:
        """`given` is the `with` of the call. Raises DocumentError."""
        name, server = _chosen(found, given, pointer, verb=verb)
        self.protocol, self.is_secure = _KNOWN[str(server.get("protocol"))]
        self.mechanism = _mechanism(server)
        self._text = _address(server)
        known = {one: members(described) for one, described in members(server.get("variables")).items()}
        written = members(members(given.get("server")).get("variables"))
        place = f"{pointer}/server/variables"
        for one in written:
            if one not in known:
                raise refusal(f"the server `{name:.80}` has no variable `{one:.80}`", child(place, one))
        for gap in _GAP.findall(self._text):
            if gap not in written and known.get(gap, {}).get("default") is None:
                raise refusal(f"the server `{name:.80}` needs its variable `{gap:.80}`", f"{pointer}/server")
        # Only what the author wrote may be an expression, never what a document says.
        self._written = compiler.template(dict(written), place)
        self._defaults = {one: described.get("default") for one, described in known.items()}
        self._choices = {
            one: [_text(choice) for choice in objects(described.get("enum"), _CHOICES_MAX)]
            for one, described in known.items()
        }
        if self._written.constant:
            for one, value in written.items():
                if wrong := self._wrong(one, value):
                    raise refusal(wrong, child(place, one))

    def address(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> str:
        """Where it is, its variables filled in. May raise one of FAULTS."""
        written = members(evaluator.evaluate(self._written, value, variables))
        for name, given in written.items():
            if wrong := self._wrong(name, given):
                raise fault("validation", wrong)
        values = {**self._defaults, **written}
        return _GAP.sub(lambda match: _text(values.get(match[1])), self._text)

    def _wrong(self, name: str, value: Json) -> str:
        choices = self._choices[name]
        if isinstance(value, dict | list) or value is None:
            return f"the variable `{name:.80}` of the server must be text"
        if choices and _text(value) not in choices:
            listed = ", ".join(f"`{one:.40}`" for one in choices[:_LISTED_MAX])
            return f"the variable `{name:.80}` of the server is one of {listed}"
        return ""


def channel_address(found: Found) -> str:
    """The address of a channel with the defaults of its parameters; raises DocumentError for one without."""

    def default(match: re.Match[str]) -> str:
        value = found.parameters.get(match[1], {}).get("default")
        if value is None or isinstance(value, dict | list):
            raise refusal(f"the address of its channel has the parameter `{match[1]:.80}`, without a default")
        return _text(value)

    return _GAP.sub(default, found.address)


def _chosen(
    found: Found, given: Mapping[str, Json], pointer: str, *, verb: str
) -> tuple[str, Mapping[str, Json]]:
    """The server by its name, or the first of the protocol, or the first of a protocol that runs."""
    named = members(given.get("server")).get("name")
    if named is not None:
        return _named(found, str(named), f"{pointer}/server/name", verb=verb)
    wanted, running = given.get("protocol"), _RUNNING[verb]
    names = [protocol.value for protocol in running]
    if wanted is not None and wanted not in names:
        raise refusal(_unspoken(str(wanted), verb), f"{pointer}/protocol")
    for name, server in found.servers.items():
        known = _KNOWN.get(str(server.get("protocol")))
        if known is not None and known[0] in running and wanted in (None, known[0].value):
            return name, server
    spoken = " or ".join(names) if wanted is None else wanted
    place = pointer if wanted is None else f"{pointer}/protocol"
    raise refusal(f"the channel has no server that speaks {spoken}; {_servers(found)}", place)


def _named(found: Found, name: str, pointer: str, *, verb: str) -> tuple[str, Mapping[str, Json]]:
    server = found.servers.get(name)
    if server is None:
        raise refusal(f"the channel has no server `{name:.80}`; {_servers(found)}", pointer)
    protocol = str(server.get("protocol"))
    if protocol not in _KNOWN or _KNOWN[protocol][0] not in _RUNNING[verb]:
        raise refusal(f"the server `{name:.80}` speaks {_unspoken(protocol, verb)}", pointer)
    return name, server


def _unspoken(protocol: str, verb: str) -> str:
    names = " and ".join(one.value for one in _RUNNING[verb])
    return f"{protocol:.20}, and what runs to {verb} is {names}"


def _servers(found: Found) -> str:
    listed = ", ".join(
        f"`{name:.80}` ({server.get('protocol')!s:.20})"
        for name, server in list(found.servers.items())[:_LISTED_MAX]
    )
    return f"it is served by {listed}" if listed else "it has no servers"


def _address(server: Mapping[str, Json]) -> str:
    """The URL (2.x), or host and path (3.x), with its scheme, except for Kafka, which has none."""
    text = str(server.get("url", f"{server.get('host', '')}{server.get('pathname') or ''}"))
    if len(text) > ADDRESS_CHARACTERS_MAX:
        raise refusal(f"the address of its server has more than {ADDRESS_CHARACTERS_MAX} characters")
    protocol = str(server.get("protocol"))
    if _KNOWN[protocol][0] is Protocol.KAFKA:
        return _SCHEME.sub("", text).rstrip("/")
    return (text if _SCHEME.match(text) else f"{protocol}://{text}").rstrip("/")


def _mechanism(server: Mapping[str, Json]) -> str:
    """How a user and a password are told to it; the first of its schemes that says."""
    for scheme in objects(server.get("security"), _LISTED_MAX):
        if mechanism := _MECHANISMS.get(str(members(scheme).get("type"))):
            return mechanism
    return "PLAIN"


def _text(value: Json) -> str:
    return value if isinstance(value, str) else dumps(value).decode()
