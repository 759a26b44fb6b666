"""Rules about documents from outside: what is needed to fetch them when the definition is published."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from tidemill.dsl.outside import RESOURCES, endpoint_fault
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.walk import Place


def fetched(place: Place, check: Check) -> Iterator[Problem]:
    """A resource that a definition is compiled with has a literal endpoint."""
    member = RESOURCES[place.level.name]
    assert isinstance(place.value, dict)
    fault = endpoint_fault(check.document, place.value.get(member))
    if fault:
        yield Problem(f"{place.pointer}/{member}/endpoint", fault)


RULES: Final[RuleTable] = MappingProxyType(dict.fromkeys(RESOURCES, fetched))
