"""Facts about JSON values: types, truth, equality, order, and how errors show them."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeAlias, TypeGuard

from tidemill.expressions.budget import NESTING_LEVELS_MAX, WALKED_LEVELS_MAX, Budget
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
# In sort keys: the end of an array or of an object's keys comes before anything that may follow there.
_END: Final = -1
_KEY: Final = 0
# Equality reads machine words; order reads characters, and a sort reads each string many times.
_READ_CHARACTERS_PER_OPERATION: Final = 1_024
_ORDERED_CHARACTERS_PER_OPERATION: Final = 32
# Looking which children are containers is quick.
_CHILDREN_PER_OPERATION: Final = 8

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


def equals(left: Json, right: Json, budget: Budget) -> bool:
    """jq equality: 1 equals 1.0, but true does not equal 1."""
    kind = type(left)
    if kind is not type(right):
        return is_number(left) and is_number(right) and left == right
    if isinstance(left, str):
        spend_reading(left, budget)
    if kind is not list and kind is not dict:
        return left == right
    return _equal_containers(left, right, budget)


def _equal_containers(left: Json, right: Json, budget: Budget) -> bool:
    waiting: list[tuple[Json, Json, int]] = [(left, right, 0)]
    while waiting:
        one, other, level = waiting.pop()
        if one is other:
            continue
        if level > WALKED_LEVELS_MAX:
            raise raised("Equality check too deep")
        pairs = _paired(one, other, budget)
        if pairs is None:
            return False
        for item, counterpart in pairs:
            if type(item) is not type(counterpart) or not isinstance(item, list | dict):
                if not equals(item, counterpart, budget):
                    return False
            else:
                waiting.append((item, counterpart, level + 1))
    return True


def _paired(one: Json, other: Json, budget: Budget) -> Iterable[tuple[Json, Json]] | None:
    """What has to be equal for two containers to be, or None when nothing can make them so."""
    if isinstance(one, dict) and isinstance(other, dict) and len(one) == len(other):
        budget.spend(len(one))
        spend_keys(one, budget)
        if one.keys() == other.keys():
            return [(value, other[key]) for key, value in one.items()]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        budget.spend(len(one))
        return zip(one, other, strict=True)
    return None


def sort_key(value: Json, budget: Budget) -> SortKey:
    """null < false < true < numbers < strings < arrays < objects (first by keys, then by values)."""
    if isinstance(value, str):
        budget.spend(len(value) // _ORDERED_CHARACTERS_PER_OPERATION)
    if not isinstance(value, list | dict):
        return (_RANKS[type(value)], value)
    return tuple(_tokens(value, budget))


def _tokens(root: Json, budget: Budget) -> list[Json]:
    """A container as one flat list, whose order is that of the containers, however deep they are."""
    tokens: list[Json] = []
    waiting: list[Iterator[Json]] = [iter([root])]
    while waiting:
        for item in waiting[-1]:
            tokens.append(_RANKS[type(item)])
            if isinstance(item, list | dict):
                if len(waiting) > WALKED_LEVELS_MAX + 1:
                    raise raised("Comparison too deep")
                budget.spend(1 + len(item))
                waiting.append(_inside(item, tokens, budget))
                break
            if isinstance(item, str):
                budget.spend(len(item) // _ORDERED_CHARACTERS_PER_OPERATION)
            tokens.append(item)
        else:
            waiting.pop()
            tokens.append(_END)
    return tokens


def _inside(container: list[Json] | dict[str, Json], tokens: list[Json], budget: Budget) -> Iterator[Json]:
    """The values of a container; of an object after all its keys, which are compared first."""
    if isinstance(container, list):
        return iter(container)
    keys = sorted_keys(container, budget)
    for key in keys:
        tokens += (_KEY, key)
    tokens.append(_END)
    return iter([container[key] for key in keys])


def sorted_keys(fields: dict[str, Json], budget: Budget) -> list[str]:
    """The keys of an object in order."""
    budget.spend(len(fields) + sum(map(len, fields)) // _ORDERED_CHARACTERS_PER_OPERATION)
    return sorted(fields)


def less(left: Json, right: Json, budget: Budget) -> bool:
    """jq order."""
    return sort_key(left, budget) < sort_key(right, budget)


def spend_reading(text: str, budget: Budget) -> None:
    """Charge work that may read a whole string, as looking for it among keys does; a short one is free."""
    if len(text) > _READ_CHARACTERS_PER_OPERATION:
        budget.spend(len(text) // _READ_CHARACTERS_PER_OPERATION)


def spend_keys(fields: dict[str, Json], budget: Budget) -> None:
    """Charge looking for all keys of an object in another one."""
    budget.spend(sum(map(len, fields)) // _READ_CHARACTERS_PER_OPERATION)


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
    level: list[list[Json] | dict[str, Json]] = [value] if isinstance(value, list | dict) else []
    depth = 0
    while level:
        depth += 1
        if depth > NESTING_LEVELS_MAX + 1:
            raise BudgetExceededError(f"a value nests deeper than {NESTING_LEVELS_MAX} levels")
        budget.spend(1 + (len(level) + sum(map(len, level))) // _CHILDREN_PER_OPERATION)
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is list or type(child) is dict
        ]


def raised(message: str) -> RaisedError:
    """A jq error whose value is its message."""
    return RaisedError(message)
