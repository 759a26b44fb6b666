"""Rules about functions and extensions: their names, circles of calls, and how much they stand for."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from tidemill.dsl.extents import circles, extent_problems
from tidemill.dsl.function_calls import is_function_uri
from tidemill.dsl.pointers import child, task_pointer
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.shapes import PROTOCOLS
from tidemill.dsl.walk import Place


def functions(place: Place, check: Check) -> Iterator[Problem]:
    """Functions can be called by their names, and end."""
    for name in place.value if isinstance(place.value, dict) else ():
        if name in PROTOCOLS or "@" in name or is_function_uri(name) or not name:
            message = f"a call of `{name:.80}` never means a function of `use.functions`: choose another name"
            yield Problem(child(place.pointer, name), message)
    yield from circles(check.document)


def extensions(place: Place, _check: Check) -> Iterator[Problem]:
    """Extensions are told apart by name."""
    seen = set[str]()
    for index, item in enumerate(place.value if isinstance(place.value, list) else []):
        for name in item if isinstance(item, dict) else ():
            if name in seen:
                pointer = task_pointer(place.pointer, index, name)
                yield Problem(pointer, f"another extension is named `{name:.80}` too")
            seen.add(name)


def workflow(place: Place, _check: Check) -> Iterator[Problem]:
    """What is written once and used often must not stand for too much."""
    yield from extent_problems(place.value, {})


RULES: Final[RuleTable] = MappingProxyType(
    {"named functions": functions, "extensions": extensions, "workflow": workflow}
)
