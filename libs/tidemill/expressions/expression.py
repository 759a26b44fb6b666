"""A compiled expression: what the engine holds of each expression in a definition."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from tidemill.expressions import syntax
from tidemill.expressions.budget import Budget, Run
from tidemill.expressions.closures.shapes import Many, Single
from tidemill.expressions.compiler import EMPTY_SCOPE, Compiler
from tidemill.expressions.functions.registry import SHALLOW
from tidemill.expressions.machine import Machine
from tidemill.expressions.parser import parse
from tidemill.expressions.values import check_nesting
from tidemill.json import Json

# What an expression that spends nothing is given in the place of a budget, and of a run.
NO_BUDGET: Final = Budget(0, 0)
_NO_RUN: Final[Run] = Run({}, 0, NO_BUDGET)
COMPILED_EXPRESSIONS_MAX: Final = 4_096
_NO_VARIABLES: Final[Mapping[str, Json]] = MappingProxyType({})


class Expression:
    """An expression that compiled. Evaluating it never changes the input, and may share parts of it.

    `is_free` is true when no evaluation spends anything of a budget, `reads_input` is false when the output
    is the same for every input.
    """

    __slots__ = (
        "_many",
        "_may_nest",
        "_needs_variables",
        "_single",
        "_step",
        "is_free",
        "reads_input",
        "source",
        "variables",
    )

    def __init__(
        self,
        source: str,
        allowed: frozenset[str] | None,
        *,
        closures: bool = True,
        tree: syntax.Node | None = None,
    ) -> None:
        """`tree` is the source's, where it is known already. Raises ExpressionSyntaxError."""
        tree = parse(source) if tree is None else tree
        compiler = Compiler(allowed, closures=closures)
        self.source = source
        self._single: Single | None = None
        self._many: Many | None = None
        if compiler.closures is not None:
            self._single = compiler.closures.single(tree, EMPTY_SCOPE)
            self._many = None if self._single else compiler.closures.many(tree, EMPTY_SCOPE)
        self._step = None if self._single or self._many else compiler.step(tree, EMPTY_SCOPE)
        self._may_nest = self._step is not None or may_nest(tree)
        self.reads_input = reads_input(tree)
        self.is_free = self._needs_variables = False
        if compiler.closures is not None and self._single is not None:
            self._needs_variables = compiler.closures.needs_variables
            self.is_free = not (compiler.closures.needs_run or (self._needs_variables and self._may_nest))
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
        single = self._single
        if single is None:
            return next(self.outputs(value, variables, now_us=now_us, budget=budget), None)
        if self.is_free:
            return single(value, None, Run(variables, 0, NO_BUDGET) if self._needs_variables else _NO_RUN)
        run = Run(variables, now_us, budget or Budget())
        output = single(value, None, run)
        if self._may_nest:
            check_nesting(output, run.budget)
        return output

    def evaluate_all(
        self,
        value: Json,
        variables: Mapping[str, Json] = _NO_VARIABLES,
        *,
        now_us: int = 0,
        budget: Budget | None = None,
    ) -> list[Json]:
        """All outputs; raises ExpressionError."""
        return list(self.outputs(value, variables, now_us=now_us, budget=budget))

    def outputs(
        self,
        value: Json,
        variables: Mapping[str, Json] = _NO_VARIABLES,
        *,
        now_us: int = 0,
        budget: Budget | None = None,
    ) -> Iterator[Json]:
        """The outputs one by one, each made when it is asked for; raises ExpressionError."""
        run = Run(variables, now_us, budget or Budget())
        if self._single is not None:
            outputs: Iterator[Json] = iter([self._single(value, None, run)])
        elif self._many is not None:
            outputs = self._many(value, None, run)
        else:
            assert self._step is not None
            outputs = Machine(run).outputs(self._step, value)
        for output in outputs:
            if self._may_nest:
                check_nesting(output, run.budget)
            yield output


def may_nest(node: syntax.Node) -> bool:
    """True when evaluating can nest data deeper than the program's own brackets are: by loops and calls."""
    match node:
        case syntax.Reduce() | syntax.Foreach():
            return True
        case syntax.Call() if f"{node.name}/{len(node.arguments)}" not in SHALLOW:
            return True
        case _:
            return any(map(may_nest, syntax.children(node)))


def reads_input(node: syntax.Node) -> bool:
    """False when nothing in a program asks for its input: it is made of variables and literals."""
    match node:
        case syntax.Variable() | syntax.Literal():
            return False
        case syntax.Index() | syntax.Object() | syntax.Array() | syntax.Alternative():
            return any(map(reads_input, syntax.children(node)))
        case _:
            return True


@lru_cache(maxsize=COMPILED_EXPRESSIONS_MAX)
def compile_expression(source: str, *, variables: frozenset[str] | None = None) -> Expression:
    """Compile an expression, or give the one that was compiled before.

    `variables` are the names that may be used free, without `$`; None means any. Raises
    ExpressionSyntaxError for bad syntax and for unknown or refused names.
    """
    return Expression(source, variables)
