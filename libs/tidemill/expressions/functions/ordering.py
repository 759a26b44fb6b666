"""Builtins that sort, group and compare."""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Final

from tidemill.expressions.budget import Run
from tidemill.expressions.operators import SLOT_BYTES
from tidemill.expressions.values import SortKey, described, equals, less, raised, sort_key, sorted_by
from tidemill.json import Json


def _array(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise raised(f"{described(value)} cannot be sorted, as it is not an array")
    return value


def _array_by(value: Json, keys: Json, problem: str) -> tuple[list[Json], list[Json]]:
    if not isinstance(value, list) or not isinstance(keys, list):
        raise raised(f"{described(value)} and {described(keys)} cannot be {problem}")
    return value, keys


_SORTED: Final = "sorted, as they are not both arrays"
_ITERATED: Final = "iterated over"


def sort(run: Run, value: Json) -> Json:
    """The items in jq's order."""
    items = _array(value)
    return _sorted_items(run, items, items)


def sort_by(run: Run, value: Json, keys: Json) -> Json:
    """The items in the order of their keys."""
    return _sorted_items(run, *_array_by(value, keys, _SORTED))


def _sorted_items(run: Run, items: list[Json], keys: list[Json]) -> list[Json]:
    run.budget.produce(SLOT_BYTES * len(items))
    return [item for _, item in sorted_by(items, keys, run.budget)]


def _groups(run: Run, items: list[Json], keys: list[Json]) -> Iterator[list[Json]]:
    run.budget.produce(2 * SLOT_BYTES * len(items))
    for _, group in groupby(sorted_by(items, keys, run.budget), key=_group_key):
        yield [item for _, item in group]


def _group_key(pair: tuple[SortKey, Json]) -> SortKey:
    return pair[0]


def group_by(run: Run, value: Json, keys: Json) -> Json:
    """Items with equal keys together, in the order of the keys."""
    return list(_groups(run, *_array_by(value, keys, _SORTED)))


def unique(run: Run, value: Json) -> Json:
    """The items in order, each once."""
    items = _array(value)
    return [group[0] for group in _groups(run, items, items)]


def unique_by(run: Run, value: Json, keys: Json) -> Json:
    """For each key the first item that has it, in the order of the keys."""
    return [group[0] for group in _groups(run, *_array_by(value, keys, _SORTED))]


def minimum(run: Run, value: Json) -> Json:
    """The first of the smallest items; null of none."""
    return _extreme(run, value, value, smallest=True)


def maximum(run: Run, value: Json) -> Json:
    """The last of the largest items; null of none."""
    return _extreme(run, value, value, smallest=False)


def minimum_by(run: Run, value: Json, keys: Json) -> Json:
    """The first item of the smallest key."""
    return _extreme(run, value, keys, smallest=True)


def maximum_by(run: Run, value: Json, keys: Json) -> Json:
    """The last item of the largest key."""
    return _extreme(run, value, keys, smallest=False)


def _extreme(run: Run, value: Json, keys: Json, *, smallest: bool) -> Json:
    items, their_keys = _array_by(value, keys, _ITERATED)
    run.budget.spend(2 * len(items))
    best: Json = None
    best_key: SortKey | None = None
    for item, key in zip(items, their_keys, strict=True):
        made = sort_key(key, run.budget)
        if best_key is None or (made < best_key if smallest else made >= best_key):
            best, best_key = item, made
    return best


def bsearch(run: Run, value: Json, target: Json) -> Json:
    """The index of an item of a sorted array, or -1 less the index where it would go."""
    if not isinstance(value, list):
        raise raised(f"{described(value)} cannot be searched from")
    items = value
    low, high = 0, len(items)
    while low < high:
        run.budget.spend(2)
        middle = (low + high) // 2
        if less(items[middle], target, run.budget):
            low = middle + 1
        else:
            high = middle
    found = low < len(items) and equals(items[low], target, run.budget)
    return low if found else -1 - low


FUNCTIONS: Final[dict[str, Callable[..., Json]]] = {
    "sort/0": sort,
    "_sort_by/1": sort_by,
    "_group_by/1": group_by,
    "unique/0": unique,
    "_unique_by/1": unique_by,
    "min/0": minimum,
    "max/0": maximum,
    "_min_by/1": minimum_by,
    "_max_by/1": maximum_by,
    "bsearch/1": bsearch,
}
