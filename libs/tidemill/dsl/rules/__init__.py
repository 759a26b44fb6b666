"""What a well-formed document must mean besides: one table of rules, by the level that each looks at."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tidemill.dsl.pointers import child
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules import (
    documents,
    engine_functions,
    expressions,
    flow,
    listening,
    outside,
    processes,
    references,
    reuse,
    values,
)
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.walk import Place, places_of

_RULES: Final[RuleTable] = MappingProxyType(
    {
        **expressions.RULES,
        **flow.RULES,
        **references.RULES,
        **values.RULES,
        **documents.RULES,
        **listening.RULES,
        **processes.RULES,
        **engine_functions.RULES,
        **reuse.RULES,
        **outside.RULES,
    }
)


def problems_of(place: Place, check: Check) -> Iterator[Problem]:
    """What is wrong with a place: its shape, and where that is sound, its meaning."""
    yield from place.faults
    if not place.sound:
        return
    rule = _RULES.get(place.level.name)
    if rule:
        yield from rule(place, check)
    yield from _own_problems(place, check)


def _own_problems(place: Place, check: Check) -> Iterator[Problem]:
    """The language leaves some objects open; what is ours in them is a document of its own."""
    own_members = _OWN_MEMBERS.get(place.level.name)
    for key, shape in own_members(place, check) if own_members else ():
        assert isinstance(place.value, dict)
        for part in places_of(shape, place.value[key], child(place.pointer, key), place.scope):
            yield from problems_of(part, check)


_OWN_MEMBERS: Final[Mapping[str, Callable[[Place, Check], Iterator[tuple[str, str]]]]] = MappingProxyType(
    {"document metadata": documents.own_members, "function call task": engine_functions.own_members}
)


__all__ = ["Check", "problems_of"]
