"""Destructuring (`as [$a, {b: $c}]`, `?//`), spelled out as plain bindings of one variable each."""

from collections.abc import Callable
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
        return _bind_one(source, first, body)
    names = _all_names(alternatives)
    held = syntax.Variable(HIDDEN, 0)
    branches = [_blank(names, _bind_one(held, pattern, body)) for pattern in alternatives]
    tree = branches[-1]
    for branch in reversed(branches[:-1]):
        tree = syntax.Fallback(branch, tree)
    return syntax.Bind(source, HIDDEN, tree)


def loop(source: Node, alternatives: list[Pattern]) -> tuple[Node, str, Wrap]:
    """A loop's source, the one variable that takes its outputs, and how the body then gets its names."""
    first = alternatives[0]
    if len(alternatives) == 1 and isinstance(first, VariablePattern):
        return source, first.name, lambda body: body
    names = _all_names(alternatives)
    values: Node = syntax.Variable(names[0], 0)
    for name in names[1:]:
        values = syntax.Comma(values, syntax.Variable(name, 0))

    def wrap(body: Node) -> Node:
        for position, name in enumerate(names):
            held = syntax.Index(syntax.Variable(HIDDEN, 0), syntax.Literal(position))
            body = syntax.Bind(held, name, body)
        return body

    return bind(source, alternatives, syntax.Array(values)), HIDDEN, wrap


def _all_names(alternatives: list[Pattern]) -> list[str]:
    found: list[tuple[str, Node]] = []
    for pattern in alternatives:
        _take_apart(pattern, syntax.Identity(), [], found)
    return sorted({name for name, _ in found})


def _blank(names: list[str], body: Node) -> Node:
    for name in names:
        body = syntax.Bind(syntax.Literal(None), name, body)
    return body


def _bind_one(source: Node, pattern: Pattern, body: Node) -> Node:
    if isinstance(pattern, VariablePattern):
        return syntax.Bind(source, pattern.name, body)
    # Everything is taken apart under hidden names first: no key may see the pattern's own variables.
    hidden: list[tuple[str, Node]] = []
    named: list[tuple[str, Node]] = []
    _take_apart(pattern, source, hidden, named)
    for name, node in reversed(hidden + named):
        body = syntax.Bind(node, name, body)
    return body


def _take_apart(
    pattern: Pattern, source: Node, hidden: list[tuple[str, Node]], named: list[tuple[str, Node]]
) -> None:
    """Append what has to be bound, in order: the values under way, then the pattern's variables."""
    if isinstance(pattern, VariablePattern):
        named.append((pattern.name, source))
        return
    value = _hold(source, hidden)
    if isinstance(pattern, ArrayPattern):
        for position, item in enumerate(pattern.items):
            _take_apart(item, syntax.Index(value, syntax.Literal(position)), hidden, named)
        return
    for entry in pattern.entries:
        # The key is evaluated on the value that is being taken apart.
        constant = isinstance(entry.key, syntax.Literal)
        key = entry.key if constant else _hold(syntax.Pipe(value, entry.key), hidden)
        part = syntax.Index(value, key)
        if entry.variable is not None:
            named.append((entry.variable, part))
        if entry.pattern is not None:
            _take_apart(entry.pattern, part, hidden, named)


def _hold(source: Node, hidden: list[tuple[str, Node]]) -> Node:
    name = f"{HIDDEN}{len(hidden) + 1}"
    hidden.append((name, source))
    return syntax.Variable(name, 0)
