"""Rules about functions and extensions: their names, circles of calls, and how much they stand for."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from tidemill.dsl import limits
from tidemill.dsl.extending import Extension, extensions_of
from tidemill.dsl.pointers import child, task_pointer
from tidemill.dsl.problems import Problem
from tidemill.dsl.references import section
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.shapes import PROTOCOLS
from tidemill.dsl.task_lists import lists_of, tasks_within
from tidemill.dsl.walk import Place
from tidemill.json import Json

_CHARACTERS_PER_VALUE: Final = 100


def functions(place: Place, _check: Check) -> Iterator[Problem]:
    """Functions can be called by their names, and end."""
    known = place.value if isinstance(place.value, dict) else {}
    for name in known:
        if name in PROTOCOLS or "@" in name or "://" in name or not name:
            message = f"a call of `{name:.80}` never means a function of `use.functions`: choose another name"
            yield Problem(child(place.pointer, name), message)
    yield from _calling(known, place.pointer).problems


def extensions(place: Place, _check: Check) -> Iterator[Problem]:
    """Extensions are told apart by name."""
    seen = set[str]()
    for index, item in enumerate(place.value if isinstance(place.value, list) else []):
        for name in item if isinstance(item, dict) else ():
            if name in seen:
                pointer = task_pointer(place.pointer, index, name)
                yield Problem(pointer, f"another extension is named `{name:.80}` too")
            seen.add(name)


def workflow(place: Place, _check: Check) -> Iterator[Problem]:
    """What is written once and used often must not stand for too much."""
    known, extending = section(place.value, "functions"), list(extensions_of(place.value))
    tasks = place.value.get("do") if isinstance(place.value, dict) else None
    if not isinstance(tasks, list) or not (known or extending):
        return
    calling = _calling(known, "/use/functions")
    if calling.problems:
        return
    extents = _Extents(extending)
    for name in calling.order:
        extents.add_function(name, known[name])
    whole = extents.of_list(tasks, is_extendable=True)
    if whole.values > limits.REUSED_VALUES_MAX:
        most = limits.REUSED_VALUES_MAX
        yield Problem(
            "/use", f"functions and extensions stand for more than {most} values where they are used"
        )
    for index, item in enumerate(tasks):
        for name, task in item.items() if isinstance(item, dict) else ():
            if 1 + extents.of_task(task, is_extendable=True).levels > limits.TASK_LEVELS_MAX:
                most = limits.TASK_LEVELS_MAX
                message = f"tasks may be nested {most} levels deep, functions and extensions included"
                yield Problem(task_pointer("/do", index, name), message)


class _Calling(NamedTuple):
    """The functions in an order in which each comes after those that it calls; what is wrong with circles."""

    order: list[str]
    problems: list[Problem]


def _calling(known: Mapping[str, Json], pointer: str) -> _Calling:
    found = _Calling([], [])
    calls = {name: _calls(task, child(pointer, name), known) for name, task in known.items()}
    done = set[str]()
    for name in known:
        path = [(name, iter(calls[name]))] if name not in done else []
        while path:
            current, waiting = path[-1]
            at, called = next(waiting, ("", ""))
            if not at:
                path.pop()
                done.add(current)
                found.order.append(current)
            elif called in (names := [above for above, _ in path]):
                found.problems.append(Problem(at, _circle([*names[names.index(called) :], called])))
            elif called not in done:
                path.append((called, iter(calls[called])))
    return found


def _calls(task: Json, pointer: str, known: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Each call of a function in a task and below: its pointer, and the function."""
    return [
        (f"{at}/call", called)
        for at, inner in tasks_within(task, pointer)
        if isinstance(called := inner.get("call"), str) and called in known and called not in PROTOCOLS
    ]


def _circle(names: Sequence[str]) -> str:
    way = ", which calls ".join(f"`{name:.40}`" for name in names[1:10])
    return f"a function may not call itself: `{names[0]:.40}` calls {way}"


class _Extent(NamedTuple):
    """How many values tasks get from functions and extensions, and how many lists deep they are."""

    values: int
    levels: int


class _Extents:
    """Measures tasks with all that they use; functions in an order in which callers come last."""

    def __init__(self, extending: Sequence[Extension]) -> None:
        self._functions: dict[tuple[str, bool], _Extent] = {}
        self._extending = extending

    def add_function(self, name: str, task: Json) -> None:
        """Measure a function, of which all that it calls are known."""
        for is_extendable in (True, False):
            values, levels = self.of_task(task, is_extendable=is_extendable)
            self._functions[name, is_extendable] = _Extent(values + _size(task), levels + 1)

    def of_list(self, tasks: Json, *, is_extendable: bool) -> _Extent:
        """The extent of tasks beside each other."""
        found = [
            self.of_task(task, is_extendable=is_extendable)
            for item in (tasks if isinstance(tasks, list) else [])
            if isinstance(item, dict)
            for task in item.values()
        ]
        return _Extent(sum(each.values for each in found), 1 + _deepest(found))

    def of_task(self, task: Json, *, is_extendable: bool) -> _Extent:
        """The extent of one task."""
        if not isinstance(task, dict):
            return _Extent(0, 0)
        found = [self.of_list(tasks, is_extendable=is_extendable) for _, tasks in lists_of(task)]
        called = task.get("call")
        if isinstance(called, str) and (called, is_extendable) in self._functions:
            found.append(self._functions[called, is_extendable])
        if is_extendable:
            found += self._around(task, _deepest(found))
        return _Extent(sum(each.values for each in found), _deepest(found))

    def _around(self, task: Mapping[str, Json], levels: int) -> Iterator[_Extent]:
        """What extensions put around a task, which then is a list deeper itself."""
        for extension in self._extending:
            if _extends(extension, task):
                yield _Extent(0, 1 + levels)
                for tasks in map(extension.definition.get, ("before", "after")):
                    values, depth = self.of_list(tasks, is_extendable=False)
                    yield _Extent(values + _size(tasks), depth)


def _deepest(extents: Sequence[_Extent]) -> int:
    return max((each.levels for each in extents), default=0)


def _extends(extension: Extension, task: Mapping[str, Json]) -> bool:
    try:
        return extension.extends(task)
    except ValueError:
        return False


def _size(value: Json) -> int:
    """How many values a value holds; long texts count for more."""
    size, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        size += 1 + (len(item) // _CHARACTERS_PER_VALUE if isinstance(item, str) else 0)
        waiting.extend(item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
    return size


RULES: Final[RuleTable] = MappingProxyType(
    {"named functions": functions, "extensions": extensions, "workflow": workflow}
)
