"""Builtins on arrays and objects."""

from collections.abc import Callable
from typing import Final

from tidemill.expressions.budget import CONTAINED_LEVELS_MAX, Budget, Run
from tidemill.expressions.editor import delete_paths, set_path
from tidemill.expressions.operators import ENTRY_BYTES, SLOT_BYTES, add, subtract
from tidemill.expressions.paths import elements, get_path, has, index, keyed_elements, positions_of
from tidemill.expressions.values import (
    described,
    equals,
    is_truthy,
    order_of_scalar,
    raised,
    sorted_keys,
    spend_keys,
    spend_reading,
    type_name,
)
from tidemill.json import Json

_ALL_LEVELS: Final = 2**53
_SOUGHT_CHARACTERS_PER_OPERATION: Final = 32


def length(run: Run, value: Json) -> Json:
    """Items, entries or characters; the size of a number; 0 for null."""
    if isinstance(value, str | list | dict):
        return len(value)
    if value is None:
        return 0
    if isinstance(value, bool):
        raise raised(f"{described(value)} has no length")
    return abs(value)


def keys(run: Run, value: Json) -> Json:
    """Sorted keys, or all indices."""
    unsorted = keys_unsorted(run, value)
    if isinstance(value, dict):
        run.budget.spend(len(value) * len(value).bit_length())
        return list[Json](sorted_keys(value, run.budget))
    return unsorted


def keys_unsorted(run: Run, value: Json) -> Json:
    """Keys in the object's order, or all indices."""
    if not isinstance(value, list | dict):
        raise raised(f"{described(value)} has no keys")
    run.budget.spend(len(value))
    run.budget.produce(SLOT_BYTES * len(value))
    return list(value) if isinstance(value, dict) else list(range(len(value)))


def add_all(run: Run, value: Json) -> Json:
    """The sum of all elements."""
    items = list(elements(value))
    run.budget.spend(len(items))
    if items and all(isinstance(item, str) for item in items):
        return joined(items, "", run.budget)
    total: Json = None
    for item in items:
        total = add(total, item, run.budget)
    return total


