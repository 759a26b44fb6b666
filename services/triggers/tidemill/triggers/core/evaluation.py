"""Expressions in filters and policies: compiled once, then evaluated on events."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidemill.expressions import (
    Expression,
    ExpressionError,
    ExpressionSyntaxError,
    Template,
    TemplateError,
    compile_condition,
    compile_template,
    expression_source,
)
from tidemill.json import Json
from tidemill.triggers.core.conditions import Evaluation, EvaluationError

# Events are matched before there is an execution: nothing but the event is known.
_NO_NAMES: Final[frozenset[str]] = frozenset()
_NO_VARIABLES: Final[Mapping[str, Json]] = MappingProxyType({})


def compile_key(text: str) -> Evaluation:
    """Compile an expression with or without `${ }`; raises EvaluationError."""
    try:
        return _evaluation(compile_condition(text, _NO_NAMES))
    except ExpressionSyntaxError as error:
        raise EvaluationError(str(error)) from None


def compile_value(value: Json) -> Evaluation | None:
    """Compile a value in which strings `${ }` are expressions; None without any. Raises EvaluationError."""
    try:
        template = compile_template(value, variables=_NO_NAMES)
    except TemplateError as error:
        raise EvaluationError(str(error.cause), error.pointer) from None
    return None if template.constant else _evaluation(template)


def is_expression(text: str) -> bool:
    """Whether a string is an expression where literals may stand too."""
    return expression_source(text) is not None


def _evaluation(compiled: Expression | Template) -> Evaluation:
    def evaluate(value: Json, now_us: int) -> Json:
        try:
            return compiled.evaluate(value, _NO_VARIABLES, now_us=now_us)
        except ExpressionError as error:
            raise EvaluationError(error.message) from None

    return evaluate
