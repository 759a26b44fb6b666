"""The time zone that a document means where none is named."""

from collections.abc import Mapping
from typing import Final

from tidemill.engine.core.compiler import members
from tidemill.json import Json

_UTC: Final = "UTC"


def zone_name(document: Mapping[str, Json]) -> str:
    """The name in `document.metadata.tidemill.timezone`, else in `document.metadata.timezone`, else UTC."""
    metadata = members(members(document.get("document")).get("metadata"))
    own = members(metadata.get("tidemill")).get("timezone")
    return str(own or metadata.get("timezone") or _UTC)
