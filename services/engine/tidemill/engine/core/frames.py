"""How the tree of frames changes: entering and leaving tasks, their timers and their calls.

Part of `apply`: what changes here depends on events alone. Each function adds to `effects` what the change
asks of the outside, so that effects follow from events and cannot be forgotten.
"""

from dataclasses import replace
from typing import Final

from tidemill.engine.core.effects import (
    ArmTimer,
    CallAction,
    CancelAction,
    CancelChild,
    DisarmTimer,
    Effect,
    Subscribe,
    Unsubscribe,
)
from tidemill.engine.core.events import ActionRequested, Kind, Subscription
from tidemill.engine.core.history import HistoryError
from tidemill.engine.core.keys import idempotency_key, subscription_name
from tidemill.engine.core.state import EntryCounts, ExecutionState, Frame, FrameStatus, Timer, TimerKind

_BRANCH_SEGMENT: Final = "fork"
_EXTENSION_SEGMENTS: Final = ["use", "extensions"]
LEFT_BEHIND: Final = "nothing waits for it any more"


def frame_of(state: ExecutionState, reference: str) -> Frame:
    """The frame of a task under way; raises HistoryError when there is none."""
    frame = state.frames.get(reference)
    if frame is None:
        raise HistoryError(f"there is no frame for {reference}")
    return frame


def open_frame(state: ExecutionState, reference: str, now_us: int) -> Frame:
    """Enter a task below its parent, and count the entry."""
    parent, branch = place_of(state, reference)
    frame = Frame(reference, parent, parent.input if branch >= 0 else parent.data, now_us)
    frame.branch = branch
    frame.retries_before = parent.retries_before
    counts = parent.counts or _counts_of(parent)
    counts.entries[reference] = counts.entries.get(reference, 0) + 1
    frame.counts = counts.blocks.get(reference)
    if frame.counts is not None:
        frame.counts_at_entry = frame.counts.copy()
    _attach(state, parent, frame)
    return frame


def reopen_frame(state: ExecutionState, left_behind: Frame, now_us: int, effects: list[Effect]) -> Frame:
    """Enter a task again in place of the frame that a fault left: same input, same activations."""
    if left_behind.status is FrameStatus.LIVE or left_behind.parent is None:
        raise HistoryError(f"{left_behind.reference} is under way already")
    drop_children(state, left_behind, effects)
    parent = left_behind.parent
    frame = Frame(left_behind.reference, parent, left_behind.raw_input, now_us)
    frame.branch = left_behind.branch
    frame.retries_before = left_behind.retries_before + left_behind.retries_inside
    frame.counts = left_behind.counts
    frame.counts_at_entry = left_behind.counts_at_entry
    frame.counts_high = left_behind.counts_high
    # What a `listen` has heard it does not hear again: its next life begins with that.
    frame.listening = left_behind.listening
    restore_counts(frame)
    _attach(state, parent, frame)
    return frame


def _attach(state: ExecutionState, parent: Frame, frame: Frame) -> None:
    if parent.children is None:
        parent.children = {}
    parent.children[frame.reference] = frame
    state.frames[frame.reference] = frame


def place_of(state: ExecutionState, reference: str) -> tuple[Frame, int]:
    """The parent of a task, and the branch that the task is of it (-1: none).

    A reference ends with `/{list}/{index}/{name}`, where the list is `do`, `try`, `catch/do`, or
    `fork/branches`: the parent's own reference is what stands before. The task of a function ends with
    `/use/functions/{name}`, the list of an extension is `use/extensions/{index}/{name}/before` or `after`.
    """
    parts = reference.rsplit("/", 3)
    if len(parts) != 4:
        raise HistoryError(f"{reference!r} is no task reference")
    above = parts[0]
    if not above:
        return state.root, -1
    parent = state.frames.get(above)
    if parent is not None:
        return parent, -1
    before, _, segment = above.rpartition("/")
    parent = state.frames.get(before)
    if parent is not None:
        return parent, int(parts[2]) if segment == _BRANCH_SEGMENT else -1
    extended = above.rsplit("/", 4)
    parent = state.frames.get(extended[0])
    if parent is None or extended[1:3] != _EXTENSION_SEGMENTS:
        raise HistoryError(f"nothing that is under way holds {reference}")
    return parent, -1


