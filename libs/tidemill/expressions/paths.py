"""Reading by key, slice and path."""

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from tidemill.expressions.budget import NESTING_LEVELS_MAX, WALKED_LEVELS_MAX, Budget
from tidemill.expressions.errors import BudgetExceededError, RaisedError
from tidemill.expressions.operators import SLOT_BYTES
from tidemill.expressions.values import described, equals, is_number, raised, spend_reading, type_name
from tidemill.json import Json

# The longest array that assigning to an index may make is bounded by the budget of bytes as well.
INDEX_MAX: Final = 2**29 - 1


def index(value: Json, key: Json, budget: Budget) -> Json:
    """`value[key]`; what is not there is null. Raises RaisedError when the types do not fit."""
    if isinstance(key, str):
        if isinstance(value, dict):
            spend_reading(key, budget)
            return value.get(key)
        if value is None:
            return None
    elif is_number(key):
        if isinstance(value, list):
            return _element(value, key)
        if value is None:
            return None
    elif isinstance(key, dict):
        if value is None:
            return None
        if isinstance(value, list | str):
            return slice_of(value, *slice_bounds(key), budget)
    elif isinstance(key, list) and isinstance(value, list):
        return list(positions_of(value, key, budget))
    raise cannot_index(value, key)


def cannot_index(value: Json, key: Json) -> RaisedError:
    """The error of an index whose type does not fit."""
    return raised(f"Cannot index {type_name(value)} with {described(key)}")


def _element(items: list[Json], key: Json) -> Json:
    position = whole(key)
    if position < 0:
        position += len(items)
    return items[position] if 0 <= position < len(items) else None


def whole(key: Json) -> int:
    """A numeric key rounded down."""
    assert isinstance(key, int | float)
    return key if isinstance(key, int) else math.floor(key)


def slice_bounds(key: dict[str, Json]) -> tuple[Json, Json]:
    """Start and end of a slice that is written as an object."""
    if "start" not in key or "end" not in key:
        raise _bad_bounds()
    return key["start"], key["end"]


def _bad_bounds() -> RaisedError:
    return raised("Array/string slice indices must be integers")


def slice_range(length: int, start: Json, stop: Json) -> tuple[int, int]:
    """Where a slice begins and ends in something of that length."""
    first: int | float = 0
    last: int | float = length
    if start is not None:
        if isinstance(start, bool) or not isinstance(start, int | float):
            raise _bad_bounds()
        first = start
    if stop is not None:
        if isinstance(stop, bool) or not isinstance(stop, int | float):
            raise _bad_bounds()
        last = stop
    begin = min(max(math.floor(first + length if first < 0 else first), 0), length)
    end = min(math.ceil(last + length if last < 0 else last), length)
    return begin, max(begin, end)


def slice_of(value: Json, start: Json, stop: Json, budget: Budget) -> Json:
    """`value[start:stop]` of an array, a string or null."""
    if value is None:
        return None
    if not isinstance(value, list | str):
        raise cannot_index(value, {"start": start, "end": stop})
    begin, end = slice_range(len(value), start, stop)
    budget.produce((end - begin) * (SLOT_BYTES if isinstance(value, list) else 1))
    return value[begin:end]


def positions_of(items: list[Json], wanted: list[Json], budget: Budget) -> Iterable[int]:
    """Where `wanted` occurs in `items` as a run."""
    if not wanted:
        return []
    budget.spend(2 * len(items) * len(wanted))
    if len(wanted) == 1:
        only = wanted[0]
        return [position for position, item in enumerate(items) if equals(item, only, budget)]
    return [
        start
        for start in range(len(items) - len(wanted) + 1)
        if all(equals(items[start + offset], item, budget) for offset, item in enumerate(wanted))
    ]


def elements(value: Json) -> Collection[Json]:
    """`value[]`: the items of an array or the values of an object."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return value.values()
    raise raised(f"Cannot iterate over {described(value)}")


def keyed_elements(value: Json) -> Iterable[tuple[Json, Json]]:
    """The elements with their keys."""
    if isinstance(value, list):
        return enumerate(value)
    if isinstance(value, dict):
        return value.items()
    raise raised(f"Cannot iterate over {described(value)}")


def has(value: Json, key: Json, budget: Budget) -> bool:
    """True when an object has the key or an array the index; null has nothing."""
    if value is None:
        return False
    if isinstance(value, dict) and isinstance(key, str):
        spend_reading(key, budget)
        return key in value
    if isinstance(value, list) and isinstance(key, int | float) and not isinstance(key, bool):
        return 0 <= key < len(value)
    raise raised(f"Cannot check whether {type_name(value)} has a {type_name(key)} key")


def checked_path(path: Json) -> list[Json]:
    """The path, which must be an array of bearable length."""
    if not isinstance(path, list):
        raise raised("Path must be specified as an array")
    if len(path) > WALKED_LEVELS_MAX:
        raise raised("Path too deep")
    return path


def check_path_length(path: Sequence[Json]) -> None:
    """Raise BudgetExceededError for a path that grows key by key beyond what any output may nest."""
    if len(path) > NESTING_LEVELS_MAX:
        raise BudgetExceededError(f"a path is longer than {NESTING_LEVELS_MAX} keys")


def get_path(value: Json, path: Json, budget: Budget) -> Json:
    """The value at a path; null where nothing is."""
    keys = checked_path(path)
    budget.spend(len(keys))
    for key in keys:
        value = index(value, key, budget)
    return value
