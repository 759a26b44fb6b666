"""A task about to be entered: all that its TaskStarted needs, and what its expressions see."""

from typing import TYPE_CHECKING, TypedDict, Unpack

from tidemill.engine.core.events import (
    ActionRequested,
    ChildRequested,
    SlotRequested,
    Subscription,
    TaskStarted,
)
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.variables import Variables

if TYPE_CHECKING:
    from tidemill.engine.core.node import TaskNode
    from tidemill.engine.core.turn import Turn


class Detail(TypedDict, total=False):
    """What kinds of tasks without an action add to their TaskStarted: at most one."""

    due_at_us: int
    items: Payload
    attempt_timeout_at_us: int
    listening: tuple[Subscription, ...]
    child: ChildRequested
    slot: SlotRequested


class Entry:
    """One entry of one task. `input` is the transformed input, the same object as the raw one when equal."""

    __slots__ = ("_turn", "activations", "attempt", "input", "node", "raw_input", "timeout_at_us")

    def __init__(
        self, turn: "Turn", node: "TaskNode", raw_input: Payload, activations: str, attempt: int
    ) -> None:
        self._turn = turn
        self.node = node
        self.raw_input = self.input = raw_input
        self.activations = activations
        self.attempt = attempt
        self.timeout_at_us = 0

    def variables(self) -> Variables:
        """What the task's definition sees."""
        variables = Variables(self._turn, self.node, self.raw_input, self._turn.now_us)
        variables.input = self.input
        return variables

    def started(self, action: ActionRequested | None = None, **detail: Unpack[Detail]) -> TaskStarted:
        """The event, with what the kind of task adds."""
        return TaskStarted(
            self.node.reference,
            self.activations,
            self.attempt,
            None if self.input is self.raw_input else self.input,
            self.timeout_at_us,
            action,
            **detail,
        )
