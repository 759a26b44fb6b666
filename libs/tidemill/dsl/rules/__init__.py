"""What a well-formed document must mean besides: one table of rules, by the level that each looks at."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from tidemill.dsl.problems import Problem
from tidemill.dsl.rules import documents, expressions, flow, references, values
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.walk import Place, places_of

_RULES: Final[RuleTable] = MappingProxyType(
    {**expressions.RULES, **flow.RULES, **references.RULES, **values.RULES, **documents.RULES}
)


def problems_of(place: Place, check: Check) -> Iterator[Problem]:
    """What is wrong with a place: its shape, and where that is sound, its meaning."""
    yield from place.faults
    if not place.sound:
        return
    rule = _RULES.get(place.level.name)
    if rule:
        yield from rule(place, check)
    if place.level.name == "document metadata":
        yield from _policy_problems(place, check)


def _policy_problems(place: Place, check: Check) -> Iterator[Problem]:
    """The language leaves metadata open, so that what is ours in it is a document of its own."""
    for shape, pointer, key in documents.metadata_members(place):
        assert isinstance(place.value, dict)
        for part in places_of(shape, place.value[key], pointer, place.scope):
            yield from problems_of(part, check)


__all__ = ["Check", "problems_of"]
