"""Which names an expression sees where: each name's place in the environment is known when compiling."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tidemill.expressions.machine import Step
from tidemill.expressions.syntax import Node


@dataclass(frozen=True, slots=True)
class Bound:
    """A variable, a label, or a function given as an argument: it stands at this level of the environment."""

    level: int


class Function:
    """A defined function. Its steps are compiled once; those for paths only when a path needs them."""

    __slots__ = ("_compile", "_path_step", "level", "step")

    def __init__(self, level: int, compile_body: "Callable[[bool], Step]") -> None:
        self.level = level
        self._compile = compile_body
        self._path_step: Step | None = None
        self.step: Step

    def compile(self) -> None:
        """Compile the body; calls inside it may already refer to this function."""
        self.step = self._compile(False)

    @property
    def path_step(self) -> Step:
        """The body in path mode."""
        if self._path_step is None:
            self._path_step = self._compile(True)
        return self._path_step


@dataclass(frozen=True, slots=True)
class Inline:
    """An argument that is compiled in place, in the scope where it was written."""

    node: Node
    scope: "Scope"


Entry: TypeAlias = Bound | Function | Inline


@dataclass(frozen=True, slots=True)
class Scope:
    """The names in scope, innermost first. Keys are `$name`, `name/arity` and `*name` for labels."""

    outer: "Scope | None" = None
    key: str = ""
    entry: Entry | None = None
    depth: int = 0

    def with_value(self, key: str) -> "Scope":
        """A scope with one more value in the environment."""
        return Scope(self, key, Bound(self.depth), self.depth + 1)

    def with_function(self, key: str, function: Function) -> "Scope":
        """A scope with one more function, which takes no place in the environment."""
        return Scope(self, key, function, self.depth)

    def with_inline(self, key: str, node: Node, scope: "Scope") -> "Scope":
        """A scope in which a name stands for an argument."""
        return Scope(self, key, Inline(node, scope), self.depth)

    def find(self, key: str) -> Entry | None:
        """What a name means here."""
        scope: Scope | None = self
        while scope is not None:
            if scope.key == key:
                return scope.entry
            scope = scope.outer
        return None
