"""Closures for arithmetic, comparison and truth."""

from collections.abc import Iterator
from typing import Final

from tidemill.expressions.budget import Run
from tidemill.expressions.closures.shapes import Many, Single
from tidemill.expressions.machine import Environment
from tidemill.expressions.numbers import checked
from tidemill.expressions.operators import OPERATORS, Operator, add, negate, subtract
from tidemill.expressions.values import equals_scalar, is_truthy, order_of_scalar
from tidemill.json import INTEGER_MAX, INTEGER_MIN, Json

# Comparing with a longer constant is charged, and so needs the budget.
_SCALAR_CHARACTERS_MAX: Final = 256


def binary(symbol: str, left: Single, right: Single) -> Single:
    """`left symbol right`: the right side is evaluated first."""
    if symbol == "+":
        return _plus(left, right)
    operate = OPERATORS[symbol]

    def calculate(value: Json, environment: Environment, run: Run) -> Json:
        second = right(value, environment, run)
        return operate(left(value, environment, run), second, run.budget)

    return calculate


def _plus(left: Single, right: Single) -> Single:
    def calculate(value: Json, environment: Environment, run: Run) -> Json:
        second = right(value, environment, run)
        first = left(value, environment, run)
        if type(first) is int and type(second) is int:
            return checked(first + second)
        return add(first, second, run.budget)

    return calculate


def left_many(symbol: str, left: Many, right: Single) -> Many:
    """`left symbol right` where left has many outputs."""
    operate = OPERATORS[symbol]

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        second = right(value, environment, run)
        for first in left(value, environment, run):
            run.budget.spend(1)
            yield operate(first, second, run.budget)

    return outputs


def right_many(symbol: str, left: Single, right: Many) -> Many:
    """`left symbol right` where right has many outputs."""
    operate = OPERATORS[symbol]

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        for second in right(value, environment, run):
            run.budget.spend(1)
            yield operate(left(value, environment, run), second, run.budget)

    return outputs


def with_constant(symbol: str, left: Single, scalar: Json) -> Single | None:
    """`left symbol scalar` for the symbols that need no budget then; None for the others."""
    if symbol in ("==", "!="):
        return _equality(left, scalar, wanted=symbol == "==")
    if symbol in ("<", "<=", ">", ">=") and not (
        isinstance(scalar, str) and len(scalar) > _SCALAR_CHARACTERS_MAX
    ):
        return _comparison(symbol, left, scalar)
    if symbol in ("+", "-") and type(scalar) is int:
        return _shift(left, scalar if symbol == "+" else -scalar, add if symbol == "+" else subtract, scalar)
    return None


def _equality(left: Single, scalar: Json, *, wanted: bool) -> Single:
    if isinstance(scalar, str):
        if wanted:
            return lambda value, environment, run: left(value, environment, run) == scalar
        return lambda value, environment, run: left(value, environment, run) != scalar
    if scalar is None or isinstance(scalar, bool):
        return lambda value, environment, run: (left(value, environment, run) is scalar) is wanted
    return lambda value, environment, run: equals_scalar(left(value, environment, run), scalar) is wanted


def _comparison(symbol: str, left: Single, scalar: Json) -> Single:
    accepted = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1)}[symbol]

    def compare(value: Json, environment: Environment, run: Run) -> Json:
        return order_of_scalar(left(value, environment, run), scalar) in accepted

    return compare


def _shift(left: Single, distance: int, operate: Operator, scalar: int) -> Single:
    def calculate(value: Json, environment: Environment, run: Run) -> Json:
        first = left(value, environment, run)
        if type(first) is int and INTEGER_MIN <= first + distance <= INTEGER_MAX:
            return first + distance
        # No sum with a number produces data, so that a placeholder of a budget does.
        return operate(first, scalar, run.budget)

    return calculate


def negated(operand: Single) -> Single:
    """`-operand`"""
    return lambda value, environment, run: negate(operand(value, environment, run), run.budget)


def both(left: Single, right: Single) -> Single:
    """`left and right`"""

    def decide(value: Json, environment: Environment, run: Run) -> Json:
        return is_truthy(left(value, environment, run)) and is_truthy(right(value, environment, run))

    return decide


def either(left: Single, right: Single) -> Single:
    """`left or right`"""

    def decide(value: Json, environment: Environment, run: Run) -> Json:
        return is_truthy(left(value, environment, run)) or is_truthy(right(value, environment, run))

    return decide


def alternative(left: Single, right: Single) -> Single:
    """`left // right`"""

    def choose(value: Json, environment: Environment, run: Run) -> Json:
        found = left(value, environment, run)
        return right(value, environment, run) if found is None or found is False else found

    return choose


def alternative_many(left: Many, right: Many) -> Many:
    """`left // right` where a side has many outputs."""

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        found = False
        for item in left(value, environment, run):
            run.budget.spend(1)
            if is_truthy(item):
                found = True
                yield item
        if not found:
            yield from right(value, environment, run)

    return outputs
