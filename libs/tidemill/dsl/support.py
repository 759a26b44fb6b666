"""What is good language but does not run in this release yet: each finding names the feature.

A row leaves this table when the engine learns to run what it names.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final

from tidemill.dsl import limits
from tidemill.dsl.problems import Problem
from tidemill.dsl.walk import Place, places, places_of_function
from tidemill.json import Json

Finding = tuple[str, str]
Look = Callable[[Place], Iterator[Finding]]

_DSL_VERSIONS: Final = "1.0."


def unsupported(document: Json) -> list[Problem]:
    """Find what this release does not run yet in a document that has passed its checks, in its order."""
    return list(islice(_problems(places(document)), limits.PROBLEMS_MAX))


def unsupported_in_function(task: Json) -> list[Problem]:
    """The same for the task of a function from outside."""
    return list(islice(_problems(places_of_function(task)), limits.PROBLEMS_MAX))


def _problems(found: Iterable[Place]) -> Iterator[Problem]:
    for place in found:
        look = _TABLE.get(place.level.name)
        for member, feature in look(place) if look else ():
            pointer = f"{place.pointer}/{member}" if member else place.pointer
            yield Problem(pointer, f"{feature} not supported yet")


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
        "data schema format": _data_schema_format,
        "evaluate": _evaluate,
        "document": _document,
    }
)
