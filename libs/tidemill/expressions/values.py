"""Facts about JSON values: types, truth, equality, order, and how errors show them."""

from itertools import islice
from typing import Any, Final, TypeAlias, TypeGuard

from tidemill.expressions.budget import COMPARED_LEVELS_MAX, NESTING_LEVELS_MAX, Budget
from tidemill.expressions.errors import BudgetExceededError, RaisedError
from tidemill.expressions.jsontext import pieces
from tidemill.json import Json

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
_SHOWN_BYTES_MAX: Final = 29
# Looking whether a container is too deep is quick.
_CONTAINERS_PER_OPERATION: Final = 4

# A key that Python orders as jq orders the value it was made from.
SortKey: TypeAlias = tuple[Any, ...]


def is_truthy(value: Json) -> bool:
    """jq truth: everything but null and false."""
    return value is not None and value is not False


def type_name(value: Json) -> str:
    """`null`, `boolean`, `number`, `string`, `array` or `object`."""
    return _TYPE_NAMES[type(value)]


def is_number(value: Json) -> TypeGuard[int | float]:
    """True for integers and doubles, and not for booleans."""
    return type(value) is int or type(value) is float


def shown(value: Json) -> str:
    """The value as JSON, cut short for a message."""
    start = value[: _SHOWN_BYTES_MAX + 1] if isinstance(value, str) else value
    text = "".join(islice(pieces(start), _SHOWN_BYTES_MAX + 1))
    encoded = text.encode(errors="replace")
    if len(encoded) <= _SHOWN_BYTES_MAX:
        return text
    closing = {"string": '"', "array": "]", "object": "}"}.get(type_name(value), "")
    return encoded[: _SHOWN_BYTES_MAX - 3 - len(closing)].decode(errors="ignore") + "..." + closing


def described(value: Json) -> str:
    """The value with its type, for a message."""
    return f"{type_name(value)} ({shown(value)})"


def equals(left: Json, right: Json, budget: Budget, levels: int = COMPARED_LEVELS_MAX) -> bool:
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
        raise too_deep(COMPARED_LEVELS_MAX)
    if isinstance(left, dict) and isinstance(right, dict):
        if len(left) != len(right):
            return False
        budget.spend(len(left))
        for key, value in left.items():
            if key not in right or not equals(value, right[key], budget, levels - 1):
                return False
        return True
    assert isinstance(left, list)
    assert isinstance(right, list)
    if len(left) != len(right):
        return False
    budget.spend(len(left))
    for one, other in zip(left, right, strict=True):  # noqa: SIM110  all() and any() take more of the stack
        if not equals(one, other, budget, levels - 1):
            return False
    return True


def sort_key(value: Json, budget: Budget, levels: int = COMPARED_LEVELS_MAX) -> SortKey:
    """null < false < true < numbers < strings < arrays < objects (first by keys, then by values)."""
    rank = _RANKS[type(value)]
    if not isinstance(value, list | dict):
        return (rank, value)
    if levels == 0:
        raise too_deep(COMPARED_LEVELS_MAX)
    budget.spend(1 + len(value))
    if isinstance(value, list):
        return (rank, [sort_key(item, budget, levels - 1) for item in value])
    keys = sorted(value)
    return (rank, keys, [sort_key(value[key], budget, levels - 1) for key in keys])


def less(left: Json, right: Json, budget: Budget) -> bool:
    """jq order."""
    return sort_key(left, budget) < sort_key(right, budget)


def equals_scalar(value: Json, scalar: Json) -> bool:
    """Equality with a value that is neither array nor object, so that there is nothing to charge."""
    if type(value) is type(scalar):
        return value == scalar
    return is_number(value) and is_number(scalar) and value == scalar


def order_of_scalar(value: Json, scalar: Json) -> int:
    """-1, 0 or 1: where a value stands to a scalar, without charge."""
    rank, other_rank = _RANKS[type(value)], _RANKS[type(scalar)]
    if rank != other_rank:
        return -1 if rank < other_rank else 1
    if value == scalar:
        return 0
    return -1 if value < scalar else 1  # type: ignore[operator]


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
            raise too_deep(NESTING_LEVELS_MAX)
        budget.spend(1 + len(level) // _CONTAINERS_PER_OPERATION)
        level = [
            child
            for parent in level
            if type(parent) is list or type(parent) is dict
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is list or type(child) is dict
        ]


def too_deep(levels: int) -> BudgetExceededError:
    """The error of a value that nests deeper than it may."""
    return BudgetExceededError(f"a value nests deeper than {levels} levels")


def raised(message: str) -> RaisedError:
    """A jq error whose value is its message."""
    return RaisedError(message)
