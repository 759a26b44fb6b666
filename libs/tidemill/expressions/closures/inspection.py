"""Looks at syntax nodes, to find what closures can do with them."""

from typing import Final

from tidemill.expressions import syntax
from tidemill.expressions.functions.definitions import definition_of
from tidemill.expressions.scope import Scope
from tidemill.expressions.syntax import Node

_CALL_OPERATIONS: Final = 4


def inline(key: str, node: syntax.Call, scope: Scope) -> tuple[Node, Scope] | None:
    """The body of a builtin that is written in the language, with its arguments as they were written."""
    definition = definition_of(key)
    if definition is None:
        return None
    inner = Scope(depth=scope.depth)
    for parameter, argument in zip(definition.parameters, node.arguments, strict=True):
        inner = inner.with_inline(parameter + "/0", argument, scope)
    return definition.body, inner


def straight_keys(target: Node) -> list[Node] | None:
    """The keys of a chain of accesses to the input, or None for any other path."""
    keys: list[Node] = []
    while isinstance(target, syntax.Index):
        keys.append(target.key)
        target = target.target
    return keys[::-1] if keys and isinstance(target, syntax.Identity) else None


def weight(node: Node) -> int:
    """How many operations a closure counts as: its nodes, with more for a call than for an operator."""
    own = _CALL_OPERATIONS if isinstance(node, syntax.Call | syntax.Text) else 1
    return own + sum(map(weight, syntax.children(node)))


def comma_parts(node: Node) -> list[Node]:
    """The expressions that commas separate."""
    if isinstance(node, syntax.Comma):
        return comma_parts(node.left) + comma_parts(node.right)
    return [node]
