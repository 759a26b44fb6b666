"""Evaluates what a document holds, within what one command may cost."""

from collections.abc import Mapping
from typing import TypeAlias

from tidemill.engine.core.payload import Payload
from tidemill.expressions import Budget, Expression, Template
from tidemill.expressions.budget import OPERATIONS_MAX
from tidemill.json import Json

# Whatever gives a value for a value: one expression, or data with expressions in it.
Formula: TypeAlias = Expression | Template


class Evaluator:
    """Evaluates at one recorded time. All evaluations of a command share a second, wider budget, so that
    thousands of tasks in a row cannot hold up the executions beside them."""

    __slots__ = ("_operations_left", "now_us")

    def __init__(self, now_us: int, operations_max: int) -> None:
        self.now_us = now_us
        self._operations_left = operations_max

    def evaluate(self, formula: Formula, value: Json, variables: Mapping[str, Json]) -> Json:
        """The formula's value; raises ExpressionError, over either budget too."""
        if formula.is_free:
            return formula.evaluate(value, variables)
        granted = min(OPERATIONS_MAX, self._operations_left)
        budget = Budget(granted)
        try:
            return formula.evaluate(value, variables, now_us=self.now_us, budget=budget)
        finally:
            self._operations_left -= granted - max(budget.operations_left, 0)

    def transform(self, formula: Formula, payload: Payload, variables: Mapping[str, Json]) -> Json:
        """The formula's value for a payload, which is parsed only for a formula that reads it.

        Raises ExpressionError, and JsonError when the bytes are not JSON.
        """
        return self.evaluate(formula, payload.value if formula.reads_input else None, variables)
