"""How an execution goes on: from a fact that has just come, from facts of a suspension, and after a fault."""

from collections.abc import Callable
from functools import partial
from typing import Final, assert_never, cast

from tidemill.engine.core.commands import Retry
from tidemill.engine.core.decision import Rejection, RejectionReason
from tidemill.engine.core.delivering import act_on_heard
from tidemill.engine.core.events import (
    ExecutionFaulted,
    ExecutionResumed,
    ExecutionRetried,
    Subscription,
)
from tidemill.engine.core.faults import FAULTS, problem_of
from tidemill.engine.core.hearing import since_us
from tidemill.engine.core.lifecycle import cancel_children, enter, finish, time_out
from tidemill.engine.core.node import TaskNode, WaitingNode
from tidemill.engine.core.problems import standard_problem
from tidemill.engine.core.state import FrameStatus, TimerKind
from tidemill.engine.core.tasks.fork import ForkNode
from tidemill.engine.core.tasks.try_ import TryNode
from tidemill.engine.core.turn import Turn
from tidemill.engine.core.views import FrameView
from tidemill.engine.core.yielding import go_on_from_yield

TIMEOUT_INSTANCE: Final = "/timeout"
# An execution that was refused at its start has these two events: it started, and it faulted.
_EVENTS_OF_REFUSED_START: Final = 2


def act_on_end(turn: Turn, frame: FrameView) -> None:
    """Go on from the end of what a frame waits for: its action, or its child."""
    node = cast("WaitingNode", turn.plan.tasks[frame.reference])
    turn.later(node, partial(node.go_on, turn, frame))


def _act_on_kept_end(turn: Turn, frame: FrameView) -> None:
    node = cast("WaitingNode", turn.plan.tasks[frame.reference])
    turn.later(node, partial(_if_live, turn, frame, partial(node.go_on, turn, frame)))


def act_on_timer(turn: Turn, frame: FrameView, kind: TimerKind) -> None:
    """Go on from a timer of a frame that has fired."""
    if not frame.reference:
        turn.later(None, partial(go_on_from_yield if kind is TimerKind.YIELD else _time_out_workflow, turn))
        return
    node = turn.plan.tasks[frame.reference]
    turn.later(node, partial(_if_due, turn, frame, kind, _timer_work(turn, node, frame, kind=kind)))


def _timer_work(turn: Turn, node: TaskNode, frame: FrameView, *, kind: TimerKind) -> Callable[[], None]:
    match kind:
        case TimerKind.TIMEOUT:
            return partial(time_out, node)
        case TimerKind.WAIT:
            assert isinstance(node, WaitingNode)
            return partial(node.go_on, turn, frame)
        case TimerKind.RETRY:
            assert isinstance(node, TryNode)
            return partial(node.retry, turn, frame)
        case TimerKind.ATTEMPT:
            assert isinstance(node, TryNode)
            return partial(node.attempt_timed_out, turn, frame)
        case TimerKind.YIELD:
            raise AssertionError("only the execution itself is put off")
        case _:
            assert_never(kind)


def _if_live(turn: Turn, frame: FrameView, work: Callable[[], None]) -> None:
    if turn.is_live(frame):
        work()


def _if_due(turn: Turn, frame: FrameView, kind: TimerKind, work: Callable[[], None]) -> None:
    """Do a timer's work unless what was decided before has made it pointless."""
    if turn.is_live(frame) and frame.fired and kind in frame.fired:
        work()


def _time_out_workflow(turn: Turn) -> None:
    cancel_children(turn, turn.state.root)
    detail = "the workflow took longer than its timeout"
    turn.record(ExecutionFaulted(standard_problem("timeout", detail, TIMEOUT_INSTANCE)))


def resume(turn: Turn) -> None:
    """Go on from the facts that came while nothing was decided, in the order in which they came."""
    turn.record(ExecutionResumed())
    if not turn.state.frames:
        # Only an execution that was held before its first task has nothing under way.
        turn.plan.begin(turn)
        return
    facts: list[tuple[int, Callable[[], None]]] = []
    for frame in [turn.state.root, *turn.state.frames.values()]:
        if frame.status is not FrameStatus.LIVE:
            # A fault left it, and its entry by a retry is put off: its facts are of before.
            continue
        if frame.outcome is not None:
            facts.append((frame.outcome_sequence, partial(_act_on_kept_end, turn, frame)))
        if frame.ended is not None:
            facts.append((frame.ended_sequence, partial(_act_on_kept_end, turn, frame)))
        if frame.listening is not None and frame.listening.received:
            facts.append((frame.listening.received[-1][0], partial(act_on_heard, turn, frame)))
        for kind, sequence in (frame.fired or {}).items():
            facts.append((sequence, partial(act_on_timer, turn, frame, kind)))
    # What goes onto the agenda last is worked off first.
    for _, act in sorted(facts, key=_sequence, reverse=True):
        act()


def _sequence(fact: tuple[int, Callable[[], None]]) -> int:
    return fact[0]


def retry(turn: Turn, command: Retry) -> Rejection | None:
    """Enter again what faulted, and what the fault cancelled, each with the input that it had."""
    sequence, parent = turn.state.sequence, turn.state.parent
    if parent:
        return Rejection(
            RejectionReason.PHASE_CONFLICT,
            "its parent has taken the fault: retry the parent, or start another execution",
            {"phase": "faulted", "command": "retry", "parent_execution_id": parent},
        )
    if command.if_sequence not in (0, sequence):
        return Rejection(
            RejectionReason.SEQUENCE_CONFLICT,
            f"the execution is at sequence {sequence}, not {command.if_sequence}",
            {"if_sequence": str(command.if_sequence), "sequence": str(sequence)},
        )
    if sequence == _EVENTS_OF_REFUSED_START:
        return Rejection(
            RejectionReason.PHASE_CONFLICT,
            "the execution faulted before its first task: start another one",
            {"phase": "faulted", "command": "retry"},
        )
    try:
        state = turn.state
        timeout_at_us = turn.plan.timeout_at_us(
            turn, state.execution_id, state.root.raw_input, taken=state.root.input
        )
    except FAULTS as error:
        turn.record(ExecutionRetried())
        turn.record(ExecutionFaulted(problem_of(error).at(TIMEOUT_INSTANCE)))
        return None
    turn.record(ExecutionRetried(timeout_at_us, _stopping_anew(turn)))
    _enter_again(turn)
    return None


def _stopping_anew(turn: Turn) -> tuple[Subscription, ...]:
    state = turn.state
    return turn.plan.stops.subscriptions(
        state.namespace, state.subject, since_us=since_us(turn), retries=state.retries + 1
    )


def _enter_again(turn: Turn) -> None:
    frames = list(turn.state.frames.values())
    if not frames and not turn.state.yielded:
        finish(turn, turn.state.root.data)
        return
    go_on_from_yield(turn)
    for frame in frames:
        node = turn.plan.tasks[frame.reference]
        if isinstance(node, ForkNode) and frame.children:
            turn.later(node, partial(node.enter_missing, turn, frame))
    for frame in reversed(frames):
        if frame.status is not FrameStatus.LIVE:
            node = turn.plan.tasks[frame.reference]
            turn.later(node, partial(_if_live, turn, frame, partial(enter, turn, node)))
