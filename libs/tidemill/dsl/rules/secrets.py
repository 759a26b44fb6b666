"""Where `$secrets` may stand in an expression: alone as a path, or in the gaps of a text (profile, item 3).

So the engine can put a placeholder there, and only the Action service ever sees the value.
"""

from collections.abc import Iterator

from tidemill.expressions import syntax
from tidemill.expressions.parser import parse

_ELSEWHERE = "`$secrets` may stand only in the `with` of a call and in authentication"
_MANGLED = (
    "`$secrets` may be used only as a direct path such as `$secrets.name.key`, or in a text such as "
    '`"Bearer \\($secrets.name)"`'
)


def secrets_fault(source: str, *, allowed: bool) -> str:
    """The sentence for an expression with secrets that uses them in another way or place; it does parse."""
    if not allowed:
        return _ELSEWHERE
    tree = parse(source)
    is_bare_use = _is_path(tree) or (isinstance(tree, syntax.Text) and _is_plain_text(tree))
    return "" if is_bare_use else _MANGLED


def secret_names(source: str) -> Iterator[str]:
    """The secrets that an expression reads by name; the expression is known to parse."""
    waiting = [parse(source)]
    while waiting:
        node = waiting.pop()
        if (
            isinstance(node, syntax.Index)
            and isinstance(node.key, syntax.Literal)
            and _is_secrets(node.target)
        ):
            yield str(node.key.value)
        waiting.extend(syntax.children(node))


def _is_secrets(node: syntax.Node) -> bool:
    return isinstance(node, syntax.Variable) and node.name.lstrip("$") == "secrets"


def _is_path(node: syntax.Node) -> bool:
    if not isinstance(node, syntax.Index):
        return False
    while isinstance(node, syntax.Index):
        if not isinstance(node.key, syntax.Literal):
            return False
        node = node.target
    return _is_secrets(node)


def _is_plain_text(text: syntax.Text) -> bool:
    """A format such as `@base64` would work on the placeholder instead of the secret."""
    gaps = [part for part in text.parts if not isinstance(part, str)]
    return text.format in ("", "text") and all(_is_path(gap) or not _mentions_secrets(gap) for gap in gaps)


def _mentions_secrets(tree: syntax.Node) -> bool:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if _is_secrets(node):
            return True
        waiting.extend(syntax.children(node))
    return False
