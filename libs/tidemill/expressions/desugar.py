"""Builds the nodes of operators: chains become shallow trees, assignments become calls."""

from typing import Final

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
