"""URIs of what definitions name from outside: whole ones, and those of files beside a function."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from tidemill.dsl.references import UnknownReferenceError, resolve_authentication
from tidemill.expressions import expression_source
from tidemill.json import Json

# In the place of a .proto file: the server is asked what it speaks, when it is called.
REFLECTION: Final = "grpc://reflection"
_SCHEMES: Final = ("http", "https", "file")
_PLAIN_SCHEMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"basic": ("username", "password"), "bearer": ("token",)}
)
_HAS_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BESIDE: Final = re.compile(r"(?!\.)[^/\\?#\s]+(/(?!\.)[^/\\?#\s]+)*")
_FETCHED: Final = "it is fetched when the definition is published"


def endpoint_of(resource: Json) -> Json:
    """The endpoint of a resource or of a catalog; None where there is none."""
    return resource.get("endpoint") if isinstance(resource, dict) else None


def resource_uri(resource: Json) -> str:
    """Where a resource comes from, as it is written; empty where nothing is."""
    endpoint = endpoint_of(resource)
    uri = endpoint.get("uri") if isinstance(endpoint, dict) else endpoint
    return uri if isinstance(uri, str) else ""


def is_beside(uri: str, base: str) -> bool:
    """Whether a URI is that of a file beside the function at `base`; there is none beside a document."""
    return bool(base) and _HAS_SCHEME.match(uri) is None


def whole_uri(uri: str, base: str) -> str:
    """What a URI means in the function at `base`, which is empty in a document."""
    if not is_beside(uri, base):
        return uri
    folder, slash, _ = re.split("[?#]", base, maxsplit=1)[0].rpartition("/")
    return f"{folder}/{uri}" if slash else f"file:{uri}"


def endpoint_fault(document: Json, resource: Json, base: str = "") -> str:
    """Why a resource cannot be fetched when the definition is published, in one sentence; empty if it can.

    `base` is the URI of the function that names it; empty where the document does.
    """
    uri = resource_uri(resource)
    if expression_source(uri) is not None:
        return f"{_FETCHED}: its endpoint cannot be an expression"
    if "{" in uri:
        return f"{_FETCHED}: its endpoint cannot have variables"
    fault = _uri_fault(uri, base, "its endpoint") or _password_fault(uri, "its endpoint", "`authentication`")
    return fault or _authentication_fault(authentication_of(document, endpoint_of(resource)))


def function_fault(uri: str, base: str = "") -> str:
    """Why a function cannot be fetched by its URI, in one sentence; empty if it can."""
    what = "the URI of a function"
    return _uri_fault(uri, base, what) or _password_fault(uri, what, "a catalog with `authentication`")


def _uri_fault(uri: str, base: str, what: str) -> str:
    if is_beside(uri, base):
        return "" if _BESIDE.fullmatch(uri) else f"{what} must be whole, or name a file beside the function"
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return f"{what} is not a URI"
    if parts.scheme not in _SCHEMES or (parts.scheme != "file" and not parts.hostname):
        return f"{what} must be a whole `http`, `https` or `file` URI, as https://example.com/api.json"
    if parts.scheme == "file" and base.startswith("http"):
        return "what comes over the web can name no `file`"
    return ""


def _password_fault(uri: str, what: str, instead: str) -> str:
    return f"{what} cannot hold a password; use {instead}" if "@" in urlsplit(uri).netloc else ""


def authentication_of(document: Json, endpoint: Json) -> Json:
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
        f"{_FETCHED}: of authentication it can have `basic` and `bearer` with literal values; secrets and "
        "other schemes are for calls"
    )


def _is_literal(value: Json) -> bool:
    return isinstance(value, str) and expression_source(value) is None
