"""Rules about documents from outside: what is needed to fetch them when the definition is published."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from tidemill.dsl.outside import REFLECTION, RESOURCES, endpoint_fault, endpoint_of, resource_uri
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules.processes import script
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.walk import Place
from tidemill.json import Json


def fetched(place: Place, check: Check) -> Iterator[Problem]:
    """A resource that a definition is compiled with has a literal endpoint."""
    member = RESOURCES[place.level.name]
    assert isinstance(place.value, dict)
    if member not in place.value:
        return
    resource = place.value[member]
    if place.level.name == "grpc arguments" and resource_uri(resource).startswith("grpc:"):
        fault = _reflection_fault(resource)
    else:
        fault = endpoint_fault(check.document, resource, check.base)
    if fault:
        yield Problem(f"{place.pointer}/{member}/endpoint", fault)


def _reflection_fault(resource: Json) -> str:
    if resource_uri(resource) != REFLECTION:
        return f"of `grpc:` endpoints there is `{REFLECTION}` alone, which asks the service that is called"
    endpoint = endpoint_of(resource)
    if isinstance(endpoint, dict) and endpoint.get("authentication") is not None:
        return "reflection has the authentication of the service that is called"
    return ""


def script_parts(place: Place, check: Check) -> Iterator[Problem]:
    """A script may be a resource, too."""
    yield from script(place, check)
    yield from fetched(place, check)


def catalog(place: Place, check: Check) -> Iterator[Problem]:
    """The root of a catalog is literal, and what is behind it is a path."""
    fault = endpoint_fault(check.document, place.value)
    if not fault and {"?", "#"} & set(resource_uri(place.value)):
        fault = "the endpoint of a catalog is a folder: it can have neither a query nor a fragment"
    if fault:
        yield Problem(f"{place.pointer}/endpoint", fault)


RULES: Final[RuleTable] = MappingProxyType(
    {**dict.fromkeys(RESOURCES, fetched), "script parts": script_parts, "catalog": catalog}
)
