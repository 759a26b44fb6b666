"""The syntax tree of an expression. Destructuring and assignment are already spelled out by the parser."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TypeAlias

from tidemill.json import Json


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: Json


@dataclass(frozen=True, slots=True)
class Identity:
    """`.`"""


@dataclass(frozen=True, slots=True)
class Index:
    """`.a`, `target[key]`: the key is evaluated on the input, before the target."""

    target: "Node"
    key: "Node"


@dataclass(frozen=True, slots=True)
class Slice:
    """`target[start:stop]`"""

    target: "Node"
    start: "Node | None"
    stop: "Node | None"


@dataclass(frozen=True, slots=True)
class Iterate:
    """`target[]`"""

    target: "Node"


@dataclass(frozen=True, slots=True)
class Text:
    """A string with interpolations, with `format` applied to each interpolated value."""

    format: str
    parts: tuple["str | Node", ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`"""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Array:
    """`[body]`"""

    body: "Node"


@dataclass(frozen=True, slots=True)
class Object:
    """`{key: value, ...}`"""

    entries: tuple[tuple["Node", "Node"], ...]


@dataclass(frozen=True, slots=True)
class Negate:
    """`-operand`"""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Pipe:
    """`left | right`"""

    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Comma:
    """`left, right`"""

    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic or a comparison."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Logical:
    """`and`, `or`"""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Alternative:
    """`left // right`"""

    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class If:
    """`if condition then consequence else otherwise end`"""

    condition: "Node"
    consequence: "Node"
    otherwise: "Node"


@dataclass(frozen=True, slots=True)
class Try:
    """`try body catch handler`; without handler the error is swallowed."""

    body: "Node"
    handler: "Node | None"


@dataclass(frozen=True, slots=True)
class Fallback:
    """`first`, and `second` on the same input once `first` fails: what `?//` means."""

    first: "Node"
    second: "Node"


@dataclass(frozen=True, slots=True)
class Bind:
    """`source as $name | body`"""

    source: "Node"
    name: str
    body: "Node"


@dataclass(frozen=True, slots=True)
class Reduce:
    """`reduce source as $name (start; update)`"""

    source: "Node"
    name: str
    start: "Node"
    update: "Node"


@dataclass(frozen=True, slots=True)
class Foreach:
    """`foreach source as $name (start; update; extract)`"""

    source: "Node"
    name: str
    start: "Node"
    update: "Node"
    extract: "Node"


@dataclass(frozen=True, slots=True)
class Define:
    """`def name(parameters): body; rest`"""

    name: str
    parameters: tuple[str, ...]
    body: "Node"
    rest: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments)`"""

    name: str
    arguments: tuple["Node", ...]
    position: int


@dataclass(frozen=True, slots=True)
class Label:
    """`label $name | body`"""

    name: str
    body: "Node"


@dataclass(frozen=True, slots=True)
class Break:
    """`break $name`"""

    name: str
    position: int


Node: TypeAlias = (
    Literal
    | Identity
    | Index
    | Slice
    | Iterate
    | Text
    | Variable
    | Array
    | Object
    | Negate
    | Pipe
    | Comma
    | Binary
    | Logical
    | Alternative
    | If
    | Try
    | Fallback
    | Bind
    | Reduce
    | Foreach
    | Define
    | Call
    | Label
    | Break
)

_NODE_TYPES = Node.__args__


def children(node: Node) -> Iterator[Node]:
    """The nodes directly under a node."""
    for field in fields(node):
        yield from _nodes_in(getattr(node, field.name))


def _nodes_in(item: object) -> Iterator[Node]:
    if isinstance(item, _NODE_TYPES):
        yield item
    elif isinstance(item, tuple):
        for part in item:
            yield from _nodes_in(part)


def size(node: Node, nodes_max: int) -> tuple[int, int]:
    """How many nodes a tree has, counted up to a bit more than `nodes_max`, and how many its longest branch.

    A node that stands in two places counts twice. Iterative, so that no tree is too deep for it.
    """
    nodes, deepest, level = 0, 0, [node]
    while level and nodes <= nodes_max:
        nodes += len(level)
        deepest += 1
        level = [child for parent in level for child in children(parent)]
    return nodes, deepest
