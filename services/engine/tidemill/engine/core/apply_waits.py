"""The appliers of waits for others: events heard, children, slots, and turns that were put off."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tidemill.engine.core import events
from tidemill.engine.core.effects import Effect, RequestSlot, StartChild
from tidemill.engine.core.events import Event, Subscription
from tidemill.engine.core.frames import arm, frame_of, subscribe, unsubscribe
from tidemill.engine.core.history import HistoryError
from tidemill.engine.core.payload import NULL, Payload
from tidemill.engine.core.state import ExecutionState, Frame, FrameStatus, Listening, Loop, TimerKind

# An event that was heard longer ago than this cannot come again: lanes keep events for less.
HEARD_US_MAX: Final = 600_000_000
HEARD_EVENTS_MAX: Final = 10_000

Applier = Callable[[ExecutionState, Any, int, list[Effect]], None]


def begin(state: ExecutionState, frame: Frame, event: events.TaskStarted, effects: list[Effect]) -> None:
    """Let a task begin to wait for events, for a child, or for its slot."""
    if event.listening is not None:
        _listen(frame, event.listening)
        subscribe(state, frame.reference, event.listening, effects)
    elif event.child is not None:
        if event.child.awaited:
            frame.child = event.child.execution_id
            state.children[frame.child] = frame
        effects.append(StartChild(event.child))
    elif event.slot is not None:
        frame.slot = event.slot
        state.slots[event.slot.request_id] = frame
        effects.append(RequestSlot(event.slot))


def _listen(frame: Frame, subscriptions: tuple[Subscription, ...]) -> None:
    before, frame.listening = frame.listening, Listening(subscriptions)
    listening, frame.loop = frame.listening, Loop(NULL)
    if before is not None:
        listening.received = before.received
        listening.received_bytes = before.received_bytes
        listening.outputs = before.outputs
        listening.expected = before.expected
        # A round that was under way begins again.
        frame.loop.index = len(before.outputs) - 1
    for subscription in subscriptions:
        _expect(listening, subscription.expected)


def _expect(listening: Listening, values: Payload | None) -> None:
    if values is not None:
        assert isinstance(values.value, dict)
        listening.expected.update(values.value)


def _event_received(state: ExecutionState, event: events.EventReceived, now_us: int, _: list[Effect]) -> None:
    _remember(state, event.event, now_us)
    state.yields_in_a_row = 0
    if not event.reference:
        state.stop = event
        return
    listening = _listening_of(state, event.reference)
    listening.received.append((state.sequence, event))
    listening.received_bytes += len(event.event.data)
    _expect(listening, event.correlations)


def _remember(state: ExecutionState, envelope: Payload, now_us: int) -> None:
    attributes = envelope.value
    assert isinstance(attributes, dict)
    heard = state.heard
    heard[str(attributes.get("source")), str(attributes.get("id"))] = now_us
    for key in list(heard):
        if len(heard) <= HEARD_EVENTS_MAX and heard[key] >= now_us - HEARD_US_MAX:
            break
        del heard[key]


def _listening_of(state: ExecutionState, reference: str) -> Listening:
    listening = frame_of(state, reference).listening
    if listening is None:
        raise HistoryError(f"{reference} waits for no events")
    return listening


def _listening_ended(
    state: ExecutionState, event: events.ListeningEnded, _: int, effects: list[Effect]
) -> None:
    listening = _listening_of(state, event.reference)
    listening.is_open = False
    unsubscribe(state, listening.subscriptions, effects)


def _child_completed(state: ExecutionState, event: events.ChildCompleted, _: int, __: list[Effect]) -> None:
    frame = state.children.pop(event.execution_id, None)
    if frame is None:
        raise HistoryError(f"no task waits for the child {event.execution_id}")
    frame.ended = event
    frame.ended_sequence = state.sequence
    state.yields_in_a_row = 0
    if event.output is not None:
        frame.data = event.output


def _task_yielded(
    state: ExecutionState, event: events.TaskYielded, now_us: int, effects: list[Effect]
) -> None:
    frame = state.frames.get(event.reference)
    state.yielded[event.reference] = frame is not None and frame.status is FrameStatus.LIVE
    root = state.root
    if root.timers and TimerKind.YIELD in root.timers:
        return
    if root.fired:
        root.fired.pop(TimerKind.YIELD, None)
    state.yields += 1
    state.yields_in_a_row += 1
    arm(state, root, TimerKind.YIELD, now_us, effects)


def _slot_granted(state: ExecutionState, event: events.SlotGranted, _: int, effects: list[Effect]) -> None:
    frame = frame_of(state, event.reference)
    if frame.slot is None:
        raise HistoryError(f"{event.reference} asked for no slot")
    state.slots.pop(frame.slot.request_id, None)
    frame.slot = None
    arm(state, frame, TimerKind.WAIT, event.due_at_us, effects)


def _schedule_fired(state: ExecutionState, event: events.ScheduleFired, _: int, __: list[Effect]) -> None:
    frame_of(state, event.reference)


def _round_completed(state: ExecutionState, event: events.RoundCompleted, _: int, __: list[Effect]) -> None:
    listening = _listening_of(state, event.reference)
    listening.outputs.append(event.output)
    if event.context is not None:
        state.context = event.context


# One row for each kind of event, as in `apply`.
APPLIERS: Final[Mapping[type[Event], Applier]] = {
    events.EventReceived: _event_received,
    events.ListeningEnded: _listening_ended,
    events.ChildCompleted: _child_completed,
    events.TaskYielded: _task_yielded,
    events.SlotGranted: _slot_granted,
    events.ScheduleFired: _schedule_fired,
    events.RoundCompleted: _round_completed,
}