def joined(items: list[Json], separator: str, budget: Budget) -> str:
    """Strings put together, charged once."""
    texts = [item for item in items if isinstance(item, str)]
    budget.produce(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def reverse(run: Run, value: Json) -> Json:
    """The items from last to first."""
    if isinstance(value, list):
        run.budget.produce(SLOT_BYTES * len(value))
        return value[::-1]
    size = length(run, value)
    assert isinstance(size, int | float)
    return [] if size == 0 else index(value, size - 1, run.budget)


def contains(run: Run, value: Json, part: Json) -> Json:
    """True when each piece of `part` is somewhere in the value."""
    both_boolean = isinstance(value, bool) and isinstance(part, bool) and value is not part
    if type_name(value) != type_name(part) or both_boolean:
        raise raised(f"{described(value)} and {described(part)} cannot have their containment checked")
    return _contains(value, part, run.budget, CONTAINED_LEVELS_MAX)


def _contains(value: Json, part: Json, budget: Budget, levels: int) -> bool:
    if levels == 0:
        raise raised("Containment check too deep")
    if isinstance(value, dict) and isinstance(part, dict):
        budget.spend(len(part))
        spend_keys(part, budget)
        for key, item in part.items():
            if key not in value or not _contains(value[key], item, budget, levels - 1):
                return False
        return True
    if isinstance(value, list) and isinstance(part, list):
        for item in part:  # noqa: SIM110  all() and any() take more of the stack
            if not _contained_in(value, item, budget, levels):
                return False
        return True
    if isinstance(value, str) and isinstance(part, str):
        budget.spend(1 + (len(value) + len(part)) // 8)
        return part in value
    return equals(value, part, budget)


def _contained_in(items: list[Json], part: Json, budget: Budget, levels: int) -> bool:
    budget.spend(len(items))
    for item in items:  # noqa: SIM110  all() and any() take more of the stack
        if _contains(item, part, budget, levels - 1):
            return True
    return False


def flatten(run: Run, value: Json) -> Json:
    """All arrays inside taken apart."""
    return flatten_levels(run, value, _ALL_LEVELS)


def flatten_levels(run: Run, value: Json, levels: Json) -> Json:
    """Arrays inside taken apart down to a number of levels."""
    if order_of_scalar(levels, 0) < 0:
        raise raised("flatten depth must not be negative")
    found: list[Json] = []
    waiting = [(iter(list(elements(value))), levels)]
    while waiting:
        items, left = waiting[-1]
        run.budget.spend(1)
        for item in items:
            if isinstance(item, list) and left != 0:
                waiting.append((iter(item), subtract(left, 1, run.budget)))
                break
            run.budget.spend(1)
            run.budget.produce(SLOT_BYTES)
            found.append(item)
        else:
            waiting.pop()
    return found


def to_entries(run: Run, value: Json) -> Json:
    """`{key, value}` objects, in the order of the input."""
    if not isinstance(value, list | dict):
        raise raised(f"{described(value)} has no keys")
    run.budget.spend(2 * len(value))
    run.budget.produce(2 * ENTRY_BYTES * len(value))
    return [{"key": key, "value": item} for key, item in keyed_elements(value)]


def from_entries(run: Run, value: Json) -> Json:
    """An object of `{key, value}` objects; `name`, `Key`, `Name` and `Value` are understood too."""
    made: dict[str, Json] = {}
    items = list(elements(value))
    run.budget.spend(4 * len(items))
    run.budget.produce(ENTRY_BYTES * len(items))
    for item in items:
        key = _entry_key(run, item)
        if not isinstance(key, str):
            raise raised(f"Cannot use {described(key)} as object key")
        spend_reading(key, run.budget)
        made[key] = _entry_value(run, item)
    return made


def _entry_key(run: Run, item: Json) -> Json:
    for name in ("key", "Key", "name"):
        found = index(item, name, run.budget)
        if is_truthy(found):
            return found
    return index(item, "Name", run.budget)


def _entry_value(run: Run, item: Json) -> Json:
    return index(item, "value" if has(item, "value", run.budget) else "Value", run.budget)


def transpose(run: Run, value: Json) -> Json:
    """Rows to columns; short rows are filled with null."""
    rows = list(elements(value))
    run.budget.spend(3 * len(rows))
    width = 0
    for row in rows:
        size = length(run, row)
        assert isinstance(size, int | float)
        width = max(width, int(size))
    run.budget.spend(width * len(rows))
    run.budget.produce(SLOT_BYTES * width * (1 + len(rows)))
    return [[index(row, position, run.budget) for row in rows] for position in range(width)]


def indices(run: Run, value: Json, wanted: Json) -> Json:
    """Where something occurs in an array or a string."""
    if isinstance(value, list):
        if not isinstance(wanted, list):
            return list(positions_of(value, [wanted], run.budget))
        return list(positions_of(value, wanted, run.budget))
    if isinstance(value, str) and isinstance(wanted, str):
        return text_positions(run, value, wanted)
    return index(value, wanted, run.budget)


def text_positions(run: Run, value: Json, wanted: Json) -> Json:
    """Where a string occurs in a string."""
    if not isinstance(value, str):
        raise raised(f"{described(value)} cannot be searched, as it is not a string")
    if not isinstance(wanted, str):
        raise raised(f"{described(wanted)} is not a string")
    if not wanted:
        return []
    run.budget.spend(1 + len(value))
    found: list[Json] = []
    position = value.find(wanted)
    while position >= 0:
        # Each search looks at the whole of what is wanted before it starts.
        run.budget.spend(1 + len(wanted) // _SOUGHT_CHARACTERS_PER_OPERATION)
        found.append(position)
        position = value.find(wanted, position + 1)
    run.budget.produce(SLOT_BYTES * len(found))
    return found


def first_index(run: Run, value: Json, wanted: Json) -> Json:
    """The first place where something occurs."""
    return index(indices(run, value, wanted), 0, run.budget)


def last_index(run: Run, value: Json, wanted: Json) -> Json:
    """The last place where something occurs."""
    return index(indices(run, value, wanted), -1, run.budget)


def join(run: Run, value: Json, separator: Json) -> Json:
    """Strings, numbers, booleans and nulls as one text."""
    from tidemill.expressions.functions.conversions import tostring

    items = list(elements(value))
    run.budget.spend(2 * len(items))
    if not items:
        return ""
    if isinstance(separator, str) and all(isinstance(item, str) for item in items):
        return joined(items, separator, run.budget)
    total: Json = None
    for item in items:
        start = "" if total is None else add(total, separator, run.budget)
        text = tostring(run, item) if type(item) in (int, float, bool) else item
        total = add(start, text if is_truthy(text) else "", run.budget)
    return total if is_truthy(total) else ""


def any_true(run: Run, value: Json) -> Json:
    """True when an element is."""
    items = elements(value)
    run.budget.spend(1 + len(list(items)))
    return any(is_truthy(item) for item in items)


def all_true(run: Run, value: Json) -> Json:
    """True when every element is."""
    items = elements(value)
    run.budget.spend(1 + len(list(items)))
    return all(is_truthy(item) for item in items)


def toarray(run: Run, value: Json) -> Json:
    """An array as it is, anything else as an array of one."""
    return value if isinstance(value, list) else [value]


FUNCTIONS: Final[dict[str, Callable[..., Json]]] = {
    "length/0": length,
    "keys/0": keys,
    "keys_unsorted/0": keys_unsorted,
    "has/1": lambda run, value, key: has(value, key, run.budget),
    "add/0": add_all,
    "reverse/0": reverse,
    "contains/1": contains,
    "inside/1": lambda run, value, whole: contains(run, whole, value),
    "flatten/0": flatten,
    "flatten/1": flatten_levels,
    "to_entries/0": to_entries,
    "from_entries/0": from_entries,
    "transpose/0": transpose,
    "indices/1": indices,
    "_strindices/1": text_positions,
    "index/1": first_index,
    "rindex/1": last_index,
    "join/1": join,
    "any/0": any_true,
    "all/0": all_true,
    "toarray/0": toarray,
    "getpath/1": lambda run, value, path: get_path(value, path, run.budget),
    "setpath/2": lambda run, value, path, new: set_path(value, path, new, run.budget),
    "delpaths/1": lambda run, value, paths: delete_paths(value, paths, run.budget),
}
