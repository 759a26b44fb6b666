"""Which extensions of a document may extend which of its tasks, as far as that can be read off."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from tidemill.dsl.shapes import task_kind
from tidemill.json import Json

_ALL: Final = "all"
_COMPOSITE: Final = "composite"
_HOLDING_TASKS: Final = frozenset({"do", "for", "fork", "try"})


class Extension(NamedTuple):
    """An extension of `use.extensions`: its place in the list, its name, and what stands there."""

    position: int
    name: str
    definition: Mapping[str, Json]

    def extends(self, task: Mapping[str, Json]) -> bool:
        """Whether it extends tasks of this kind; its `when` decides the rest.

        Raises ValueError for what is no task.
        """
        target, kind = self.definition.get("extend"), task_kind(task)
        if target == _COMPOSITE:
            return kind in _HOLDING_TASKS or (kind == "listen" and "foreach" in task)
        return target in (_ALL, kind)


def extensions_of(document: Json) -> Iterator[Extension]:
    """The extensions of a document in their order; what is malformed is passed over."""
    use = document.get("use") if isinstance(document, dict) else None
    items = use.get("extensions") if isinstance(use, dict) else None
    for index, item in enumerate(items if isinstance(items, list) else []):
        for name, definition in item.items() if isinstance(item, dict) else ():
            if isinstance(definition, dict):
                yield Extension(index, name, definition)
