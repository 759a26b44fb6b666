"""The extensions of a document, compiled: what they put around which tasks."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from tidemill.dsl import task_pointer
from tidemill.dsl.extending import Extension, extensions_of
from tidemill.engine.core.tasks.extended import Addition, ExtendedNode
from tidemill.expressions import Expression, syntax
from tidemill.expressions.parser import parse
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.tasks.registry import Kind


class Extending:
    """Makes extended tasks of the tasks that extensions may extend."""

    def __init__(self, additions: Sequence[Addition]) -> None:
        self._additions = additions

    def around(self, kind: "Kind", definition: dict[str, Json]) -> "Kind":
        """What makes the node of a task: its kind alone, or with the extensions of such tasks around it."""
        additions = [each for each in self._additions if each.extension.extends(definition)]
        return partial(ExtendedNode, kind=kind, additions=additions) if additions else kind


def compile_extensions(document: dict[str, Json], compiler: "Compiler") -> Extending | None:
    """Compile the extensions of a document; None when it has none. Raises DocumentError."""
    additions = [_addition(extension, compiler) for extension in extensions_of(document)]
    return Extending(additions) if additions else None


def _addition(extension: Extension, compiler: "Compiler") -> Addition:
    pointer = f"{task_pointer('/use/extensions', extension.position, extension.name)}/when"
    when = compiler.condition(extension.definition.get("when"), pointer)
    return Addition(extension, None if when is None else _alternatives(when))


def _alternatives(condition: Expression) -> tuple[Expression, ...]:
    """The sides of the outermost `or`s of a condition, or it alone."""
    found, waiting = list[syntax.Node](), [parse(condition.source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, syntax.Logical) and node.operator == "or":
            waiting += (node.right, node.left)
        else:
            found.append(node)
    return tuple(Expression(condition.source, None, tree=node) for node in found)