def _counts_of(frame: Frame) -> EntryCounts:
    counts = frame.counts
    if counts is None:
        counts = frame.counts = EntryCounts()
        if frame.parent is not None:
            _counts_of(frame.parent).blocks[frame.reference] = counts
    return counts


def restore_counts(frame: Frame) -> None:
    """Count the entries below a task as when it was entered, so that its tasks get the same keys again."""
    if frame.counts is not None:
        if frame.counts_high is None:
            frame.counts_high = EntryCounts()
        frame.counts_high.raise_to(frame.counts)
    assert frame.parent is not None
    around = _counts_of(frame.parent)
    if frame.counts_at_entry is None:
        frame.counts = None
        around.blocks.pop(frame.reference, None)
    else:
        frame.counts = around.blocks[frame.reference] = frame.counts_at_entry.copy()


def _leave_counts(frame: Frame) -> None:
    """Let the next activation of what lies below a task count on from every attempt, given up or not."""
    if frame.counts_high is not None:
        _counts_of(frame).raise_to(frame.counts_high)


def restart_counts(frame: Frame) -> None:
    """Count the entries below a loop from nothing, for a new round."""
    frame.counts = None
    if frame.parent is not None and frame.parent.counts is not None:
        frame.parent.counts.blocks.pop(frame.reference, None)


def request_action(
    state: ExecutionState, frame: Frame, request: ActionRequested, effects: list[Effect]
) -> None:
    """Let a call begin."""
    frame.request = request
    frame.key = idempotency_key(state.execution_id, frame.reference, frame.activations)
    state.actions[frame.key] = frame
    effects.append(call_of(frame, request))


def call_of(frame: Frame, request: ActionRequested) -> CallAction:
    """The call that a frame asks for: the same one each time it is asked."""
    return CallAction(
        frame.key,
        frame.attempt,
        frame.reference,
        request.action,
        request.arguments,
        frame.timeout_us,
        request.secrets,
    )


def subscribe(
    state: ExecutionState, reference: str, subscriptions: tuple[Subscription, ...], effects: list[Effect]
) -> None:
    """Let the waits of a task begin, or those of `stopOn` (reference "")."""
    for subscription in subscriptions:
        state.subscriptions[subscription.id] = (reference, subscription)
        effects.append(Subscribe(reference, subscription))


def unsubscribe(
    state: ExecutionState, subscriptions: tuple[Subscription, ...], effects: list[Effect]
) -> None:
    """End waits, as far as they are open."""
    for subscription in subscriptions:
        if state.subscriptions.pop(subscription.id, None) is not None:
            effects.append(Unsubscribe(subscription.id, subscription.lane))


def subscribe_again(state: ExecutionState, frame: Frame, effects: list[Effect]) -> None:
    """Begin the waits of a `listen` anew with which an operator's retry goes on, under names of their own."""
    listening = frame.listening
    if listening is None or not listening.is_open:
        return
    task = f"{frame.reference}#{frame.activations}/{frame.attempt}"
    listening.subscriptions = tuple(
        replace(wait, id=subscription_name(task, state.retries, wait.filter))
        for wait in listening.subscriptions
    )
    subscribe(state, frame.reference, listening.subscriptions, effects)


def forget_yielded(state: ExecutionState, reference: str) -> None:
    """Nothing below a task, nor its own next round, is to begin later any more."""
    if not state.yielded:
        return
    below = f"{reference}/"
    for yielded in [held for held in state.yielded if held == reference or held.startswith(below)]:
        del state.yielded[yielded]


