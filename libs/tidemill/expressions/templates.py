"""Data that holds expressions: every whole string `${ ... }` in it is one, all other strings are literals."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from tidemill.expressions.budget import Budget
from tidemill.expressions.errors import ExpressionSyntaxError
from tidemill.expressions.expression import NO_BUDGET, Expression, compile_expression
from tidemill.json import Json

_OPENING: Final = "${"
_CLOSING: Final = "}"
_NO_VARIABLES: Final[Mapping[str, Json]] = MappingProxyType({})

# Fills a part of a template in: input, variables, recorded time, budget.
_Fill: TypeAlias = Callable[[Json, Mapping[str, Json], int, Budget], Json]


class TemplateError(Exception):
    """A template holds an expression that does not compile; `pointer` (RFC 6901) says where in it."""

    def __init__(self, pointer: str, cause: ExpressionSyntaxError) -> None:
        super().__init__(f"{pointer or 'the whole'}: {cause}")
        self.pointer = pointer
        self.cause = cause


def expression_source(text: str) -> str | None:
    """The text inside `${ ... }` when the whole string is one expression, else None."""
    stripped = text.strip()
    if not stripped.startswith(_OPENING) or not stripped.endswith(_CLOSING):
        return None
    return stripped[len(_OPENING) : -len(_CLOSING)].strip()


def looks_interpolated(text: str) -> bool:
    """True for a literal that holds `${`, which its author may have meant as an expression."""
    return _OPENING in text and expression_source(text) is None


def compile_condition(text: str, variables: frozenset[str] | None = None) -> Expression:
    """Compile an expression that may stand bare or in `${ }`; raises ExpressionSyntaxError."""
    source = expression_source(text)
    return compile_expression(text if source is None else source, variables=variables)


def compile_template(
    value: Json, *, variables: frozenset[str] | None = None, pointer: str = ""
) -> "Template":
    """Compile data with expressions in it; raises TemplateError. `pointer` is where the value stands."""
    expressions: list[Expression] = []
    fill = _compile(value, variables, pointer, expressions)
    return Template(value, fill, expressions)


class Template:
    """Data with expressions in it. `constant` is true when there are none, `variables` are those used.

    `is_free` and `reads_input` are as those of an expression.
    """

    __slots__ = ("_fill", "_value", "constant", "is_free", "reads_input", "variables")

    def __init__(self, value: Json, fill: _Fill | None, expressions: Sequence[Expression]) -> None:
        self._value = value
        self._fill = fill
        self.constant = fill is None
        self.is_free = all(expression.is_free for expression in expressions)
        self.reads_input = any(expression.reads_input for expression in expressions)
        self.variables = frozenset[str]().union(*(expression.variables for expression in expressions))

    def evaluate(
        self,
        value: Json,
        variables: Mapping[str, Json] = _NO_VARIABLES,
        *,
        now_us: int = 0,
        budget: Budget | None = None,
    ) -> Json:
        """The data with every expression replaced by its first output; raises ExpressionError.

        All expressions share one budget. What is returned may share parts with the template and the input.
        """
        if self._fill is None:
            return self._value
        if self.is_free:
            return self._fill(value, variables, now_us, NO_BUDGET)
        return self._fill(value, variables, now_us, budget or Budget())


def _compile(
    value: Json, variables: frozenset[str] | None, pointer: str, found: list[Expression]
) -> _Fill | None:
    """What fills the value in, or None when it holds no expression; the expressions join those found."""
    if isinstance(value, str):
        source = expression_source(value)
        return None if source is None else _compile_source(source, variables, pointer, found)
    if isinstance(value, dict):
        fills = {
            key: fill
            for key, item in value.items()
            if (fill := _compile(item, variables, f"{pointer}/{_escaped(key)}", found))
        }
        return _fill_object(value, fills) if fills else None
    if isinstance(value, list):
        parts = [_compile(item, variables, f"{pointer}/{at}", found) for at, item in enumerate(value)]
        return _fill_array(value, parts) if any(parts) else None
    return None


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _compile_source(
    source: str, variables: frozenset[str] | None, pointer: str, found: list[Expression]
) -> _Fill:
    try:
        expression = compile_expression(source, variables=variables)
    except ExpressionSyntaxError as error:
        raise TemplateError(pointer, error) from error
    found.append(expression)
    evaluate = expression.evaluate

    def fill(value: Json, given: Mapping[str, Json], now_us: int, budget: Budget) -> Json:
        return evaluate(value, given, now_us=now_us, budget=budget)

    return fill


def _fill_object(literal: dict[str, Json], fills: dict[str, _Fill]) -> _Fill:
    def fill(value: Json, given: Mapping[str, Json], now_us: int, budget: Budget) -> Json:
        made = dict(literal)
        for key, part in fills.items():
            made[key] = part(value, given, now_us, budget)
        return made

    return fill


def _fill_array(literal: list[Json], parts: list[_Fill | None]) -> _Fill:
    def fill(value: Json, given: Mapping[str, Json], now_us: int, budget: Budget) -> Json:
        return [
            item if part is None else part(value, given, now_us, budget)
            for item, part in zip(literal, parts, strict=True)
        ]

    return fill
