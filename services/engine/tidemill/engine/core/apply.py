"""`apply` turns an event into state. It evaluates nothing and needs no plan: events carry what they set."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tidemill.engine.core import apply_waits, events
from tidemill.engine.core.effects import DisarmTimer, Effect, TellParent
from tidemill.engine.core.events import ActionState, ChildState, Event
from tidemill.engine.core.frames import (
    arm,
    disarm,
    drop,
    drop_children,
    frame_of,
    frames_below,
    holders_of_yielded,
    open_frame,
    place_of,
    reopen_frame,
    request_action,
    restart_counts,
    restore_counts,
    stop,
    subscribe,
    subscribe_again,
    unsubscribe,
)
from tidemill.engine.core.history import HistoryError
from tidemill.engine.core.payload import NULL, Payload
from tidemill.engine.core.problems import Problem, standard_problem
from tidemill.engine.core.state import (
    Attempts,
    EntryCounts,
    ExecutionState,
    Frame,
    FrameStatus,
    Loop,
    Phase,
    TimerKind,
)


def fold(execution_id: str, history: Iterable[tuple[int, Event]]) -> ExecutionState:
    """The state after a history of (now_us, event). Raises HistoryError for one that does not fold."""
    state: ExecutionState | None = None
    for now_us, event in history:
        state = apply(state, event, now_us, execution_id=execution_id)
    if state is None:
        raise HistoryError("the history is empty")
    return state


def apply(
    state: ExecutionState | None, event: Event, now_us: int, *, execution_id: str = ""
) -> ExecutionState:
    """Change the state in place by one event; the first event makes it, and needs the execution's id.

    Raises HistoryError for an event that cannot follow; the state is then of no use any more.
    """
    if state is None:
        return begin(execution_id, event, now_us, [])
    change(state, event, now_us, [])
    return state


def begin(execution_id: str, event: Event, now_us: int, effects: list[Effect]) -> ExecutionState:
    """Make the state from the first event, adding to `effects` what it asks of the outside."""
    if not isinstance(event, events.ExecutionStarted):
        raise HistoryError(f"a history cannot begin with {type(event).__name__}")
    root = Frame("", None, event.raw_input, now_us)
    root.counts = EntryCounts()
    if event.input is not None:
        root.input = root.data = event.input
    state = ExecutionState(execution_id, root)
    state.namespace = event.namespace
    state.workflow = event.workflow
    state.version = event.version
    state.subject = event.subject
    state.origin = event.origin
    state.request_id = event.request_id
    state.input_digest = event.input_digest
    state.traceparent = event.traceparent
    state.parent = event.parent
    state.kind = event.kind
    state.depth = event.depth
    state.sequence = 1
    if event.origin is not None:
        # What started it is no news to it.
        state.heard[event.origin.event_source, event.origin.event_id] = now_us
    subscribe(state, "", event.stopping, effects)
    if event.timeout_at_us:
        arm(state, root, TimerKind.TIMEOUT, event.timeout_at_us, effects)
    return state


def change(state: ExecutionState, event: Event, now_us: int, effects: list[Effect]) -> None:
    """Change the state by one event, adding to `effects` what the change asks of the outside."""
    state.sequence += 1
    _APPLIERS[type(event)](state, event, now_us, effects)


def _execution_started(state: ExecutionState, _: events.ExecutionStarted, __: int, ___: list[Effect]) -> None:
    raise HistoryError(f"{state.execution_id} began twice")


def _execution_completed(
    state: ExecutionState, event: events.ExecutionCompleted, now_us: int, effects: list[Effect]
) -> None:
    _close(state, Phase.COMPLETED, now_us, effects)
    state.output = event.output
    _tell_parent(state, ChildState.COMPLETED, effects)


def _execution_cancelled(
    state: ExecutionState, event: events.ExecutionCancelled, now_us: int, effects: list[Effect]
) -> None:
    _close(state, Phase.CANCELLED, now_us, effects)
    state.reason = event.reason
    _tell_parent(state, ChildState.CANCELLED, effects, _cancellation(state))


def _close(state: ExecutionState, phase: Phase, now_us: int, effects: list[Effect]) -> None:
    drop_children(state, state.root, effects)
    _stop_root(state, effects)
    state.yielded.clear()
    state.halt = phase
    state.closed_at_us = now_us


def _stop_root(state: ExecutionState, effects: list[Effect]) -> None:
    stop(state, state.root, effects)
    unsubscribe(state, tuple(held for _, held in state.subscriptions.values()), effects)
    state.stop = None


def _tell_parent(
    state: ExecutionState, ending: ChildState, effects: list[Effect], error: Problem | None = None
) -> None:
    if state.parent:
        effects.append(TellParent(state.parent, ending, state.output, error))


def _cancellation(state: ExecutionState) -> Problem | None:
    """What a parent is told of a child that was cancelled with a reason."""
    if not state.reason:
        return None
    return standard_problem("runtime", f"the execution {state.execution_id} was cancelled: {state.reason}")


def _execution_faulted(
    state: ExecutionState, event: events.ExecutionFaulted, now_us: int, effects: list[Effect]
) -> None:
    for frame in state.frames.values():
        stop(state, frame, effects)
    _stop_root(state, effects)
    state.halt = Phase.FAULTED
    state.closed_at_us = now_us
    state.error = event.error
    _tell_parent(state, ChildState.FAULTED, effects, event.error)


def _execution_suspended(
    state: ExecutionState, event: events.ExecutionSuspended, _: int, __: list[Effect]
) -> None:
    state.halt = Phase.SUSPENDED
    state.reason = event.reason


def _execution_resumed(state: ExecutionState, _: events.ExecutionResumed, __: int, ___: list[Effect]) -> None:
    state.halt = None
    state.reason = ""


def _execution_retried(
    state: ExecutionState, event: events.ExecutionRetried, now_us: int, effects: list[Effect]
) -> None:
    if state.halt is not Phase.FAULTED:
        raise HistoryError("only a faulted execution can be retried")
    state.halt = None
    state.closed_at_us = 0
    state.error = None
    state.retries += 1
    subscribe(state, "", event.stopping, effects)
    if event.timeout_at_us:
        arm(state, state.root, TimerKind.TIMEOUT, event.timeout_at_us, effects)
    state.yields_in_a_row = 0
    holders = holders_of_yielded(state)
    for frame in state.frames.values():
        # What holds a task goes on with it; what holds none is entered again by an event of its own.
        if frame.children or frame.reference in holders:
            frame.status = FrameStatus.LIVE
            _arm_again(state, frame, now_us, effects)
            subscribe_again(state, frame, effects)


def _arm_again(state: ExecutionState, frame: Frame, now_us: int, effects: list[Effect]) -> None:
    if frame.timeout_us:
        arm(state, frame, TimerKind.TIMEOUT, now_us + frame.timeout_us, effects)
    attempts = frame.attempts
    if attempts is not None and attempts.attempt_timeout_us and attempts.caught is None:
        arm(state, frame, TimerKind.ATTEMPT, now_us + attempts.attempt_timeout_us, effects)


def _task_started(
    state: ExecutionState, event: events.TaskStarted, now_us: int, effects: list[Effect]
) -> None:
    if state.halt is not None:
        raise HistoryError(f"{event.reference} began in a {state.halt.name.lower()} execution")
    left_behind = state.frames.get(event.reference)
    if left_behind is None:
        frame = open_frame(state, event.reference, now_us)
    else:
        frame = reopen_frame(state, left_behind, now_us, effects)
    frame.activations = event.activations
    frame.attempt = event.attempt
    state.yielded.pop(event.reference, None)
    if event.input is not None:
        frame.input = frame.data = event.input
    if event.timeout_at_us:
        frame.timeout_us = event.timeout_at_us - now_us
        arm(state, frame, TimerKind.TIMEOUT, event.timeout_at_us, effects)
    if event.action is not None:
        request_action(state, frame, event.action, effects)
    elif event.due_at_us:
        arm(state, frame, TimerKind.WAIT, event.due_at_us, effects)
    elif event.items is not None:
        frame.loop = Loop(event.items)
    elif event.attempt_timeout_at_us:
        _limit_attempt(state, frame, event.attempt_timeout_at_us, now_us, effects)
    else:
        apply_waits.begin(state, frame, event, effects)


def _task_skipped(state: ExecutionState, event: events.TaskSkipped, _: int, effects: list[Effect]) -> None:
    frame = state.frames.get(event.reference)
    if frame is not None:
        drop(state, frame, effects)
    state.yielded.pop(event.reference, None)
    parent, branch = place_of(state, event.reference)
    if branch >= 0:
        _outputs_of(parent)[branch] = parent.input


def _task_completed(
    state: ExecutionState, event: events.TaskCompleted, _: int, effects: list[Effect]
) -> None:
    frame = frame_of(state, event.reference)
    output = frame.data if event.output is None else event.output
    drop(state, frame, effects)
    parent = frame.parent
    assert parent is not None
    if frame.branch < 0:
        parent.data = output
    else:
        _outputs_of(parent)[frame.branch] = output
    if event.context is not None:
        state.context = event.context


def _outputs_of(fork: Frame) -> dict[int, Payload]:
    if fork.outputs is None:
        fork.outputs = {}
    return fork.outputs


def _task_faulted(state: ExecutionState, event: events.TaskFaulted, _: int, effects: list[Effect]) -> None:
    frame = frame_of(state, event.reference)
    drop_children(state, frame, effects)
    stop(state, frame, effects)
    frame.status = FrameStatus.FAULTED
    frame.error = event.error


def _task_cancelled(
    state: ExecutionState, event: events.TaskCancelled, _: int, effects: list[Effect]
) -> None:
    frame = frame_of(state, event.reference)
    for cancelled in [frame, *frames_below(frame)]:
        stop(state, cancelled, effects)
        cancelled.status = FrameStatus.CANCELLED


def _round_started(state: ExecutionState, event: events.RoundStarted, _: int, __: list[Effect]) -> None:
    frame = frame_of(state, event.reference)
    if frame.loop is None:
        raise HistoryError(f"{event.reference} has no items to go through")
    frame.loop.index = event.index
    if frame.listening is not None:
        # Events have nothing to do with one another: each round begins with the input of the task.
        frame.data = frame.input
    state.yielded.pop(event.reference, None)
    restart_counts(frame)


def _error_caught(state: ExecutionState, event: events.ErrorCaught, _: int, effects: list[Effect]) -> None:
    frame = frame_of(state, event.reference)
    drop_children(state, frame, effects)
    disarm(state, frame, TimerKind.ATTEMPT, effects)
    _clear_fired(frame, TimerKind.ATTEMPT)
    frame.data = frame.input
    attempts = _attempts_of(frame)
    attempts.caught = event.error
    attempts.retry = event.retry
    if event.retry:
        arm(state, frame, TimerKind.RETRY, event.retry_at_us, effects)


def _task_retried(
    state: ExecutionState, event: events.TaskRetried, now_us: int, effects: list[Effect]
) -> None:
    frame = frame_of(state, event.reference)
    disarm(state, frame, TimerKind.RETRY, effects)
    _clear_fired(frame, TimerKind.RETRY)
    restore_counts(frame)
    attempts = _attempts_of(frame)
    attempts.caught = None
    attempts.retry = 0
    attempts.retries += 1
    around: Frame | None = frame
    while around is not None:
        around.retries_inside += 1
        around = around.parent
    if event.attempt_timeout_at_us:
        _limit_attempt(state, frame, event.attempt_timeout_at_us, now_us, effects)


def _limit_attempt(
    state: ExecutionState, frame: Frame, due_at_us: int, now_us: int, effects: list[Effect]
) -> None:
    _attempts_of(frame).attempt_timeout_us = due_at_us - now_us
    arm(state, frame, TimerKind.ATTEMPT, due_at_us, effects)


def _attempts_of(frame: Frame) -> Attempts:
    if frame.attempts is None:
        frame.attempts = Attempts()
    return frame.attempts


def _clear_fired(frame: Frame, kind: TimerKind) -> None:
    if frame.fired:
        frame.fired.pop(kind, None)


def _action_completed(state: ExecutionState, event: events.ActionCompleted, _: int, __: list[Effect]) -> None:
    if event.late:
        state.cancelling.pop((event.key, event.attempt), None)
        return
    frame = state.actions.pop(event.key, None)
    if frame is None or frame.attempt != event.attempt:
        raise HistoryError(f"no call waits for the outcome of {event.key} attempt {event.attempt}")
    frame.outcome = event
    frame.outcome_sequence = state.sequence
    state.yields_in_a_row = 0
    if event.state is ActionState.SUCCEEDED:
        frame.data = NULL if event.output is None else event.output


def _cancellation_confirmed(
    state: ExecutionState, event: events.CancellationConfirmed, _: int, __: list[Effect]
) -> None:
    for key, attempt in [owed for owed in state.cancelling if owed[0] == event.key]:
        del state.cancelling[key, attempt]


def _timer_fired(state: ExecutionState, event: events.TimerFired, _: int, effects: list[Effect]) -> None:
    timer = state.timers.pop(event.timer_id, None)
    if timer is None:
        raise HistoryError(f"the timer {event.timer_id} is not armed")
    frame = frame_of(state, timer.reference) if timer.reference else state.root
    assert frame.timers is not None
    del frame.timers[timer.kind]
    if frame.fired is None:
        frame.fired = {}
    frame.fired[timer.kind] = state.sequence
    if timer.kind is not TimerKind.YIELD:
        state.yields_in_a_row = 0
    effects.append(DisarmTimer(event.timer_id))


# One row for each kind of event. The pairs are right by construction of the table, which no type can say.
_APPLIERS: Final[Mapping[type[Event], Callable[[ExecutionState, Any, int, list[Effect]], None]]] = {
    events.ExecutionStarted: _execution_started,
    events.ExecutionCompleted: _execution_completed,
    events.ExecutionFaulted: _execution_faulted,
    events.ExecutionCancelled: _execution_cancelled,
    events.ExecutionSuspended: _execution_suspended,
    events.ExecutionResumed: _execution_resumed,
    events.ExecutionRetried: _execution_retried,
    events.TaskStarted: _task_started,
    events.TaskSkipped: _task_skipped,
    events.TaskCompleted: _task_completed,
    events.TaskFaulted: _task_faulted,
    events.TaskCancelled: _task_cancelled,
    events.RoundStarted: _round_started,
    events.ErrorCaught: _error_caught,
    events.TaskRetried: _task_retried,
    events.ActionCompleted: _action_completed,
    events.CancellationConfirmed: _cancellation_confirmed,
    events.TimerFired: _timer_fired,
    **apply_waits.APPLIERS,
}
