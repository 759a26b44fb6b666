"""Durations of a plan: known when it is compiled, or calculated when they are needed."""

from collections.abc import Mapping

from tidemill.dsl import parse_duration
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.faults import fault
from tidemill.engine.core.payload import Payload
from tidemill.expressions import Template
from tidemill.json import Json


class Duration:
    """A duration in microseconds, or the expression that gives one."""

    __slots__ = ("_expression", "_us")

    def __init__(self, us: int, expression: Template | None) -> None:
        self._us = us
        self._expression = expression

    @classmethod
    def constant(cls, value: Json) -> "Duration":
        """A duration as written; raises ValueError with a plain sentence."""
        return cls(parse_duration(value), None)

    @classmethod
    def calculated(cls, expression: Template) -> "Duration":
        """A duration that an expression gives."""
        return cls(0, expression)

    def resolve(self, evaluator: Evaluator, value: Payload, variables: Mapping[str, Json]) -> int:
        """The microseconds; raises one of FAULTS when the expression gives no duration."""
        if self._expression is None:
            return self._us
        given = evaluator.evaluate(self._expression, value.value, variables)
        try:
            return parse_duration(given)
        except ValueError as error:
            raise fault("expression", str(error)) from None
