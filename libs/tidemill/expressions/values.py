"""Facts about JSON values: types, truth, equality, order, and how errors show them."""

from itertools import islice
from typing import Any, Final, TypeAlias

from tidemill.expressions.budget import NESTING_LEVELS_MAX, Budget
from tidemill.expressions.errors import BudgetExceededError, RaisedError
from tidemill.expressions.jsontext import pieces
from tidemill.json import Json

Number: TypeAlias = int | float

_TYPE_NAMES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_RANKS: Final[dict[type, int]] = {type(None): 0, bool: 1, int: 2, float: 2, str: 3, list: 4, dict: 5}
_SHOWN_CHARACTERS_MAX: Final = 29

# A key that Python orders as jq orders the value it was made from.
SortKey: TypeAlias = tuple[Any, ...]


def is_truthy(value: Json) -> bool:
    """jq truth: everything but null and false."""
    return value is not None and value is not False


def type_name(value: Json) -> str:
    """`null`, `boolean`, `number`, `string`, `array` or `object`."""
    return _TYPE_NAMES[type(value)]


def is_number(value: Json) -> bool:
    """True for integers and doubles, and not for booleans."""
    return type(value) is int or type(value) is float


def shown(value: Json) -> str:
    """The value as JSON, cut short for a message."""
    text = "".join(islice(pieces(value), _SHOWN_CHARACTERS_MAX + 1))
    if len(text) <= _SHOWN_CHARACTERS_MAX:
        return text
    closing = {"string": '"', "array": "]", "object": "}"}.get(type_name(value), "")
    return text[: _SHOWN_CHARACTERS_MAX - 3 - len(closing)] + "..." + closing


def described(value: Json) -> str:
    """The value with its type, for a message."""
    return f"{type_name(value)} ({shown(value)})"


def equals(left: Json, right: Json, budget: Budget, levels: int = NESTING_LEVELS_MAX) -> bool:
    """jq equality: 1 equals 1.0, but true does not equal 1."""
    kind = type(left)
    if kind is not type(right):
        return is_number(left) and is_number(right) and left == right
    if kind is not list and kind is not dict:
        return left == right
    return _equal_containers(left, right, budget, levels)


def _equal_containers(left: Json, right: Json, budget: Budget, levels: int) -> bool:
    if left is right:
        return True
    if levels == 0:
        raise _too_deep()
    if isinstance(left, dict) and isinstance(right, dict):
        if len(left) != len(right):
            return False
        budget.spend(len(left))
        return all(
            key in right and equals(value, right[key], budget, levels - 1) for key, value in left.items()
        )
    assert isinstance(left, list)
    assert isinstance(right, list)
    if len(left) != len(right):
        return False
    budget.spend(len(left))
    return all(equals(one, other, budget, levels - 1) for one, other in zip(left, right, strict=True))


def sort_key(value: Json, budget: Budget, levels: int = NESTING_LEVELS_MAX) -> SortKey:
    """null < false < true < numbers < strings < arrays < objects (first by keys, then by values)."""
    rank = _RANKS[type(value)]
    if not isinstance(value, list | dict):
        return (rank, value)
    if levels == 0:
        raise _too_deep()
    budget.spend(1 + len(value))
    if isinstance(value, list):
        return (rank, [sort_key(item, budget, levels - 1) for item in value])
    keys = sorted(value)
    return (rank, keys, [sort_key(value[key], budget, levels - 1) for key in keys])


def less(left: Json, right: Json, budget: Budget) -> bool:
    """jq order."""
    return sort_key(left, budget) < sort_key(right, budget)


def spend_sorting(count: int, budget: Budget) -> None:
    """Charge the comparisons of a sort before it runs."""
    budget.spend(count * max(count.bit_length(), 1))


def sorted_by(items: list[Json], keys: list[Json], budget: Budget) -> list[tuple[SortKey, Json]]:
    """Each item with the order key of its key, in jq's order; equal keys keep their order."""
    spend_sorting(len(items), budget)
    made = [(sort_key(key, budget), item) for key, item in zip(keys, items, strict=True)]
    made.sort(key=lambda pair: pair[0])
    return made


def check_nesting(value: Json, budget: Budget) -> None:
    """Raise ExpressionError when a value nests deeper than JSON may in this system."""
    level: list[Json] = [value]
    depth = 0
    while level:
        depth += 1
        if depth > NESTING_LEVELS_MAX + 1:
            raise _too_deep()
        budget.spend(len(level))
        level = [
            child
            for parent in level
            if type(parent) is list or type(parent) is dict
            for child in (parent if type(parent) is list else parent.values())
            if type(child) is list or type(child) is dict
        ]


def _too_deep() -> BudgetExceededError:
    return BudgetExceededError(f"a value nests deeper than {NESTING_LEVELS_MAX} levels")


def raised(message: str) -> RaisedError:
    """A jq error whose value is its message."""
    return RaisedError(message)
