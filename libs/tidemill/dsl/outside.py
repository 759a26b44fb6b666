"""Documents from outside that a definition names: they are fetched when it is published, and pinned."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from tidemill.dsl.references import UnknownReferenceError, resolve_authentication
from tidemill.dsl.walk import places
from tidemill.expressions import expression_source
from tidemill.json import Json

# Which member of a place, by its level, is the resource.
RESOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {"openapi arguments": "document", "grpc arguments": "proto", "external data schema": "resource"}
)
# In the place of a .proto file: the server is asked what it speaks, when it is called.
REFLECTION: Final = "grpc://reflection"
_SCHEMES: Final = ("http", "https", "file")
_PLAIN_SCHEMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"basic": ("username", "password"), "bearer": ("token",)}
)


@dataclass(frozen=True, slots=True)
class OutsideDocument:
    """One that a definition names: where its endpoint stands, what it says, and how to prove who asks."""

    pointer: str
    uri: str
    authentication: Json = None


def outside_documents(document: Json) -> Iterator[OutsideDocument]:
    """All that a definition names, in its order; it has passed its checks."""
    for place in places(document):
        member = RESOURCES.get(place.level.name)
        if member and isinstance(place.value, dict):
            resource = place.value.get(member)
            if resource_uri(resource) == REFLECTION:
                continue
            authentication = _authentication(document, endpoint_of(resource))
            yield OutsideDocument(
                f"{place.pointer}/{member}/endpoint", resource_uri(resource), authentication
            )


def endpoint_of(resource: Json) -> Json:
    """The endpoint of a resource; None where there is none."""
    return resource.get("endpoint") if isinstance(resource, dict) else None


def resource_uri(resource: Json) -> str:
    """Where a resource comes from, as it is written; empty where nothing is."""
    endpoint = endpoint_of(resource)
    uri = endpoint.get("uri") if isinstance(endpoint, dict) else endpoint
    return uri if isinstance(uri, str) else ""


def endpoint_fault(document: Json, resource: Json) -> str:
    """Why a resource cannot be fetched when the definition is published, in one sentence; empty if it can."""
    uri = resource_uri(resource)
    if expression_source(uri) is not None:
        return "it is fetched when the definition is published: its endpoint cannot be an expression"
    if "{" in uri:
        return "it is fetched when the definition is published: its endpoint cannot have variables"
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "its endpoint is not a URI"
    if parts.scheme not in _SCHEMES or (parts.scheme != "file" and not parts.hostname):
        return "its endpoint must be a whole `http`, `https` or `file` URI, as https://example.com/api.json"
    if "@" in parts.netloc:
        return "its endpoint cannot hold a password; use `authentication`"
    return _authentication_fault(_authentication(document, endpoint_of(resource)))


def _authentication(document: Json, endpoint: Json) -> Json:
    """The authentication that an endpoint means; None where there is none, or another rule says why."""
    given = endpoint.get("authentication") if isinstance(endpoint, dict) else None
    if given is None:
        return None
    try:
        return resolve_authentication(document, given)
    except UnknownReferenceError:
        return None


def _authentication_fault(authentication: Json) -> str:
    if authentication is None:
        return ""
    for scheme, members in _PLAIN_SCHEMES.items():
        values = authentication.get(scheme) if isinstance(authentication, dict) else None
        if isinstance(values, dict) and all(_is_literal(values.get(name)) for name in members):
            return ""
    return (
        "it is fetched when the definition is published: of authentication it can have `basic` and `bearer` "
        "with literal values; secrets and other schemes are for calls"
    )


def _is_literal(value: Json) -> bool:
    return isinstance(value, str) and expression_source(value) is None
