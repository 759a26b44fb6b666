"""Rules about expressions: they compile, and use only the variables that are known where they stand."""

from collections.abc import Iterator
from itertools import chain
from types import MappingProxyType
from typing import Final

from tidemill.dsl.pointers import child
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.scopes import ARGUMENTS
from tidemill.dsl.walk import Place
from tidemill.expressions import expression_source, looks_interpolated
from tidemill.json import Json


def bare(place: Place, check: Check) -> Iterator[Problem]:
    """`if`, `when`, `while`, `from`, `as`, `in`: the whole text is an expression, with or without `${ }`."""
    if isinstance(place.value, str):
        inner = expression_source(place.value)
        yield from _compiled(place, check, place.value if inner is None else inner)


def template(place: Place, check: Check) -> Iterator[Problem]:
    """Anywhere else: texts that are `${ }` as a whole are expressions, at any depth; others are literal."""
    waiting: list[tuple[str, Json]] = [(place.pointer, place.value)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, str):
            yield from _template_text(place, check, pointer, value)
        elif isinstance(value, dict | list):
            members = value.items() if isinstance(value, dict) else enumerate(value)
            waiting.extend(reversed([(child(pointer, key), item) for key, item in members]))


def _template_text(place: Place, check: Check, pointer: str, text: str) -> Iterator[Problem]:
    inner = expression_source(text)
    if inner is not None:
        yield from _compiled(place, check, inner, pointer)
    elif looks_interpolated(text):
        message = '`${ }` works only as the whole text, so this is literal; write `${ "... \\(.name) ..." }`'
        yield Problem(pointer, message, "warning")


def _compiled(place: Place, check: Check, source: str, pointer: str | None = None) -> Iterator[Problem]:
    fault = check.compiler.fault(source, place.scope)
    if fault:
        yield Problem(place.pointer if pointer is None else pointer, fault)


def literal(place: Place, _check: Check) -> Iterator[Problem]:
    """A text that is never evaluated, written as if it were."""
    if isinstance(place.value, str) and expression_source(place.value) is not None:
        yield place.warning("expressions are not evaluated here: this text is taken as it stands")


def variable_name(place: Place, _check: Check) -> Iterator[Problem]:
    """A loop or error variable needs a name that expressions can say and that means nothing else."""
    name = str(place.value)
    if name in _RESERVED:
        yield place.problem(f"`${name}` has a meaning of its own; choose another name")
    elif not (name.isascii() and name.isidentifier()):
        yield place.problem(f"`{name:.40}` is not the name of a variable; use letters, digits and `_`")


def distinct_variables(place: Place, _check: Check) -> Iterator[Problem]:
    """The item and its index are two variables."""
    value = place.value
    if isinstance(value, dict):
        first = "item" if place.level.name == "iterator" else "each"
        if value.get(first, "item") == value.get("at", "index"):
            yield place.problem(f"`{first}` and `at` must have different names")


_RESERVED: Final = ARGUMENTS | {"ENV", "__loc__", "__prog_args"}
_BARE: Final = ("condition", "data expression")
_TEMPLATES: Final = (
    *("expression", "template text", "template"),
    *("template object", "filled template object", "transformation object"),
)

EXPRESSION_RULES: Final[RuleTable] = MappingProxyType(
    dict(chain(((name, bare) for name in _BARE), ((name, template) for name in _TEMPLATES)))
)
RULES: Final[RuleTable] = MappingProxyType(
    {
        **EXPRESSION_RULES,
        "text": literal,
        "variable name": variable_name,
        "loop": distinct_variables,
        "iterator": distinct_variables,
    }
)
