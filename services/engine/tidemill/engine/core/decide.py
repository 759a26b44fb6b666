"""`decide` turns a command into events and effects. Deterministic: time and chance come in as arguments."""

from typing import Final, assert_never

from tidemill.engine.core.commands import (
    Cancel,
    Command,
    CompleteAction,
    ConfirmCancellation,
    DeliverEvent,
    EndChild,
    Fact,
    FireTimer,
    GrantSlot,
    Resume,
    Retry,
    Start,
    Suspend,
)
from tidemill.engine.core.decision import Decision, Rejection, RejectionReason
from tidemill.engine.core.delivering import deliver
from tidemill.engine.core.events import (
    ActionCompleted,
    CancellationConfirmed,
    ChildCompleted,
    ExecutionCancelled,
    ExecutionFaulted,
    ExecutionStarted,
    ExecutionSuspended,
    Kind,
    SlotGranted,
    Subscription,
    TimerFired,
)
from tidemill.engine.core.faults import FAULTS, problem_of
from tidemill.engine.core.lifecycle import run
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.phases import TRANSITIONS, Move
from tidemill.engine.core.plan import Plan
from tidemill.engine.core.resuming import act_on_end, act_on_timer, resume, retry
from tidemill.engine.core.state import ExecutionState, Phase
from tidemill.engine.core.turn import Turn

__all__ = ["Decision", "Rejection", "RejectionReason", "decide", "opening_event", "stopping_of"]

INPUT_INSTANCE: Final = "/input"


def decide(plan: Plan, state: ExecutionState | None, command: Command, *, now_us: int, seed: int) -> Decision:
    """Decide a command and apply what it brings about to the state, in place.

    A rejection leaves the state as it was. Any exception is a bug: the state is of no use any more then,
    and its caller loads it again.
    """
    move = TRANSITIONS[state.phase if state is not None else Phase.PENDING][type(command)]
    if move is Move.START:
        assert isinstance(command, Start)
        return _start(plan, command, now_us=now_us, seed=seed)
    if state is None:
        return _without_state(move, command)
    if move is Move.REFUSE:
        return _refuse_phase(state, command)
    turn = Turn(plan, state, now_us, seed)
    return turn.decision(_move(turn, command, acts=move is Move.ACT))


def _start(plan: Plan, command: Start, *, now_us: int, seed: int) -> Decision:
    try:
        taken, timeout_at_us = plan.take_input(command.execution_id, command.input, now_us)
    except FAULTS as error:
        turn = Turn.opening(plan, command.execution_id, opening_event(command), now_us=now_us, seed=seed)
        turn.record(ExecutionFaulted(problem_of(error).at(INPUT_INSTANCE)))
    else:
        event = opening_event(command, taken, timeout_at_us, stopping=stopping_of(plan, command, now_us))
        turn = Turn.opening(plan, command.execution_id, event, now_us=now_us, seed=seed)
        plan.begin(turn)
        run(turn)
    return turn.decision()


def stopping_of(plan: Plan, command: Start, now_us: int) -> tuple[Subscription, ...]:
    """The waits of `stopOn` with which an execution starts; what runs a schedule has none."""
    if command.kind is Kind.TRIGGER:
        return ()
    return plan.stops.subscriptions(command.namespace, command.subject, since_us=now_us)


def opening_event(
    command: Start,
    taken: Payload | None = None,
    timeout_at_us: int = 0,
    *,
    stopping: tuple[Subscription, ...] = (),
) -> ExecutionStarted:
    """The first event of a start; `taken` is the transformed input, None where there is none."""
    return ExecutionStarted(
        namespace=command.namespace,
        workflow=command.workflow,
        version=command.version,
        subject=command.subject,
        raw_input=command.input,
        input=None if taken is command.input else taken,
        timeout_at_us=timeout_at_us,
        origin=command.origin,
        request_id=command.request_id,
        input_digest=command.input_digest,
        traceparent=command.traceparent,
        parent=command.parent,
        kind=command.kind,
        stopping=stopping,
        depth=command.depth,
    )


