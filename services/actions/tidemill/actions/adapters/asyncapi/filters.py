"""The `filter` of a subscription: which messages pass, before anybody keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidemill.action_kit.errors import ERROR_TYPES
from tidemill.actions.adapters.asyncapi.problems import AsyncApiError, invalid
from tidemill.actions.core.model import Problem
from tidemill.expressions import (
    Budget,
    Expression,
    ExpressionError,
    ExpressionSyntaxError,
    compile_condition,
    is_truthy,
)
from tidemill.expressions.errors import BudgetExceededError
from tidemill.json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """An expression with its variables, at a recorded time; without an expression all messages pass."""

    expression: Expression | None
    variables: Mapping[str, Json]
    now_us: int

    def passes(self, message: Json, budget: Budget) -> bool:
        """Whether a message passes; what fails on it does not hold for it.

        Raises AsyncApiError for an expression that asks for more than its budget allows.
        """
        if self.expression is None:
            return True
        try:
            return is_truthy(
                self.expression.evaluate(message, self.variables, now_us=self.now_us, budget=budget)
            )
        except BudgetExceededError as error:
            raise AsyncApiError(
                Problem(ERROR_TYPES + "expression", 400, "Expression Error", f"the filter: {error}")
            ) from None
        except ExpressionError:
            return False


def read_filter(value: Json) -> MessageFilter:
    """Read a filter as the engine sends it. Raises AsyncApiError."""
    if value is None:
        return MessageFilter(expression=None, variables={}, now_us=0)
    members = value if isinstance(value, dict) else {}
    variables, now_us = members.get("variables"), members.get("nowUs")
    if not isinstance(variables, dict) or not isinstance(now_us, int):
        raise invalid("the filter has no variables, or no time")
    try:
        expression = compile_condition(str(members.get("expression")))
    except ExpressionSyntaxError as error:
        raise invalid(f"the filter: {error}") from None
    return MessageFilter(expression=expression, variables=variables, now_us=now_us)
