"""Expressions in filters and policies: compiled once, then evaluated on events."""

from collections.abc import Callable

import purejq

from tidemill.json import Json

# The value that `.` stands for, and the time that `now` gives, in microseconds.
Evaluation = Callable[[Json, int], Json]


class EvaluationError(ValueError):
    """An expression that does not compile, or whose evaluation failed."""


def is_expression(text: str) -> bool:
    """Whether a string outside expression positions is one: `${ ... }`."""
    return text.startswith("${") and text.endswith("}")


def compile_value(value: Json, *, bare: bool = False) -> Evaluation | None:
    if isinstance(value, str) and (bare or is_expression(value)):
        text = value[2:-1] if is_expression(value) else value
        try:
            program = purejq.compile(text)
        except Exception as error:
            raise EvaluationError(str(error)) from None

        def evaluate(item: Json, now_us: int) -> Json:
            try:
                return next(iter(program.iter(item)), None)
            except Exception as error:
                raise EvaluationError(str(error)) from None

        return evaluate
    return None
