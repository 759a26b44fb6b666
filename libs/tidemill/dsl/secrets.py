"""Where `$secrets` may stand in an expression: alone as a path, or in the gaps of a text (profile, item 3).

So the engine can put a placeholder there, and only the Action service ever sees the value.
"""

from collections.abc import Iterator
from typing import TypeAlias

from tidemill.expressions import syntax
from tidemill.expressions.parser import parse

# A part of a value with secrets: text, the name of a secret and keys in it, or what is yet to be evaluated.
Part: TypeAlias = str | tuple[str, ...] | syntax.Node


def is_plain_use(source: str) -> bool:
    """Whether an expression that uses secrets does only that with them; it is known to parse."""
    tree = parse(source)
    return _is_path(tree) or (isinstance(tree, syntax.Text) and _is_plain_text(tree))


def uses_secrets(source: str) -> bool:
    """Whether an expression, which is known to parse, uses secrets."""
    return "secrets" in source and _mentions_secrets(parse(source))


def parts_of(source: str) -> tuple[Part, ...]:
    """The parts of an expression that uses secrets plainly. One part alone is the secret as it stands, be it
    text or not; several are joined to a text."""
    tree = parse(source)
    if not isinstance(tree, syntax.Text):
        return (_path(tree),)
    parts = tuple(_path(part) if _is_path_node(part) else part for part in tree.parts if part != "")
    # A text of a secret alone is a text all the same.
    return parts if len(parts) > 1 else (*parts, "")


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


def _is_path_node(part: str | syntax.Node) -> bool:
    return not isinstance(part, str) and _is_path(part)


def _path(node: "str | syntax.Node") -> tuple[str, ...]:
    keys: list[str] = []
    while isinstance(node, syntax.Index):
        assert isinstance(node.key, syntax.Literal), "secrets are used plainly"
        keys.append(str(node.key.value))
        node = node.target
    return tuple(reversed(keys))


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
