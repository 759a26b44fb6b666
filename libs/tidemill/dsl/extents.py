"""What is written once and used often: circles of calls, and how much functions and extensions stand for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from tidemill.dsl import limits
from tidemill.dsl.extending import Extension, extensions_of
from tidemill.dsl.function_calls import function_uri
from tidemill.dsl.pointers import child, task_pointer
from tidemill.dsl.problems import Problem
from tidemill.dsl.references import section
from tidemill.dsl.shapes import PROTOCOLS
from tidemill.dsl.task_lists import lists_of, tasks_within
from tidemill.json import Json

_CHARACTERS_PER_VALUE: Final = 100
# The key of the function that a `call` means, where it is one of those that are known; else empty.
_KeyOf: TypeAlias = Callable[[Json], str]


class Functions:
    """All functions that a document leads to: its own by name, and those from outside by URI.

    Neither can have the key of the other: no name of a function has the form of a URI.
    """

    def __init__(self, document: Json, outside: Mapping[str, Json]) -> None:
        self._document = document
        self._own = section(document, "functions")
        self._outside = outside

    def __bool__(self) -> bool:
        return bool(self._own or self._outside)

    def __getitem__(self, key: str) -> Json:
        return self._outside[key] if key in self._outside else self._own[key]

    def key_of(self, call: Json) -> str:
        """The function that a `call` of the document means, and of its own functions and extensions."""
        if not isinstance(call, str) or call in PROTOCOLS:
            return ""
        if call in self._own:
            return call
        return self._known(function_uri(self._document, call))

    def key_of_outside(self, call: Json) -> str:
        """The function that a `call` in one from outside means, which knows nothing of the document."""
        return self._known(function_uri({}, call))

    def _known(self, uri: str) -> str:
        return uri if uri in self._outside else ""

    def is_from_outside(self, key: str) -> bool:
        """Whether it is one of those from outside."""
        return key in self._outside

    def keys_in(self, key: str) -> _KeyOf:
        """What a `call` in this function means."""
        return self.key_of_outside if key in self._outside else self.key_of

    def ordered(self) -> "_Order":
        """All of them, each after those that it calls; and what is wrong with circles."""
        calls = {name: self._calls(name, child("/use/functions", name)) for name in self._own}
        calls |= {uri: self._calls(uri, "") for uri in self._outside}
        return _ordered(calls)

    def _calls(self, key: str, pointer: str) -> list[tuple[str, str]]:
        """Each call of a function in a function: its pointer, and the key of what is called."""
        key_of = self.keys_in(key)
        return [
            (f"{at}/call", called)
            for at, inner in tasks_within(self[key], pointer)
            if (called := key_of(inner.get("call")))
        ]


@dataclass(slots=True)
class _Order:
    keys: list[str] = field(default_factory=list)
    # Where a circle closes: the function that holds the call, its pointer there, and what is wrong.
    circles: list[tuple[str, str, str]] = field(default_factory=list)
    # How many functions each leads to, one below the other, itself counted.
    levels: dict[str, int] = field(default_factory=dict)


def _ordered(calls: Mapping[str, Sequence[tuple[str, str]]]) -> _Order:
    found = _Order()
    for name in calls:
        path = [(name, iter(calls[name]))] if name not in found.levels else []
        while path:
            current, waiting = path[-1]
            at, called = next(waiting, ("", ""))
            if not called:
                path.pop()
                found.keys.append(current)
                found.levels[current] = 1 + max(
                    (found.levels.get(to, 0) for _, to in calls[current]), default=0
                )
            elif called in (names := [above for above, _ in path]):
                found.circles.append((current, at, _circle([*names[names.index(called) :], called])))
            elif called not in found.levels:
                path.append((called, iter(calls[called])))
    return found


def _circle(names: Sequence[str]) -> str:
    way = ", which calls ".join(f"`{name:.80}`" for name in names[1:10])
    return f"a function may not call itself: `{names[0]:.80}` calls {way}"


def circles(document: Json) -> Iterator[Problem]:
    """The circles of calls among the functions that a document writes itself."""
    for _, pointer, message in Functions(document, {}).ordered().circles:
        yield Problem(pointer, message)


def extent_problems(document: Json, outside: Mapping[str, Json]) -> Iterator[Problem]:
    """What is too much of what a document uses, with functions from outside by URI."""
    tasks = document.get("do") if isinstance(document, dict) else None
    functions, extending = Functions(document, outside), list(extensions_of(document))
    if not isinstance(tasks, list) or not (functions or extending):
        return
    order = functions.ordered()
    if order.circles:
        return
    extents = _Extents(functions, extending)
    # What extensions put around tasks is extended by none: functions are measured so first.
    for is_extendable in (False, True):
        for key in order.keys:
            extents.add_function(key, is_extendable=is_extendable)
    whole = extents.of_list(tasks, functions.key_of, is_extendable=True)
    if whole.values > limits.REUSED_VALUES_MAX:
        most = limits.REUSED_VALUES_MAX
        where = "/use" if isinstance(document, dict) and "use" in document else ""
        yield Problem(
            where, f"functions and extensions stand for more than {most} values where they are used"
        )
    for index, item in enumerate(tasks):
        for name, task in item.items() if isinstance(item, dict) else ():
            if (
                1 + extents.of_task(task, functions.key_of, is_extendable=True).levels
                > limits.TASK_LEVELS_MAX
            ):
                most = limits.TASK_LEVELS_MAX
                message = f"tasks may be nested {most} levels deep, functions and extensions included"
                yield Problem(task_pointer("/do", index, name), message)


class _Extent(NamedTuple):
    """How many values tasks get from functions and extensions, and how many lists deep they are."""

    values: int
    levels: int


class _Extents:
    """Measures tasks with all that they use; functions in an order in which callers come last."""

    def __init__(self, functions: Functions, extending: Sequence[Extension]) -> None:
        self._known = functions
        self._functions: dict[tuple[str, bool], _Extent] = {}
        self._extending = extending

    def add_function(self, key: str, *, is_extendable: bool) -> None:
        """Measure a function, of which all that it calls are known."""
        task = self._known[key]
        values, levels = self.of_task(task, self._known.keys_in(key), is_extendable=is_extendable)
        self._functions[key, is_extendable] = _Extent(values + _size(task), levels + 1)

    def of_list(self, tasks: Json, key_of: _KeyOf, *, is_extendable: bool) -> _Extent:
        """The extent of tasks beside each other."""
        found = [
            self.of_task(task, key_of, is_extendable=is_extendable)
            for item in (tasks if isinstance(tasks, list) else [])
            if isinstance(item, dict)
            for task in item.values()
        ]
        return _Extent(sum(each.values for each in found), 1 + _deepest(found))

    def of_task(self, task: Json, key_of: _KeyOf, *, is_extendable: bool) -> _Extent:
        """The extent of one task."""
        if not isinstance(task, dict):
            return _Extent(0, 0)
        found = [self.of_list(tasks, key_of, is_extendable=is_extendable) for _, tasks in lists_of(task)]
        if called := key_of(task.get("call")):
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
                    # Extensions are the document's, whoever has written the task.
                    values, depth = self.of_list(tasks, self._known.key_of, is_extendable=False)
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
