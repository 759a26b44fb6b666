"""Destructuring (`as [$a, {b: $c}]`, `?//`), spelled out as plain bindings of one variable each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from tidemill.expressions import syntax
from tidemill.expressions.syntax import Node

# Names that no author can write hold the values under way.
HIDDEN: Final = "~"

Wrap: TypeAlias = Callable[[Node], Node]


@dataclass(frozen=True, slots=True)
class VariablePattern:
    """`$name`"""

    name: str


@dataclass(frozen=True, slots=True)
class ArrayPattern:
    """`[pattern, ...]`"""

    items: tuple["Pattern", ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """`key: pattern`, `$name`, or `$name: pattern`"""

    key: Node
    variable: str | None
    pattern: "Pattern | None"


@dataclass(frozen=True, slots=True)
class ObjectPattern:
    """`{key: pattern, ...}`"""

    entries: tuple[Entry, ...]


Pattern: TypeAlias = VariablePattern | ArrayPattern | ObjectPattern


def bind(source: Node, alternatives: list[Pattern], body: Node) -> Node:
    """`source as pattern ?// pattern ... | body`"""
    first = alternatives[0]
    if len(alternatives) == 1:
        return _bind_one(source, first, body, HIDDEN)
    names = sorted({name for pattern in alternatives for name in _names(pattern)})
    held = syntax.Variable(HIDDEN, 0)
    branches = [_blank(names, _bind_one(held, pattern, body, HIDDEN + "?")) for pattern in alternatives]
    tree = branches[-1]
    for branch in reversed(branches[:-1]):
        tree = syntax.Fallback(branch, tree)
    return syntax.Bind(source, HIDDEN, tree)


def loop(source: Node, alternatives: list[Pattern]) -> tuple[Node, str, Wrap]:
    """A loop's source, the one variable that takes its outputs, and how the body then gets its names."""
    first = alternatives[0]
    if len(alternatives) == 1 and isinstance(first, VariablePattern):
        return source, first.name, lambda body: body
    names = sorted({name for pattern in alternatives for name in _names(pattern)})
    values: Node = syntax.Variable(names[0], 0)
    for name in names[1:]:
        values = syntax.Comma(values, syntax.Variable(name, 0))

    def wrap(body: Node) -> Node:
        for position, name in enumerate(names):
            held = syntax.Index(syntax.Variable(HIDDEN, 0), syntax.Literal(position))
            body = syntax.Bind(held, name, body)
        return body

    return bind(source, alternatives, syntax.Array(values)), HIDDEN, wrap


def _blank(names: list[str], body: Node) -> Node:
    for name in names:
        body = syntax.Bind(syntax.Literal(None), name, body)
    return body


def _bind_one(source: Node, pattern: Pattern, body: Node, hidden: str) -> Node:
    if isinstance(pattern, VariablePattern):
        return syntax.Bind(source, pattern.name, body)
    value = syntax.Variable(hidden, 0)
    for key, inner in reversed(list(_parts(pattern))):
        if isinstance(key, syntax.Literal):
            body = _bind_one(syntax.Index(value, key), inner, body, hidden + "~")
            continue
        # The key is evaluated on the value that is being taken apart.
        key_name = hidden + "key"
        part = syntax.Index(value, syntax.Variable(key_name, 0))
        body = _bind_one(part, inner, body, hidden + "~")
        body = syntax.Bind(syntax.Pipe(value, key), key_name, body)
    return syntax.Bind(source, hidden, body)


def _parts(pattern: ArrayPattern | ObjectPattern) -> Iterator[tuple[Node, Pattern]]:
    if isinstance(pattern, ArrayPattern):
        for position, item in enumerate(pattern.items):
            yield syntax.Literal(position), item
        return
    for entry in pattern.entries:
        if entry.variable is not None:
            yield entry.key, VariablePattern(entry.variable)
        if entry.pattern is not None:
            yield entry.key, entry.pattern


def _names(pattern: Pattern) -> Iterator[str]:
    match pattern:
        case VariablePattern():
            yield pattern.name
        case ArrayPattern() | ObjectPattern():
            for _, inner in _parts(pattern):
                yield from _names(inner)
