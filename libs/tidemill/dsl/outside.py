"""Documents from outside that a definition names: they are fetched when it is published, and pinned."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from tidemill.dsl.function_calls import catalog_of, function_uri
from tidemill.dsl.outside_uris import (
    REFLECTION,
    authentication_of,
    endpoint_fault,
    endpoint_of,
    is_beside,
    resource_uri,
    whole_uri,
)
from tidemill.dsl.walk import Place, places, places_of_function
from tidemill.json import Json

# Which member of a place, by its level, is the resource.
RESOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "openapi arguments": "document",
        "asyncapi call arguments": "document",
        "grpc arguments": "proto",
        "external data schema": "resource",
        "script parts": "source",
    }
)
_FUNCTION_NAME: Final = "function name"


class Reading(Enum):
    """What a document is read as."""

    # A value, in JSON or YAML.
    VALUE = "value"
    FUNCTION = "function"
    PROTO = "proto"
    SCRIPT = "script"

    @property
    def is_value(self) -> bool:
        """Whether it may come in JSON and in YAML, and means the same."""
        return self in (Reading.VALUE, Reading.FUNCTION)


_READINGS: Final[Mapping[str, Reading]] = MappingProxyType(
    {"grpc arguments": Reading.PROTO, "script parts": Reading.SCRIPT}
)


@dataclass(frozen=True, slots=True)
class OutsideDocument:
    """One that a definition names: where its endpoint stands, what it says, and how to prove who asks.

    What a function from outside names has the pointer of the call that leads to it, and `way`: the URI of the
    function, and the pointer there.
    """

    pointer: str
    uri: str
    authentication: Json = None
    reading: Reading = Reading.VALUE
    way: str = ""

    @property
    def place(self) -> str:
        """Where it is named, as errors say it."""
        return f"{self.pointer}: {self.way}" if self.way else self.pointer

    @property
    def source(self) -> str:
        """What it is, and which function has named it, as errors say it behind the pointer."""
        return f"{self.way}: {self.uri}" if self.way else self.uri


def outside_documents(document: Json) -> Iterator[OutsideDocument]:
    """All that a definition names itself, in its order; it has passed its checks."""
    return _named(places(document), document, None)


def outside_documents_of(task: Json, function: OutsideDocument) -> Iterator[OutsideDocument]:
    """All that the task of a function from outside names itself; it has passed its checks."""
    return _named(places_of_function(task), {}, function)


def _named(
    found: Iterable[Place], document: Json, function: OutsideDocument | None
) -> Iterator[OutsideDocument]:
    for place in found:
        member = RESOURCES.get(place.level.name)
        if member and isinstance(place.value, dict) and member in place.value:
            resource = place.value[member]
            if resource_uri(resource) != REFLECTION:
                pointer = f"{place.pointer}/{member}/endpoint"
                reading = _READINGS.get(place.level.name, Reading.VALUE)
                yield _resource(resource, document, function, pointer=pointer, reading=reading)
        elif place.level.name == _FUNCTION_NAME and (uri := function_uri(document, place.value)):
            endpoint = endpoint_of(catalog_of(document, place.value))
            authentication = authentication_of(document, endpoint)
            yield _placed(OutsideDocument(place.pointer, uri, authentication, Reading.FUNCTION), function)


def _resource(
    resource: Json, document: Json, function: OutsideDocument | None, *, pointer: str, reading: Reading
) -> OutsideDocument:
    uri, authentication = resource_uri(resource), authentication_of(document, endpoint_of(resource))
    if function is None:
        return OutsideDocument(pointer, uri, authentication, reading)
    if authentication is None and is_beside(uri, function.uri):
        # Whoever may read the function may read what lies beside it.
        authentication = function.authentication
    whole = whole_uri(uri, function.uri)
    return _placed(OutsideDocument(pointer, whole, authentication, reading), function)


def _placed(named: OutsideDocument, function: OutsideDocument | None) -> OutsideDocument:
    """The document with its place in the definition, where a function from outside names it."""
    if function is None:
        return named
    way = f"{function.uri}: {named.pointer}"
    return OutsideDocument(function.pointer, named.uri, named.authentication, named.reading, way)


__all__ = [
    "REFLECTION",
    "RESOURCES",
    "OutsideDocument",
    "Reading",
    "endpoint_fault",
    "endpoint_of",
    "outside_documents",
    "outside_documents_of",
    "resource_uri",
]