def _without_state(move: Move, command: Command) -> Decision:
    if move is Move.UNKNOWN:
        message = f"there is no execution to {_name(command)}"
        return Decision(None, [], [], Rejection(RejectionReason.EXECUTION_NOT_FOUND, message))
    return Decision(None, [], [])


def _refuse_phase(state: ExecutionState, command: Command) -> Decision:
    phase, name = state.phase.name.lower(), _name(command)
    rejection = Rejection(
        RejectionReason.PHASE_CONFLICT,
        f"a {phase} execution takes no {name}",
        {"phase": phase, "command": name},
    )
    return Decision(state, [], [], rejection)


def _name(command: Command) -> str:
    return type(command).__name__.lower()


def _move(turn: Turn, command: Command, *, acts: bool) -> Rejection | None:
    rejection: Rejection | None = None
    match command:
        case (
            CompleteAction() | FireTimer() | ConfirmCancellation() | DeliverEvent() | EndChild() | GrantSlot()
        ):
            _take_fact(turn, command, acts=acts)
        case Start():
            rejection = _repeat(turn, command)
        case Cancel():
            turn.record(ExecutionCancelled(command.reason))
        case Suspend():
            turn.record(ExecutionSuspended(command.reason))
        case Resume():
            resume(turn)
        case Retry():
            rejection = retry(turn, command)
        case _:
            assert_never(command)
    run(turn)
    return rejection


def _take_fact(turn: Turn, command: Fact, *, acts: bool) -> None:
    match command:
        case CompleteAction():
            _complete_action(turn, command, acts=acts)
        case FireTimer():
            _fire_timer(turn, command, acts=acts)
        case ConfirmCancellation():
            if any(key == command.key for key, _ in turn.state.cancelling):
                turn.record(CancellationConfirmed(command.key))
        case DeliverEvent():
            deliver(turn, command, acts=acts)
        case EndChild():
            _end_child(turn, command, acts=acts)
        case GrantSlot():
            _grant_slot(turn, command)
        case _:
            assert_never(command)


def _repeat(turn: Turn, command: Start) -> Rejection | None:
    """The same start again is done already; another one under the same id is a mistake of its client."""
    if command.input_digest == turn.state.input_digest:
        return None
    return Rejection(
        RejectionReason.REQUEST_ID_CONFLICT,
        "an execution was started under this id with another input",
        {"request_id": command.request_id, "execution_id": command.execution_id},
    )


def _complete_action(turn: Turn, command: CompleteAction, *, acts: bool) -> None:
    frame = turn.state.actions.get(command.key)
    if frame is not None and frame.attempt == command.attempt:
        turn.record(_outcome(command, frame.reference, late=False))
        if acts:
            act_on_end(turn, frame)
        return
    reference = turn.state.cancelling.get((command.key, command.attempt))
    if reference is not None:
        turn.record(_outcome(command, reference, late=True))


def _outcome(command: CompleteAction, reference: str, *, late: bool) -> ActionCompleted:
    return ActionCompleted(
        reference, command.key, command.attempt, command.state, command.output, command.error, late
    )


def _end_child(turn: Turn, command: EndChild, *, acts: bool) -> None:
    frame = turn.state.children.get(command.execution_id)
    if frame is None:
        return
    turn.record(
        ChildCompleted(frame.reference, command.execution_id, command.state, command.output, command.error)
    )
    if acts:
        act_on_end(turn, frame)


def _grant_slot(turn: Turn, command: GrantSlot) -> None:
    frame = turn.state.slots.get(command.request_id)
    if frame is not None:
        turn.record(SlotGranted(frame.reference, command.due_at_us))


def _fire_timer(turn: Turn, command: FireTimer, *, acts: bool) -> None:
    timer = turn.state.timers.get(command.timer_id)
    if timer is None:
        return
    turn.record(TimerFired(command.timer_id))
    if not acts:
        return
    frame = turn.state.frames[timer.reference] if timer.reference else turn.state.root
    act_on_timer(turn, frame, timer.kind)
