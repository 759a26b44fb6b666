"""Events that lanes deliver: which are facts for the execution, and what follows from these."""

from functools import partial

from tidemill.engine.core.commands import DeliverEvent
from tidemill.engine.core.events import ListeningEnded
from tidemill.engine.core.faults import FAULTS
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.tasks.listen import ListenNode
from tidemill.engine.core.turn import Turn
from tidemill.engine.core.views import FrameView


def deliver(turn: Turn, command: DeliverEvent, *, acts: bool) -> None:
    """Record an event that a subscription takes, and go on from it unless the execution is held.

    What comes for a wait that is over, what was heard before, and what does not pass changes nothing: lanes
    deliver more than is wanted, and in their own time.
    """
    open_wait = turn.state.subscriptions.get(command.subscription_id)
    if open_wait is None or _was_heard(turn, command.event):
        return
    reference, _ = open_wait
    # What ends the execution is for no task, though a task may have been quicker to be told of it.
    if turn.plan.stops.hear(turn, command.event) or not reference:
        return
    node, frame = _listener(turn, reference), turn.state.frames[reference]
    received = node.take(turn, frame, command.event)
    if received is None:
        return
    turn.record(received)
    if acts:
        turn.later(node, partial(node.next_round, turn, frame))
    elif _has_heard_enough(turn, node, frame):
        turn.record(ListeningEnded(reference))


def _was_heard(turn: Turn, event: Payload) -> bool:
    attributes = event.value
    assert isinstance(attributes, dict)
    return (str(attributes.get("source")), str(attributes.get("id"))) in turn.state.heard


def _listener(turn: Turn, reference: str) -> ListenNode:
    node = turn.plan.tasks[reference]
    assert isinstance(node, ListenNode)
    return node


def _has_heard_enough(turn: Turn, node: ListenNode, frame: FrameView) -> bool:
    try:
        return node.has_heard_enough(turn, frame)
    except FAULTS:
        # Nothing can fault while the execution is held: `until` is asked again when it goes on.
        return False


def act_on_heard(turn: Turn, frame: FrameView) -> None:
    """Go on from the events that a `listen` has heard while nothing was decided."""
    node = _listener(turn, frame.reference)
    turn.later(node, partial(_go_on, turn, node, frame))


def _go_on(turn: Turn, node: ListenNode, frame: FrameView) -> None:
    if turn.is_live(frame):
        node.next_round(turn, frame)
