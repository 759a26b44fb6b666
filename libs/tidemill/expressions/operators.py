"""Arithmetic and comparison on JSON values, as jq does them."""

from collections.abc import Callable
from typing import Final, TypeAlias

from tidemill.expressions.budget import COMPARED_LEVELS_MAX, Budget
from tidemill.expressions.numbers import checked
from tidemill.expressions.values import described, equals, less, raised, too_deep
from tidemill.json import Json

Operator: TypeAlias = Callable[[Json, Json, Budget], Json]

# What a copied array slot or object entry counts as, in bytes.
SLOT_BYTES: Final = 8
ENTRY_BYTES: Final = 32


def add(left: Json, right: Json, budget: Budget) -> Json:
    """`left + right`"""
    if left is None:
        return right
    if right is None:
        return left
    match left, right:
        case bool(), _:
            pass
        case _, bool():
            pass
        case int() | float(), int() | float():
            return checked(left + right)
        case str(), str():
            budget.produce(len(left) + len(right))
            return left + right
        case list(), list():
            budget.produce(SLOT_BYTES * (len(left) + len(right)))
            return left + right
        case dict(), dict():
            budget.produce(ENTRY_BYTES * (len(left) + len(right)))
            return left | right
    raise raised(f"{described(left)} and {described(right)} cannot be added")


def subtract(left: Json, right: Json, budget: Budget) -> Json:
    """`left - right`"""
    match left, right:
        case bool(), _:
            pass
        case _, bool():
            pass
        case int() | float(), int() | float():
            return checked(left - right)
        case list(), list():
            budget.produce(SLOT_BYTES * len(left))
            budget.spend(len(left) * len(right))
            return [item for item in left if not any(equals(item, other, budget) for other in right)]
    raise raised(f"{described(left)} and {described(right)} cannot be subtracted")


def multiply(left: Json, right: Json, budget: Budget) -> Json:
    """`left * right`"""
    match left, right:
        case bool(), _:
            pass
        case _, bool():
            pass
        case int() | float(), int() | float():
            return checked(left * right)
        case str(), int() | float():
            return _repeat(left, right, budget)
        case int() | float(), str():
            return _repeat(right, left, budget)
        case dict(), dict():
            return _merge(left, right, budget, COMPARED_LEVELS_MAX)
    raise raised(f"{described(left)} and {described(right)} cannot be multiplied")


def _repeat(text: str, count: int | float, budget: Budget) -> str | None:
    if count < 0:
        return None
    times = int(count)
    budget.produce(len(text) * times)
    return text * times


def _merge(left: dict[str, Json], right: dict[str, Json], budget: Budget, levels: int) -> dict[str, Json]:
    if levels == 0:
        raise too_deep(COMPARED_LEVELS_MAX)
    budget.produce(ENTRY_BYTES * (len(left) + len(right)))
    budget.spend(len(right))
    merged = dict(left)
    for key, value in right.items():
        current = merged.get(key)
        if isinstance(current, dict) and isinstance(value, dict):
            merged[key] = _merge(current, value, budget, levels - 1)
        else:
            merged[key] = value
    return merged


def divide(left: Json, right: Json, budget: Budget) -> Json:
    """`left / right`"""
    match left, right:
        case bool(), _:
            pass
        case _, bool():
            pass
        case int() | float(), int() | float():
            if right == 0:
                raise _zero_divisor(left, right, "")
            if type(left) is int and type(right) is int and left % right == 0:
                return checked(left // right)
            return checked(left / right)
        case str(), str():
            return split_text(left, right, budget)
    raise raised(f"{described(left)} and {described(right)} cannot be divided")


def split_text(text: str, separator: str, budget: Budget) -> list[Json]:
    """The parts of a text between separators; an empty separator gives the characters."""
    budget.spend(1 + len(text) // 8)
    if not text:
        return []
    parts = text.split(separator) if separator else list(text)
    budget.produce(SLOT_BYTES * len(parts) + len(text))
    budget.spend(len(parts))
    return list(parts)


def remainder(left: Json, right: Json, _: Budget) -> Json:
    """`left % right`, on the integer parts, with the sign of the dividend."""
    match left, right:
        case bool(), _:
            pass
        case _, bool():
            pass
        case int() | float(), int() | float():
            divisor = abs(int(right))
            if divisor == 0:
                raise _zero_divisor(left, right, " (remainder)")
            rest = abs(int(left)) % divisor
            return -rest if left < 0 else rest
    raise raised(f"{described(left)} and {described(right)} cannot be divided")


def _zero_divisor(left: Json, right: Json, what: str) -> Exception:
    return raised(
        f"{described(left)} and {described(right)} cannot be divided{what} because the divisor is zero"
    )


def negate(value: Json, _: Budget) -> Json:
    """`-value`"""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise raised(f"{described(value)} cannot be negated")
    return checked(-value)


OPERATORS: Final[dict[str, Operator]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
    "==": equals,
    "!=": lambda left, right, budget: not equals(left, right, budget),
    "<": less,
    "<=": lambda left, right, budget: not less(right, left, budget),
    ">": lambda left, right, budget: less(right, left, budget),
    ">=": lambda left, right, budget: not less(left, right, budget),
}
