"""Reads a document's tasks into an outline."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tidemill.diagrams.calls import called, ran
from tidemill.diagrams.catching import caught, raised, retried
from tidemill.diagrams.events import emitted, schedule, strategy
from tidemill.diagrams.outline import CONTINUE, Block, BlockRole, Case, Outline, Part, Task
from tidemill.diagrams.words import (
    DETAIL_CHARACTERS_MAX,
    duration,
    expression,
    items,
    listed,
    members,
    one_line,
    scalar,
    shortened,
)
from tidemill.dsl.pointers import child, task_pointer
from tidemill.dsl.problems import refusal
from tidemill.dsl.references import UnknownReferenceError, resolve_timeout, section
from tidemill.dsl.shapes import task_kind
from tidemill.json import Json


def outline_of(document: Json) -> Outline:
    """The outline of a loaded document; raises DocumentError for what is no list of tasks, or no task.

    Whatever else is wrong is drawn as it stands, so that what an older release has published can be shown.
    """
    header = members(members(document).get("document"))
    title = f"{scalar(header.get('namespace'))}/{scalar(header.get('name'))}:{scalar(header.get('version'))}"
    reader = _Reader(document)
    root = reader.block("do", "/do", members(document).get("do"))
    return Outline(title, schedule(members(document).get("schedule")), root, tuple(reader.parts()))


class _Reader:
    """Reads the tasks of one document."""

    def __init__(self, document: Json) -> None:
        self._document = document

    def parts(self) -> Iterator[Part]:
        """What stands in `use.functions` and `use.extensions`."""
        for name, task in section(self._document, "functions").items():
            read = self._task(child("/use/functions", name), name, task)
            yield Part(one_line(f"function {name}"), Block("do", "/use/functions", (read,)))
        extensions = members(members(self._document).get("use")).get("extensions")
        for index, item in enumerate(items(extensions)):
            for name, extension in members(item).items():
                pointer = task_pointer("/use/extensions", index, name)
                yield from self._extension(pointer, name, members(extension))

    def _extension(self, pointer: str, name: str, extension: Mapping[str, Json]) -> Iterator[Part]:
        condition = f" when {expression(extension['when'])}" if "when" in extension else ""
        for place in ("before", "after"):
            if place in extension:
                where = f"{place} {scalar(extension.get('extend'))} tasks{condition}"
                block = self.block("do", f"{pointer}/{place}", extension[place])
                yield Part(one_line(f"extension {name}: {where}"), block)

    def block(self, role: BlockRole, pointer: str, tasks: Json) -> Block:
        """A list of tasks."""
        return Block(role, pointer, tuple(self._tasks(pointer, tasks)))

    def _tasks(self, pointer: str, tasks: Json) -> Iterator[Task]:
        if not isinstance(tasks, list):
            raise refusal("a list of tasks is expected", pointer)
        for index, item in enumerate(tasks):
            if not isinstance(item, dict) or len(item) != 1:
                raise refusal("an item of a task list is one name with one task", f"{pointer}/{index}")
            ((name, task),) = item.items()
            yield self._task(task_pointer(pointer, index, name), name, task)

    def _task(self, reference: str, name: str, task: Json) -> Task:
        given = members(task)
        try:
            kind = task_kind(given)
        except ValueError as error:
            raise refusal(str(error), reference) from None
        return Task(
            reference,
            name,
            kind,
            detail=self._detail(kind, given),
            condition=expression(given["if"]) if "if" in given else "",
            then=_directive(given),
            cases=tuple(_cases(given.get("switch"))) if kind == "switch" else (),
            blocks=tuple(self._blocks(kind, reference, given)),
        )

    def _detail(self, kind: str, task: Mapping[str, Json]) -> str:
        describe = _DETAILS.get(kind)
        words = [describe(dict(task))] if describe else []
        if "timeout" in task:
            words.append(f"at most {self._timeout(task['timeout'])}")
        return ", ".join(word for word in words if word)

    def _timeout(self, value: Json) -> str:
        try:
            return duration(members(resolve_timeout(self._document, value)).get("after"))
        except UnknownReferenceError:
            return scalar(value)

    def _blocks(self, kind: str, reference: str, task: Mapping[str, Json]) -> Iterator[Block]:
        match kind:
            case "do" | "for":
                role: BlockRole = "for" if kind == "for" else "do"
                yield self.block(role, f"{reference}/do", task.get("do"))
            case "fork":
                branches = members(task["fork"]).get("branches")
                yield self.block("branches", f"{reference}/fork/branches", branches)
            case "try":
                yield self.block("try", f"{reference}/try", task["try"])
                yield self._catch(f"{reference}/catch", task.get("catch"))
            case "listen":
                yield from self._foreach(f"{reference}/foreach", task.get("foreach"))
            case "call":
                subscription = members(members(task.get("with")).get("subscription"))
                yield from self._foreach(
                    f"{reference}/with/subscription/foreach", subscription.get("foreach")
                )
            case _:
                pass

    def _catch(self, pointer: str, catch: Json) -> Block:
        given = members(catch)
        retries = retried(self._document, catch)
        then = _directive(given) if "then" in given else ""
        handler = tuple(self._tasks(f"{pointer}/do", given["do"])) if "do" in given else ()
        leads_on = "do" in given or bool(then) or not retries
        return Block("catch", f"{pointer}/do", handler, caught(catch), then, retries, leads_on)

    def _foreach(self, pointer: str, iterator: Json) -> Iterator[Block]:
        given = members(iterator)
        if "do" in given:
            detail = f"each {scalar(given.get('item', 'item'))}"
            yield Block("foreach", f"{pointer}/do", tuple(self._tasks(f"{pointer}/do", given["do"])), detail)


def _directive(holder: Mapping[str, Json]) -> str:
    then = holder.get("then")
    return then if isinstance(then, str) else CONTINUE


def _cases(value: Json) -> Iterator[Case]:
    for item in items(value):
        for name, given in members(item).items():
            case = members(given)
            condition = expression(case["when"]) if "when" in case else ""
            yield Case(name, condition, _directive(case))


def _set(task: dict[str, Json]) -> str:
    values = task["set"]
    if isinstance(values, dict):
        return shortened(listed([one_line(key) for key in values]))
    return expression(values)


def _for(task: dict[str, Json]) -> str:
    loop = members(task["for"])
    each, found = scalar(loop.get("each", "item")), expression(loop.get("in"))
    if "while" not in task:
        return shortened(f"each {each} in {found}")
    # A long list of items must not push the condition out of sight.
    found = shortened(found, DETAIL_CHARACTERS_MAX // 2)
    return shortened(f"each {each} in {found} while {expression(task['while'])}")


def _fork(task: dict[str, Json]) -> str:
    return "the first branch wins" if members(task["fork"]).get("compete") is True else "all branches"


def _wait(task: dict[str, Json]) -> str:
    return duration(task["wait"])


def _listen(task: dict[str, Json]) -> str:
    return strategy(members(task["listen"]).get("to"))


_DETAILS: Final[Mapping[str, Callable[[dict[str, Json]], str]]] = MappingProxyType(
    {
        "set": _set,
        "for": _for,
        "fork": _fork,
        "raise": raised,
        "wait": _wait,
        "listen": _listen,
        "emit": emitted,
        "call": called,
        "run": ran,
    }
)
