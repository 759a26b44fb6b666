"""What is good language but does not run in this release yet: each finding names the feature.

A row leaves this table when the engine learns to run what it names.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final

from tidemill.dsl import limits
from tidemill.dsl.default_catalog import default_function
from tidemill.dsl.problems import Problem
from tidemill.dsl.shapes import PROTOCOLS
from tidemill.dsl.walk import Place, places
from tidemill.json import Json

Finding = tuple[str, str]
Look = Callable[[Place], Iterator[Finding]]

_DSL_VERSIONS: Final = "1.0."
_CALLED: Final = ("http", "openapi", "grpc", "mcp", "a2a")


def unsupported(document: Json) -> list[Problem]:
    """Find what this release does not run yet in a document that has passed its checks, in its order."""
    return list(islice(_problems(document), limits.PROBLEMS_MAX))


def _problems(document: Json) -> Iterator[Problem]:
    for place in places(document):
        look = _TABLE.get(place.level.name)
        for member, feature in look(place) if look else ():
            pointer = f"{place.pointer}/{member}" if member else place.pointer
            yield Problem(pointer, f"{feature} not supported yet")


def _whole(feature: str) -> Look:
    def look(_place: Place) -> Iterator[Finding]:
        yield "", feature

    return look


def _members(**features: str) -> Look:
    """Findings for members that are present and not empty."""

    def look(place: Place) -> Iterator[Finding]:
        for member, feature in features.items():
            if isinstance(place.value, dict) and place.value.get(member):
                yield member, feature

    return look


def _function(place: Place) -> Iterator[Finding]:
    call = str(place.value)
    if call in PROTOCOLS or default_function(call):
        return
    if "://" in call:
        yield "", "functions by URL are"
    elif "@" in call:
        yield "", "functions of catalogs are"


def _evaluate(place: Place) -> Iterator[Finding]:
    if isinstance(place.value, dict):
        if place.value.get("language", "jq") != "jq":
            yield "language", "an expression language other than `jq` is"
        if place.value.get("mode", "strict") != "strict":
            yield "mode", "`evaluate.mode: loose` is"


def _data_schema_format(place: Place) -> Iterator[Finding]:
    if str(place.value).partition(":")[0] != "json":
        yield "", f"the schema format `{place.value!s:.40}` is"


def _document(place: Place) -> Iterator[Finding]:
    if not isinstance(place.value, dict):
        return
    version = place.value.get("dsl")
    if isinstance(version, str) and not version.startswith(_DSL_VERSIONS):
        yield "dsl", f"version {version:.40} of the language is"


_TABLE: Final[Mapping[str, Look]] = MappingProxyType(
    {
        **{f"{name} call task": _whole(f"`call: {name}` is") for name in PROTOCOLS if name not in _CALLED},
        "function name": _function,
        "use": _members(
            catalogs="`use.catalogs` is",
        ),
        "data schema format": _data_schema_format,
        "script parts": _members(source="scripts from outside (`script.source`) are"),
        "evaluate": _evaluate,
        "document": _document,
    }
)
