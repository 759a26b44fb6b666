"""`do`: tasks in sequence; and what all tasks share that hold tasks of which one is under way at a time."""

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from tidemill.engine.core.lifecycle import complete, enter_later
from tidemill.engine.core.node import BlockNode, Directive, Place, TaskList, TaskNode
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class SequenceNode(TaskNode, BlockNode):
    """A task that holds tasks of which one is under way at a time."""

    __slots__ = ()

    @abstractmethod
    def list_ended(self, turn: "Turn", frame: FrameView) -> None:
        """Go on after the last task of a list; the frame holds its output. May raise one of FAULTS."""

    def begin_list(self, turn: "Turn", frame: FrameView, tasks: TaskList) -> None:
        """Enter the first task of a list; an empty one has ended already."""
        first = tasks.first()
        if first is None:
            self.later(turn, frame)
        else:
            enter_later(turn, first)

    def child_ended(self, turn: "Turn", frame: FrameView, child: TaskNode, directive: Directive) -> None:
        following = child.siblings.after(child, directive)
        if following is None:
            self.later(turn, frame)
        else:
            enter_later(turn, following)

    def later(self, turn: "Turn", frame: FrameView) -> None:
        """End the list as work of this task: a fault in it is not the child's."""
        turn.later(self, lambda: self.list_ended(turn, frame))


class RoundsNode(SequenceNode):
    """A task that goes through its tasks in rounds."""

    __slots__ = ()

    @abstractmethod
    def next_round(self, turn: "Turn", frame: FrameView) -> None:
        """Begin the next round, put it off, or end the task where there is none. May raise one of FAULTS."""


class DoNode(SequenceNode):
    """Its output is that of its last task; without tasks its transformed input."""

    __slots__ = ("_list",)

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        inside = replace(place.surroundings, owner=self, are_branches=False)
        self._list = compiler.task_list(definition["do"], f"{place.reference}/do", inside)

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        self.begin_list(turn, frame, self._list)

    def list_ended(self, turn: "Turn", frame: FrameView) -> None:
        complete(turn, self, frame)
