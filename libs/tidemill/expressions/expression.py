"""A compiled expression: what the engine holds of each expression in a definition."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from tidemill.expressions.budget import Budget, Run
from tidemill.expressions.compiler import EMPTY_SCOPE, Compiler
from tidemill.expressions.machine import Machine
from tidemill.expressions.parser import parse
from tidemill.expressions.values import check_nesting
from tidemill.json import Json

COMPILED_EXPRESSIONS_MAX: Final = 4_096
_NO_VARIABLES: Final[Mapping[str, Json]] = MappingProxyType({})


class Expression:
    """An expression that compiled. Evaluating it never changes the input, and may share parts of it."""

    __slots__ = ("_step", "source", "variables")

    def __init__(self, source: str, allowed: frozenset[str] | None, *, closures: bool = True) -> None:
        compiler = Compiler(allowed)
        self.source = source
        self._step = compiler.step(parse(source), EMPTY_SCOPE)
        self.variables = frozenset(compiler.variables)

    def evaluate(
        self,
        value: Json,
        variables: Mapping[str, Json] = _NO_VARIABLES,
        *,
        now_us: int = 0,
        budget: Budget | None = None,
    ) -> Json:
        """The first output, or None when there is none; raises ExpressionError."""
        for output in self._outputs(value, variables, now_us, budget):
            return output
        return None

    def evaluate_all(
        self,
        value: Json,
        variables: Mapping[str, Json] = _NO_VARIABLES,
        *,
        now_us: int = 0,
        budget: Budget | None = None,
    ) -> list[Json]:
        """All outputs; raises ExpressionError."""
        return list(self._outputs(value, variables, now_us, budget))

    def _outputs(
        self, value: Json, variables: Mapping[str, Json], now_us: int, budget: Budget | None
    ) -> Iterator[Json]:
        run = Run(variables, now_us, budget or Budget())
        for output in Machine(run).outputs(self._step, value):
            check_nesting(output, run.budget)
            yield output


@lru_cache(maxsize=COMPILED_EXPRESSIONS_MAX)
def compile_expression(source: str, *, variables: frozenset[str] | None = None) -> Expression:
    """Compile an expression, or give the one that was compiled before.

    `variables` are the names that may be used free, without `$`; None means any. Raises
    ExpressionSyntaxError for bad syntax and for unknown or refused names.
    """
    return Expression(source, variables)
