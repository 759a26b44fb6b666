"""Which function from outside a `call` means: one by its URI, or one of a catalog of the document.

A definition holds its functions under the URIs that are made here, for ever: a later release may not make
another one of a call.
"""

import re
from collections.abc import Container
from typing import Final
from urllib.parse import urlsplit

from tidemill.dsl.outside_uris import resource_uri
from tidemill.dsl.references import section
from tidemill.dsl.shapes import PROTOCOLS
from tidemill.dsl.shapes.values import SEMANTIC_VERSION
from tidemill.json import Json

FUNCTION_FILE: Final = "function.yaml"
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_FILE: Final = "file:"
_VERSIONED: Final = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._/-]*):(?P<version>[^@\s]+)(@(?P<catalog>\S+))?"
)
_SEMANTIC_VERSION: Final = re.compile(SEMANTIC_VERSION)
_GITHUB: Final = "github.com"
# As the specification calls the function of a repository: a folder, at a tag, a branch or a commit.
_FOLDER_AT: Final = re.compile(r"/(?P<repository>[^/]+/[^/]+)/(?P<folder>[^@]+)@(?P<ref>[^@/]+)")
_TREE: Final = re.compile(r"/[^/]+/[^/]+/tree/.+")
_DOCUMENTS: Final = (".yaml", ".yml", ".json")


def versioned(call: str) -> "re.Match[str] | None":
    """The `name`, `version` and `catalog` of a call in the form NAME:VERSION or NAME:VERSION@CATALOG."""
    return None if is_function_uri(call) else _VERSIONED.fullmatch(call)


def is_function_uri(call: str) -> bool:
    """Whether a call names a function by its URI."""
    if call.startswith(_FILE):
        # There may be an action of this name.
        return not _SEMANTIC_VERSION.fullmatch(call.removeprefix(_FILE).partition("@")[0])
    return _URL.fullmatch(call) is not None


def is_from_outside(call: Json, catalogs: Container[str]) -> bool:
    """Whether a call means a function by its URI, or one of these catalogs of its document."""
    if not isinstance(call, str) or call in PROTOCOLS:
        return False
    if is_function_uri(call):
        return True
    match = _VERSIONED.fullmatch(call)
    return match is not None and match["catalog"] is not None and match["catalog"] in catalogs


def function_uri(document: Json, call: Json) -> str:
    """The URI of the function from outside that a call of a document means; empty for every other call.

    A function of the document is none of these, whatever its name. Never raises.
    """
    catalogs = section(document, "catalogs")
    if not isinstance(call, str) or call in section(document, "functions"):
        return ""
    if not is_from_outside(call, catalogs):
        return ""
    if is_function_uri(call):
        return _file_of(call)
    match = _VERSIONED.fullmatch(call)
    assert match is not None
    root = resource_uri(catalogs[match["catalog"]]).rstrip("/")
    return f"{root}/functions/{match['name']}/{match['version']}/{FUNCTION_FILE}"


def catalog_of(document: Json, call: Json) -> Json:
    """The catalog that a call of a function from outside names; None for one that is called by its URI."""
    match = versioned(call) if isinstance(call, str) else None
    return section(document, "catalogs").get(match["catalog"]) if match else None


def _file_of(uri: str) -> str:
    """The file of a function, whose URI may be that of the folder that holds it."""
    if uri.endswith("/"):
        return f"{uri}{FUNCTION_FILE}"
    try:
        parts = urlsplit(uri)
    except ValueError:
        # It is refused elsewhere.
        return uri
    if parts.netloc == _GITHUB and not parts.query and not parts.path.endswith(_DOCUMENTS):
        if _TREE.fullmatch(parts.path):
            return f"{uri}/{FUNCTION_FILE}"
        if match := _FOLDER_AT.fullmatch(parts.path):
            place = f"{match['repository']}/{match['ref']}/{match['folder']}"
            return f"https://raw.githubusercontent.com/{place}/{FUNCTION_FILE}"
    return uri
