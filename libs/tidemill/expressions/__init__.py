"""jq expressions: compiled once, evaluated within a counted budget, the same on every machine."""

from tidemill.expressions.budget import Budget
from tidemill.expressions.errors import ExpressionError, ExpressionSyntaxError
from tidemill.expressions.expression import Expression, compile_expression
from tidemill.expressions.templates import (
    Template,
    TemplateError,
    compile_condition,
    compile_template,
    expression_source,
    looks_interpolated,
)
from tidemill.expressions.values import is_truthy

__all__ = [
    "Budget",
    "Expression",
    "ExpressionError",
    "ExpressionSyntaxError",
    "Template",
    "TemplateError",
    "compile_condition",
    "compile_expression",
    "compile_template",
    "expression_source",
    "is_truthy",
    "looks_interpolated",
]
