"""The links between what is drawn: order, `then`, cases, branches, rounds, errors and retries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tidemill.diagrams.outline import CONTINUE, END, EXIT, Block, Outline, Task

LinkKind = Literal["order", "error"]

START_NODE: Final = "start"
END_NODE: Final = "end"
FAULT_NODE: Final = "fault"

OTHERWISE: Final = "otherwise"


def gate(task: Task) -> str:
    """The node that asks a task's `if`."""
    return f"{task.reference}#if"


def join(task: Task) -> str:
    """The node where the branches of a `fork` come together."""
    return f"{task.reference}#join"


def catch(task: Task) -> str:
    """The node that catches the errors of a `try`."""
    return f"{task.reference}#catch"


def head(task: Task) -> str:
    """The node by which a task is entered."""
    return gate(task) if task.condition else task.reference


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow between two nodes. There is one between any two; its label holds what each way is called."""

    source: str
    target: str
    label: str = ""
    kind: LinkKind = "order"


def links_of(outline: Outline) -> list[Link]:
    """Every link of a definition, in the document's order. Parts beside the flow have only links inside."""
    linker = _Linker()
    leaving = linker.block(outline.root, [_Port(START_NODE)])
    linker.connect(leaving, END_NODE)
    for part in outline.parts:
        linker.block(part.block, [])
    return linker.links()


@dataclass(frozen=True, slots=True)
class _Port:
    """A node that control leaves, and what the way out is called."""

    node: str
    label: str = ""


_Exit = tuple[_Port, str]


class _Linker:
    """Goes through the tasks and connects each way out of one with the node that it leads to."""

    def __init__(self) -> None:
        self._labels: dict[tuple[str, str], list[str]] = {}
        self._kinds: dict[tuple[str, str], LinkKind] = {}
        self._catching = 0

    def links(self) -> list[Link]:
        """What was connected; several ways between two nodes are one link."""
        return [
            Link(source, target, " or ".join(filter(None, labels)), self._kinds[source, target])
            for (source, target), labels in self._labels.items()
        ]

    def connect(self, ports: Sequence[_Port], target: str, kind: LinkKind = "order") -> None:
        """Lead every port to one node."""
        for port in ports:
            labels = self._labels.setdefault((port.node, target), [])
            self._kinds.setdefault((port.node, target), kind)
            if port.label not in labels:
                labels.append(port.label)

    def block(self, block: Block, entry: list[_Port]) -> list[_Port]:
        """Connect the tasks of a list in their order; gives the ports that leave the list."""
        if not block.tasks:
            return entry
        heads: dict[str, str] = {}
        for task in block.tasks:
            heads.setdefault(task.name, head(task))
        self.connect(entry, head(block.tasks[0]))
        leaving: list[_Port] = []
        following: list[dict[str, str]] = [{CONTINUE: head(task)} for task in block.tasks[1:]]
        for task, after in zip(block.tasks, [*following, {}], strict=True):
            leaving += self._lead(self._task(task), {**heads, **after})
        return leaving

    def _lead(self, exits: list[_Exit], targets: dict[str, str]) -> list[_Port]:
        """Lead each exit where its directive says; gives those that leave the list."""
        leaving = []
        for port, directive in exits:
            if directive == END:
                self.connect([port], END_NODE)
            elif directive in targets:
                self.connect([port], targets[directive])
            elif directive in (CONTINUE, EXIT):
                leaving.append(port)
        return leaving

    def _task(self, task: Task) -> list[_Exit]:
        """Connect a task with what is inside it; gives its ways out."""
        skipped: list[_Exit] = []
        if task.condition:
            self.connect([_Port(gate(task), "yes")], task.reference)
            skipped = [(_Port(gate(task), "no"), CONTINUE)]
        return [*self._inside(task), *skipped]

    def _inside(self, task: Task) -> list[_Exit]:
        match task.kind:
            case "switch":
                return self._switch(task)
            case "fork":
                return self._fork(task)
            case "try":
                return self._try(task)
            case "raise":
                return self._raise(task)
            case _:
                return self._simple(task)

    def _simple(self, task: Task) -> list[_Exit]:
        """A task with at most one block: rounds lead back to it, other tasks inside lead on."""
        here = _Port(task.reference)
        if task.loop is not None and task.loop.tasks:
            self.connect(self.block(task.loop, [_Port(task.reference, "each")]), task.reference)
            return [(_Port(task.reference, "done"), task.then)]
        leaving = [here]
        for block in task.blocks:
            leaving = self.block(block, leaving)
        return [(port, task.then) for port in leaving]

    @staticmethod
    def _switch(task: Task) -> list[_Exit]:
        exits = [(_Port(task.reference, _case(case.name, case.condition)), case.then) for case in task.cases]
        if all(case.condition for case in task.cases):
            exits.append((_Port(task.reference, OTHERWISE), task.then))
        return exits

    def _fork(self, task: Task) -> list[_Exit]:
        branches = task.blocks[0].tasks
        for branch in branches:
            self.connect([_Port(task.reference)], head(branch))
            self.connect(self._lead(self._task(branch), {}), join(task))
        return [(_Port(join(task) if branches else task.reference), task.then)]

    def _try(self, task: Task) -> list[_Exit]:
        tried, caught = task.blocks
        self._catching += 1
        leaving = self.block(tried, [_Port(task.reference)])
        self._catching -= 1
        exits = [(port, task.then) for port in leaving]
        self.connect([_Port(task.reference, "error")], catch(task), "error")
        if caught.retries:
            self.connect([_Port(catch(task), "retry")], task.reference, "error")
        if caught.leads_on:
            handled = self.block(caught, [_Port(catch(task))])
            exits += [(port, caught.then or task.then) for port in handled]
        return exits

    def _raise(self, task: Task) -> list[_Exit]:
        """What is raised inside a `try` leaves it by the link of the `try`."""
        if not self._catching:
            self.connect([_Port(task.reference)], FAULT_NODE, "error")
        return []


def _case(name: str, condition: str) -> str:
    return f"{name}: {condition}" if condition else name
