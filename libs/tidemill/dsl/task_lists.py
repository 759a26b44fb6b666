"""Where tasks hold other tasks."""

from collections.abc import Iterator, Mapping
from typing import Final

from tidemill.dsl.pointers import task_pointer
from tidemill.json import Json

_LISTS: Final = (("do",), ("fork", "branches"), ("try",), ("catch", "do"), ("foreach", "do"))
_OF_SUBSCRIPTIONS: Final = ("with", "subscription", "foreach", "do")


def lists_of(task: Mapping[str, Json]) -> Iterator[tuple[str, list[Json]]]:
    """The lists of tasks right below a task, each with its pointer from there, as far as they are lists."""
    lists = (*_LISTS, _OF_SUBSCRIPTIONS) if task.get("call") == "asyncapi" else _LISTS
    for path in lists:
        place: Json = dict(task)
        for key in path:
            place = place.get(key) if isinstance(place, dict) else None
        if isinstance(place, list):
            yield "".join(f"/{key}" for key in path), place


def tasks_within(task: Json, pointer: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """A task and all below it, each with its pointer, in the document's order."""
    waiting = [(pointer, task)]
    while waiting:
        at, current = waiting.pop()
        if not isinstance(current, dict):
            continue
        yield at, current
        below = [
            (task_pointer(f"{at}{path}", index, name), inner)
            for path, tasks in lists_of(current)
            for index, item in enumerate(tasks)
            if isinstance(item, dict)
            for name, inner in item.items()
        ]
        waiting.extend(reversed(below))
