"""Goes on from a yield: with what was put off so that one command would not take too long."""

from functools import partial

from tidemill.engine.core.lifecycle import enter
from tidemill.engine.core.node import TaskNode
from tidemill.engine.core.tasks.do import RoundsNode
from tidemill.engine.core.turn import Turn


def go_on_from_yield(turn: Turn) -> None:
    """Let everything begin that was put off, in the order in which it was."""
    # What goes onto the agenda last is worked off first.
    for reference, is_round in reversed(list(turn.state.yielded.items())):
        node = turn.plan.tasks[reference]
        turn.later(node, partial(_begin, turn, node, is_round=is_round))


def _begin(turn: Turn, node: TaskNode, *, is_round: bool) -> None:
    if node.reference not in turn.state.yielded:
        # What began before it has ended the block that holds it, or an operator's retry has entered it.
        return
    if is_round:
        assert isinstance(node, RoundsNode)
        node.next_round(turn, turn.state.frames[node.reference])
    else:
        enter(turn, node)
