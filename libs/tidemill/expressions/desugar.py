"""Builds the nodes of operators: chains become shallow trees, assignments become calls."""

from typing import Final, TypeAlias

from tidemill.expressions import patterns, syntax
from tidemill.expressions.syntax import Node

ASSIGNMENTS: Final = frozenset(["=", "|=", "+=", "-=", "*=", "/=", "%=", "//="])


def balanced(parts: list[Node], join: type[syntax.Pipe] | type[syntax.Comma]) -> Node:
    """Many parts joined by `|` or `,`."""
    # Both operators are associative, and a shallow tree lets a program have many parts.
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(balanced(parts[:middle], join), balanced(parts[middle:], join))


def operation(operator: str, left: Node, right: Node) -> Node:
    """What an operator means; assignments become calls that no author can write."""
    if operator == "//":
        return syntax.Alternative(left, right)
    if operator in ("and", "or"):
        return syntax.Logical(operator, left, right)
    if operator not in ASSIGNMENTS:
        return syntax.Binary(operator, left, right)
    if operator == "|=":
        return syntax.Call("~modify", (left, right), 0)
    kept = patterns.HIDDEN
    value = syntax.Variable(kept, 0)
    if operator == "=":
        return syntax.Bind(right, kept, syntax.Call("~assign", (left, value), 0))
    update = operation(operator[:-1], syntax.Identity(), value)
    return syntax.Bind(right, kept, syntax.Call("~modify", (left, update), 0))


Access: TypeAlias = syntax.Index | syntax.Slice | syntax.Iterate


def optional(access: Access) -> Node:
    """`target[key]?`: no output where the access fails. Errors of target and key are not covered."""
    whole = syntax.Identity()
    match access:
        case syntax.Iterate():
            return syntax.Pipe(access.target, syntax.Try(syntax.Iterate(whole), None))
        case syntax.Index():
            key, bindings = _held(access.key, "key")
            inner: Access = syntax.Index(whole, key)
        case _:
            start, bindings = _held(access.start or syntax.Literal(None), "start")
            stop, more = _held(access.stop or syntax.Literal(None), "stop")
            inner, bindings = syntax.Slice(whole, start, stop), bindings + more
    tree: Node = syntax.Pipe(access.target, syntax.Try(inner, None))
    for name, node in reversed(bindings):
        tree = syntax.Bind(node, name, tree)
    return tree


def _held(key: Node, what: str) -> tuple[Node, list[tuple[str, Node]]]:
    """A key that can be read after the target: a literal, or a variable and what it is bound to."""
    if isinstance(key, syntax.Literal):
        return key, []
    name = patterns.HIDDEN + what
    return syntax.Variable(name, 0), [(name, key)]
