"""Arithmetic and comparison on JSON values, as jq does them."""

from collections.abc import Callable
from typing import Final, TypeAlias

from tidemill.expressions.budget import WALKED_LEVELS_MAX, Budget
from tidemill.expressions.numbers import checked
from tidemill.expressions.values import described, equals, is_number, less, raised, spend_keys
from tidemill.json import Json

Operator: TypeAlias = Callable[[Json, Json, Budget], Json]

# What a copied array slot or object entry counts as, in bytes.
SLOT_BYTES: Final = 8
ENTRY_BYTES: Final = 32
# As in jq; the budget of bytes ends most evaluations long before.
_REPEATED_CHARACTERS_MAX: Final = 2**31 - 1


def add(left: Json, right: Json, budget: Budget) -> Json:
    """`left + right`"""
    if left is None:
        return right
    if right is None:
        return left
    if is_number(left) and is_number(right):
        return checked(left + right)
    if isinstance(left, str) and isinstance(right, str):
        budget.produce(len(left) + len(right))
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        budget.produce(SLOT_BYTES * (len(left) + len(right)))
        return left + right
    if isinstance(left, dict) and isinstance(right, dict):
        budget.produce(ENTRY_BYTES * (len(left) + len(right)))
        budget.spend(1)
        spend_keys(right, budget)
        return left | right
    raise raised(f"{described(left)} and {described(right)} cannot be added")


def subtract(left: Json, right: Json, budget: Budget) -> Json:
    """`left - right`"""
    if is_number(left) and is_number(right):
        return checked(left - right)
    if isinstance(left, list) and isinstance(right, list):
        budget.produce(SLOT_BYTES * len(left))
        budget.spend(len(left) * len(right))
        return [item for item in left if not any(equals(item, other, budget) for other in right)]
    raise raised(f"{described(left)} and {described(right)} cannot be subtracted")


def multiply(left: Json, right: Json, budget: Budget) -> Json:
    """`left * right`"""
    if is_number(left) and is_number(right):
        return checked(left * right)
    if isinstance(left, str) and is_number(right):
        return _repeat(left, right, budget)
    if is_number(left) and isinstance(right, str):
        return _repeat(right, left, budget)
    if isinstance(left, dict) and isinstance(right, dict):
        return _merge(left, right, budget)
    raise raised(f"{described(left)} and {described(right)} cannot be multiplied")


def _repeat(text: str, count: int | float, budget: Budget) -> str | None:
    if count < 0:
        return None
    times = int(count)
    if len(text) * times > _REPEATED_CHARACTERS_MAX:
        raise raised("Repeat string result too long")
    budget.produce(len(text) * times)
    return text * times


def _merge(left: dict[str, Json], right: dict[str, Json], budget: Budget) -> dict[str, Json]:
    root = _copied(left, right, budget)
    waiting = [(root, right, 0)]
    while waiting:
        merged, changes, level = waiting.pop()
        if level > WALKED_LEVELS_MAX:
            raise raised("Object merge too deep")
        for key, value in changes.items():
            current = merged.get(key)
            if isinstance(current, dict) and isinstance(value, dict):
                inner = merged[key] = _copied(current, value, budget)
                waiting.append((inner, value, level + 1))
            else:
                merged[key] = value
    return root


def _copied(fields: dict[str, Json], changes: dict[str, Json], budget: Budget) -> dict[str, Json]:
    """A copy of an object that is about to take changes, which are charged with it."""
    budget.produce(ENTRY_BYTES * (len(fields) + len(changes)))
    budget.spend(1 + 2 * len(changes))
    spend_keys(changes, budget)
    return dict(fields)


def divide(left: Json, right: Json, budget: Budget) -> Json:
    """`left / right`"""
    if is_number(left) and is_number(right):
        if right == 0:
            raise _zero_divisor(left, right, "")
        if type(left) is int and type(right) is int and left % right == 0:
            return checked(left // right)
        return checked(left / right)
    if isinstance(left, str) and isinstance(right, str):
        return split_text(left, right, budget)
    raise raised(f"{described(left)} and {described(right)} cannot be divided")


def split_text(text: str, separator: str, budget: Budget) -> list[Json]:
    """The parts of a text between separators; an empty separator gives the characters."""
    budget.spend(1 + len(text) // 8)
    if not text:
        return []
    count = 1 + text.count(separator) if separator else len(text)
    budget.spend(count)
    budget.produce(SLOT_BYTES * count + len(text))
    return list[Json](text.split(separator) if separator else text)


def remainder(left: Json, right: Json, _: Budget) -> Json:
    """`left % right`, on the integer parts, with the sign of the dividend."""
    if is_number(left) and is_number(right):
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
    if is_number(value):
        return checked(-value)
    raise raised(f"{described(value)} cannot be negated")


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
