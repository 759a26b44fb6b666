"""Where the operations of a document are served: its first server, relative to where the document is."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final
from urllib.parse import urljoin, urlsplit

from tidemill.dsl.problems import refusal
from tidemill.engine.core.openapi.document import Found, OpenApiDocument
from tidemill.engine.core.referring import members, objects
from tidemill.json import Json

URL_CHARACTERS_MAX: Final = 2_048
_VARIABLES_MAX: Final = 64
_SCHEMES: Final = ("http", "https")


def server_of(document: OpenApiDocument, found: Found) -> str:
    """The URL that the path of an operation is added to; raises DocumentError where it is no web address."""
    written = _swagger_server(document, found) if document.is_swagger else _server(document, found)
    try:
        url = urljoin(document.uri, written)
        parts = urlsplit(url)
        is_web = parts.scheme in _SCHEMES and bool(parts.hostname)
    except ValueError:
        url, is_web = written, False
    if not is_web:
        raise refusal(f"its server `{written:.120}` is no http or https URL, seen from {document.uri}")
    return url.partition("#")[0].partition("?")[0].rstrip("/")


def _server(document: OpenApiDocument, found: Found) -> str:
    """The operation's own, or its path's, or the document's; the root of its host where none is named."""
    for holder in (found.operation, found.item, document.members):
        for server in objects(holder.get("servers"), 1):
            return _filled(members(server).get("url"), members(members(server).get("variables")))
    return "/"


def _filled(url: Json, variables: Mapping[str, Json]) -> str:
    """The URL with its variables' defaults."""
    text = _bounded(str(url))
    for name in islice(variables, _VARIABLES_MAX):
        default = _bounded(str(members(variables[name]).get("default", "")))
        text = _bounded(text.replace(f"{{{name}}}", default))
    return text


def _bounded(text: str) -> str:
    if len(text) > URL_CHARACTERS_MAX:
        raise refusal(f"the URL of its server has more than {URL_CHARACTERS_MAX} characters")
    return text


def _swagger_server(document: OpenApiDocument, found: Found) -> str:
    """By scheme, host and base path, each as the document's own address has it where nothing is said."""
    address = urlsplit(document.uri)
    schemes = list(_schemes(document, found))
    scheme = address.scheme if not schemes or address.scheme in schemes else schemes[0]
    host = document.members.get("host", address.netloc)
    return f"{scheme}://{host}{document.members.get('basePath', '')}"


def _schemes(document: OpenApiDocument, found: Found) -> Iterator[str]:
    given = found.operation.get("schemes", document.members.get("schemes"))
    return (str(scheme) for scheme in objects(given, len(_SCHEMES) * 2) if scheme in _SCHEMES)
