"""Writing by path. Inputs are never changed: what a change touches is copied once, then owned."""

from itertools import pairwise
from typing import Final

from tidemill.expressions.budget import Budget
from tidemill.expressions.jsontext import to_json
from tidemill.expressions.operators import ENTRY_BYTES, SLOT_BYTES
from tidemill.expressions.paths import (
    INDEX_MAX,
    cannot_index,
    checked_path,
    index,
    slice_bounds,
    slice_range,
    whole,
)
from tidemill.expressions.values import is_number, raised, spend_reading, type_name
from tidemill.json import Json

# Writing goes down to the place, and back up through every container above it.
_KEY_OPERATIONS: Final = 4


class Editor:
    """A value under change. Containers copied by this editor are changed in place from then on."""

    def __init__(self, root: Json, budget: Budget) -> None:
        self.root = root
        self._budget = budget
        self._owned: dict[int, Json] = {}

    def get(self, path: list[Json]) -> Json:
        """The value at a path. It may be kept by the caller, so what it holds is no longer owned."""
        value = self.root
        self._budget.spend(len(path))
        for key in path:
            if value is None:
                return None
            value = index(value, key, self._budget)
        if id(value) in self._owned:
            self._owned.clear()
        return value

    def set(self, path: Json, value: Json) -> None:
        """Put a value at a path; missing containers are made."""
        keys = checked_path(path)
        self._budget.spend(1 + _KEY_OPERATIONS * len(keys))
        if not keys:
            self.root = value
            return
        self.root = container = self._own(self.root, keys[0])
        trail = []
        for key, following in pairwise(keys):
            trail.append((container, key))
            container = self._own(index(container, key, self._budget), following)
        self._put(container, keys[-1], value)
        for parent, key in reversed(trail):
            self._put(parent, key, container)
            container = parent

    def delete(self, paths: list[Json]) -> None:
        """Remove what stands at the paths; all paths are meant as things stood before."""
        groups: dict[str, tuple[list[Json], list[Json]]] = {}
        for path in paths:
            if not isinstance(path, list):
                raise raised(f"Path must be specified as array, not {type_name(path)}")
            if not path:
                self.root = None
                return
            parent = checked_path(path)[:-1]
            groups.setdefault(to_json(parent, self._budget), (parent, []))[1].append(path[-1])
        # Deepest first, because what is deleted higher up would move or take away what lies below.
        for parent, keys in sorted(groups.values(), key=lambda group: -len(group[0])):
            self._delete(parent, keys)

    def _delete(self, parent: list[Json], keys: list[Json]) -> None:
        self._budget.spend(1 + len(parent) + len(keys))
        container = self.root
        for key in parent:
            if container is None:
                return
            if not isinstance(container, list | dict):
                break
            container = index(container, key, self._budget)
        if container is None:
            return
        if isinstance(container, dict):
            self.set(parent, self._without_fields(container, keys))
        elif isinstance(container, list):
            self.set(parent, self._without_items(container, keys))
        else:
            raise raised(f"Cannot delete fields from {type_name(container)}")

    def _without_fields(self, fields: dict[str, Json], keys: list[Json]) -> Json:
        mine = self._mine(fields)
        assert isinstance(mine, dict)
        for key in keys:
            if not isinstance(key, str):
                raise raised(f"Cannot delete {type_name(key)} field of object")
            spend_reading(key, self._budget)
            mine.pop(key, None)
        return mine

    def _without_items(self, items: list[Json], keys: list[Json]) -> Json:
        gone: set[int] = set()
        for key in keys:
            if isinstance(key, dict):
                positions = range(*slice_range(len(items), *slice_bounds(key)))
                self._budget.spend(len(positions))
                gone.update(positions)
            elif is_number(key):
                gone.add(whole(key) + (len(items) if whole(key) < 0 else 0))
            else:
                raise raised(f"Cannot delete {type_name(key)} element of array")
        self._budget.spend(len(items))
        return [item for position, item in enumerate(items) if position not in gone]

    def _own(self, value: Json, key: Json) -> Json:
        """A container that fits the key and may be changed."""
        if isinstance(key, str) and (value is None or isinstance(value, dict)):
            return self._mine({} if value is None else value)
        if is_number(key) and (value is None or isinstance(value, list)):
            return self._mine([] if value is None else value)
        if isinstance(key, dict):
            if isinstance(value, str):
                raise raised("Cannot update string slices")
            if value is None or isinstance(value, list):
                return self._mine([] if value is None else value)
        if isinstance(key, list) and isinstance(value, list):
            raise raised("Cannot update field at array index of array")
        raise cannot_index(value, key)

    def _mine(self, container: list[Json] | dict[str, Json]) -> Json:
        if id(container) in self._owned:
            return container
        copied: Json
        if isinstance(container, list):
            self._budget.produce(SLOT_BYTES * (1 + len(container)))
            copied = list(container)
        else:
            self._budget.produce(ENTRY_BYTES * (1 + len(container)))
            copied = dict(container)
        self._owned[id(copied)] = copied
        return copied

    def _put(self, container: Json, key: Json, value: Json) -> None:
        if isinstance(container, dict):
            assert isinstance(key, str)
            spend_reading(key, self._budget)
            container[key] = value
            return
        assert isinstance(container, list)
        if isinstance(key, dict):
            self._put_slice(container, key, value)
            return
        position = whole(key)
        if position < 0:
            position += len(container)
            if position < 0:
                raise raised("Out of bounds negative array index")
        if position >= len(container):
            self._extend(container, position)
        container[position] = value

    def _extend(self, items: list[Json], position: int) -> None:
        if position > INDEX_MAX:
            raise raised("Array index too large")
        missing = position + 1 - len(items)
        self._budget.produce(SLOT_BYTES * missing)
        items.extend([None] * missing)

    def _put_slice(self, items: list[Json], key: dict[str, Json], value: Json) -> None:
        if not isinstance(value, list):
            raise raised("A slice of an array can only be assigned another array")
        begin, end = slice_range(len(items), *slice_bounds(key))
        self._budget.produce(SLOT_BYTES * (len(items) + len(value)))
        items[begin:end] = value


def set_path(value: Json, path: Json, new: Json, budget: Budget) -> Json:
    """A copy of the value with another value at the path."""
    editor = Editor(value, budget)
    editor.set(path, new)
    return editor.root


def delete_paths(value: Json, paths: Json, budget: Budget) -> Json:
    """A copy of the value without what stands at the paths."""
    if not isinstance(paths, list):
        raise raised("Paths must be specified as an array")
    editor = Editor(value, budget)
    editor.delete(paths)
    return editor.root