def holders_of_yielded(state: ExecutionState) -> set[str]:
    """The tasks whose next round, or a task of which, is to begin later."""
    return {
        reference if is_round else place_of(state, reference)[0].reference
        for reference, is_round in state.yielded.items()
    }


def stop(state: ExecutionState, frame: Frame, effects: list[Effect]) -> None:
    """End what a frame has under way outside: a call without an outcome and a child without an end are
    cancelled, waits for events end, timers are disarmed."""
    _stop_waits(state, frame, effects)
    if frame.outcome is None and frame.key and state.actions.get(frame.key) is frame:
        del state.actions[frame.key]
        state.cancelling[frame.key, frame.attempt] = frame.reference
        effects.append(CancelAction(frame.key, frame.attempt))
    if frame.timers:
        for kind in list(frame.timers):
            disarm(state, frame, kind, effects)
    frame.fired = None


def _stop_waits(state: ExecutionState, frame: Frame, effects: list[Effect]) -> None:
    if frame.listening is not None:
        unsubscribe(state, frame.listening.subscriptions, effects)
    # What a schedule has started goes on when the schedule ends, as for a later version.
    awaited = bool(frame.child) and state.children.pop(frame.child, None) is not None
    if awaited and state.kind is not Kind.TRIGGER:
        effects.append(CancelChild(frame.child, LEFT_BEHIND))
    if frame.slot is not None:
        state.slots.pop(frame.slot.request_id, None)


def drop(state: ExecutionState, frame: Frame, effects: list[Effect]) -> None:
    """Forget a task and all below it."""
    forget_yielded(state, frame.reference)
    if frame.children:
        drop_children(state, frame, effects)
    stop(state, frame, effects)
    if frame.counts_high is not None:
        _leave_counts(frame)
    del state.frames[frame.reference]
    if frame.parent is not None and frame.parent.children is not None:
        del frame.parent.children[frame.reference]


def drop_children(state: ExecutionState, frame: Frame, effects: list[Effect]) -> None:
    """Forget all below a task."""
    forget_yielded(state, frame.reference)
    if not frame.children:
        return
    for below in frames_below(frame):
        stop(state, below, effects)
        _leave_counts(below)
        del state.frames[below.reference]
    frame.children = None


def frames_below(frame: Frame) -> list[Frame]:
    """All frames below one, parents before children."""
    found = list(frame.children.values()) if frame.children else []
    for below in found:
        if below.children:
            found.extend(below.children.values())
    return found


def arm(state: ExecutionState, frame: Frame, kind: TimerKind, due_at_us: int, effects: list[Effect]) -> None:
    """Arm a timer of a frame under an id that no other arming has."""
    timer_id = _timer_id(state, frame, kind)
    state.timers[timer_id] = Timer(frame.reference, kind, due_at_us)
    if frame.timers is None:
        frame.timers = {}
    frame.timers[kind] = timer_id
    effects.append(ArmTimer(timer_id, due_at_us))


def disarm(state: ExecutionState, frame: Frame, kind: TimerKind, effects: list[Effect]) -> None:
    """Disarm a timer of a frame, if it is armed."""
    timer_id = frame.timers.pop(kind, None) if frame.timers else None
    if timer_id is not None:
        del state.timers[timer_id]
        effects.append(DisarmTimer(timer_id))


def _timer_id(state: ExecutionState, frame: Frame, kind: TimerKind) -> str:
    # What an operator's retry arms again must not answer to the old timer.
    again = f"+{state.retries}" if state.retries else ""
    if kind is TimerKind.YIELD:
        return f"{again}:yield/{state.yields}"
    if frame.parent is None:
        return f"{again}:timeout"
    name = kind.name.lower()
    if frame.attempts is not None and kind in _COUNTED:
        name = f"{name}/{frame.attempts.retries + 1}"
    return f"{frame.reference}#{frame.activations}/{frame.attempt}{again}:{name}"


_COUNTED: Final = frozenset({TimerKind.RETRY, TimerKind.ATTEMPT})
