"""`fork`: branches side by side, all of them or the first to end."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tidemill.engine.core.compiler import members
from tidemill.engine.core.events import TaskCancelled
from tidemill.engine.core.lifecycle import cancel_children, complete, complete_with, enter
from tidemill.engine.core.node import BlockNode, Directive, Place, TaskNode
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.state import FrameStatus
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class ForkNode(TaskNode, BlockNode):
    """Its output is the branches' outputs in declared order, or with `compete` that of the first to end.

    A branch that is passed over for its `if` wins no race, unless all are: then the input is the output.
    """

    __slots__ = ("_branches", "_compete")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        fork = members(definition["fork"])
        self._compete = fork.get("compete") is True
        inside = replace(place.surroundings, owner=self, are_branches=True)
        pointer = f"{place.reference}/fork/branches"
        self._branches = compiler.task_list(fork.get("branches", []), pointer, inside)

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        if self._branches.nodes:
            self._enter_from(turn, frame, 0)
        else:
            self._join(turn, frame)

    def enter_missing(self, turn: "Turn", frame: FrameView) -> None:
        """Enter the branches that a fault beside them kept from beginning."""
        self._enter_from(turn, frame, 0)

    def _enter_from(self, turn: "Turn", frame: FrameView, index: int) -> None:
        """Enter a branch, and after it has come as far as it can, the next one."""
        if not turn.is_live(frame) or index >= len(self._branches.nodes):
            return
        turn.later(self, partial(self._enter_from, turn, frame, index + 1))
        branch = self._branches.nodes[index]
        begun = frame.children and branch.reference in frame.children
        if not begun and index not in (frame.outputs or {}):
            turn.later(branch, partial(enter, turn, branch))

    def child_ended(self, turn: "Turn", frame: FrameView, child: TaskNode, directive: Directive) -> None:
        if self._compete:
            cancel_children(turn, frame)
            turn.later(self, partial(self._win, turn, frame, child.index))
        else:
            self._join(turn, frame)

    def child_skipped(self, turn: "Turn", frame: FrameView, child: TaskNode) -> None:
        self._join(turn, frame)

    def child_faulted(self, turn: "Turn", frame: FrameView, child: TaskNode, problem: Problem) -> bool:
        """Cancel the branches beside the one that failed; the error goes up."""
        for beside in list((frame.children or {}).values()):
            if beside.reference != child.reference and beside.status is FrameStatus.LIVE:
                turn.record(TaskCancelled(beside.reference))
        return False

    def _win(self, turn: "Turn", frame: FrameView, index: int) -> None:
        assert frame.outputs is not None
        complete(turn, self, frame, frame.outputs[index])

    def _join(self, turn: "Turn", frame: FrameView) -> None:
        """Complete once every branch has ended or was passed over."""
        if len(frame.outputs or {}) < len(self._branches.nodes):
            return
        if self._compete:
            turn.later(self, partial(complete, turn, self, frame))
        else:
            turn.later(self, partial(self._complete_all, turn, frame))

    def _complete_all(self, turn: "Turn", frame: FrameView) -> None:
        outputs = frame.outputs or {}
        complete_with(turn, self, frame, [outputs[index].value for index in range(len(outputs))])
