"""Ordering keys: expressions that are compiled once, then evaluated on events."""

from typing import Final

from tidemill.expressions import ExpressionError, ExpressionSyntaxError, compile_condition
from tidemill.json import Json
from tidemill.triggers.core.conditions import Evaluation, EvaluationError

# Events are matched before there is an execution: nothing but the event is known.
_NO_NAMES: Final[frozenset[str]] = frozenset()


def compile_key(text: str) -> Evaluation:
    """Compile an expression with or without `${ }`; raises EvaluationError."""
    try:
        compiled = compile_condition(text, _NO_NAMES)
    except ExpressionSyntaxError as error:
        raise EvaluationError(str(error)) from None

    def evaluate(value: Json, now_us: int) -> Json:
        try:
            return compiled.evaluate(value, now_us=now_us)
        except ExpressionError as error:
            raise EvaluationError(error.message) from None

    return evaluate
