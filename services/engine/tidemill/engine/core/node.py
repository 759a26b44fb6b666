"""A compiled task: what all kinds of tasks share, and what each kind has to answer."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

from tidemill.dsl.task_references import as_written
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import TaskStarted
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.variables import NO_BINDINGS, Binding
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class Flow(Enum):
    """Where to go after a task, when it is not to a sibling by name."""

    CONTINUE = "continue"
    EXIT = "exit"
    END = "end"


Directive: TypeAlias = Flow | str

_FLOWS: Final[Mapping[str, Flow]] = {flow.value: flow for flow in Flow}


def directive_of(value: Json) -> Directive:
    """A `then` of the document; none is to continue."""
    return Flow.CONTINUE if value is None else _FLOWS.get(str(value), str(value))


class TaskList:
    """Tasks side by side: in sequence, or as branches."""

    __slots__ = ("_index_by_name", "nodes")

    def __init__(self, nodes: "list[TaskNode]") -> None:
        self.nodes = nodes
        self._index_by_name = {node.name: index for index, node in enumerate(nodes)}

    def first(self) -> "TaskNode | None":
        """The first task, None when there is none."""
        return self.nodes[0] if self.nodes else None

    def knows(self, directive: Directive) -> bool:
        """Whether a directive can be followed inside the list."""
        return isinstance(directive, Flow) or directive in self._index_by_name

    def after(self, node: "TaskNode", directive: Directive) -> "TaskNode | None":
        """The task to enter after one of the list; None when the list ends (`end` is for the caller)."""
        if directive is Flow.CONTINUE:
            index = node.index + 1
            return self.nodes[index] if index < len(self.nodes) else None
        if isinstance(directive, Flow):
            return None
        return self.nodes[self._index_by_name[directive]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the tasks of a list share: who holds them, their nearest loop, their outermost `try`, and the
    loop and error variables that they see. Extensions leave the tasks of extensions alone."""

    owner: "BlockNode"
    loop: str = ""
    outermost_try: str = ""
    bindings: Mapping[str, Binding] = field(default_factory=lambda: NO_BINDINGS)
    are_branches: bool = False
    are_extendable: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task stands in its document."""

    reference: str
    name: str
    index: int
    surroundings: Surroundings


class TaskNode(ABC):
    """One task of a plan. Nodes hold no state of executions: frames do."""

    __slots__ = (
        "bindings",
        "common",
        "definition",
        "index",
        "is_branch",
        "loop",
        "name",
        "outermost_try",
        "owner",
        "pointer",
        "reference",
        "siblings",
        "surroundings",
    )

    siblings: TaskList

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        surroundings = place.surroundings
        self.surroundings = surroundings
        self.reference = place.reference
        # What authors and errors call it: extensions around it change the reference alone.
        self.pointer = as_written(place.reference)
        self.name = place.name
        self.index = place.index
        # What entering a task reads each time stands in the node itself.
        self.owner = surroundings.owner
        self.loop = surroundings.loop
        self.outermost_try = surroundings.outermost_try
        self.bindings = surroundings.bindings
        self.is_branch = surroundings.are_branches
        self.definition = definition
        self.common = compiler.common(definition, place.reference)

    def directives(self) -> list[Directive]:
        """Every way that the task may go on."""
        return [self.common.then]

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        """The event that enters the task, with what its kind adds. May raise one of FAULTS."""
        return entry.started()

    def transformed_input(self, frame: FrameView) -> Payload:
        """What the task's own expressions see as `$input`."""
        return frame.input

    @abstractmethod
    def begin(self, turn: "Turn", frame: FrameView) -> None:
        """Go on from the entry: end the task, begin its first child, or leave it to wait."""


class WaitingNode(TaskNode):
    """A task that waits for the outside, and goes on from a fact in its frame."""

    __slots__ = ()

    @abstractmethod
    def go_on(self, turn: "Turn", frame: FrameView) -> None:
        """Act on the outcome of the task's call, or on its timer, which stand in the frame."""


class BlockNode(ABC):
    """What holds tasks: the workflow itself (reference ""), and the tasks that are blocks."""

    __slots__ = ()

    reference: str

    @abstractmethod
    def child_ended(self, turn: "Turn", frame: FrameView, child: TaskNode, directive: Directive) -> None:
        """Go on after a child has completed; `frame` is the block's own. `end` never comes here
        unless the block takes it.

        What can fail or enters a task goes to the agenda: this call is the child's, and raises nothing.
        """

    def takes_end(self, child: TaskNode) -> bool:
        """Whether the block has more to do after a child that ends the workflow: then it is told of `end`."""
        return False

    def child_skipped(self, turn: "Turn", frame: FrameView, child: TaskNode) -> None:
        """Go on after a child was passed over: its `then` does not count."""
        self.child_ended(turn, frame, child, Flow.CONTINUE)

    def child_faulted(self, turn: "Turn", frame: FrameView, child: TaskNode, problem: Problem) -> bool:
        """Whether an error of a child ends here: then the block has gone on from it. May raise FAULTS."""
        return False
