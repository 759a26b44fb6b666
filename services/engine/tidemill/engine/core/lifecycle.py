"""The life that tasks of every kind share: entered, completed, faulted, in the DSL's order of data flow."""

from functools import partial
from typing import TYPE_CHECKING, Final

from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import (
    ExecutionCompleted,
    ExecutionFaulted,
    TaskCancelled,
    TaskCompleted,
    TaskFaulted,
    TaskSkipped,
    TaskStarted,
)
from tidemill.engine.core.faults import FAULTS, fault, problem_of
from tidemill.engine.core.node import BlockNode, Directive, Flow, TaskNode
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.state import FrameStatus
from tidemill.engine.core.variables import Variables
from tidemill.engine.core.views import FrameView
from tidemill.expressions import is_truthy
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.turn import Turn

OUTPUT_INSTANCE: Final = "/output"


def run(turn: "Turn") -> None:
    """Work off the agenda until nothing is left to do, or the execution has come to a halt."""
    agenda = turn.agenda
    while agenda and turn.state.halt is None:
        node, work = agenda.pop()
        try:
            work()
        except FAULTS as error:
            if node is None:
                raise
            raise_error(turn, node, problem_of(error))


def enter(turn: "Turn", node: TaskNode) -> None:
    """Enter a task, put it off, or pass it over for its `if`; where a fault left its frame, it is entered in
    place."""
    around = frame_of(turn, node.owner)
    entry = _entry(turn, node, around)
    common = node.common
    try:
        if turn.put_off(node.reference):
            return
        if common.condition is not None and not _is_wanted(turn, node, entry.raw_input):
            turn.record(TaskSkipped(node.reference))
            node.owner.child_skipped(turn, around, node)
            return
        if common.takes_input:
            _take_input(turn, entry)
        started = node.prepare(turn, entry)
    except FAULTS as error:
        turn.record(TaskStarted(node.reference, entry.activations, entry.attempt))
        raise_error(turn, node, problem_of(error))
        return
    turn.record(started)
    node.begin(turn, turn.state.frames[node.reference])


def _entry(turn: "Turn", node: TaskNode, around: FrameView) -> Entry:
    state = turn.state
    attempt = 1 + state.retries
    if node.outermost_try:
        outermost = state.frames[node.outermost_try]
        attempt += outermost.retries_before + outermost.retries_inside
    left_behind = state.frames.get(node.reference)
    if left_behind is not None:
        return Entry(turn, node, left_behind.raw_input, left_behind.activations, attempt)
    raw_input = around.input if node.is_branch else around.data
    counts = around.counts
    entries = 1 if counts is None else counts.entries.get(node.reference, 0) + 1
    activations = _activations_in_loop(turn, node, entries) if node.loop else str(entries)
    return Entry(turn, node, raw_input, activations, attempt)


def enter_later(turn: "Turn", node: TaskNode) -> None:
    """Put the entry of a task on the agenda."""
    turn.later(node, partial(enter, turn, node))


def frame_of(turn: "Turn", block: BlockNode) -> FrameView:
    """The frame of a block that is under way."""
    return turn.state.frames[block.reference] if block.reference else turn.state.root


def _activations_in_loop(turn: "Turn", node: TaskNode, entries: int) -> str:
    frame = turn.state.frames[node.loop]
    assert frame.loop is not None
    return f"{frame.activations}.{frame.loop.index + 1}.{entries}"


def _is_wanted(turn: "Turn", node: TaskNode, raw_input: Payload) -> bool:
    condition = node.common.condition
    assert condition is not None
    variables = Variables(turn, node, raw_input, turn.now_us)
    return is_truthy(turn.evaluate(condition, raw_input.value, variables))


def _take_input(turn: "Turn", entry: Entry) -> None:
    common = entry.node.common
    raw_input = entry.raw_input
    if common.input_schema is not None:
        common.input_schema.check(raw_input.value)
    if common.input_from is not None:
        variables = Variables(turn, entry.node, raw_input, turn.now_us)
        value = turn.transform(common.input_from, raw_input, variables)
        entry.input = turn.payload(value, raw_input)
    if common.timeout is not None:
        timeout_us = common.timeout.resolve(turn, entry.input, entry.variables())
        entry.timeout_at_us = turn.now_us + timeout_us


def variables_inside(turn: "Turn", node: TaskNode, frame: FrameView) -> Variables:
    """What the definition of a task under way sees."""
    variables = Variables(turn, node, frame.raw_input, frame.started_at_us)
    variables.input = node.transformed_input(frame)
    return variables


def complete_with(
    turn: "Turn", node: TaskNode, frame: FrameView, value: Json, *, directive: Directive | None = None
) -> None:
    """Complete a task with a raw output that was made just now."""
    complete(turn, node, frame, turn.payload(value), directive=directive)


def complete(
    turn: "Turn",
    node: TaskNode,
    frame: FrameView,
    raw_output: Payload | None = None,
    *,
    directive: Directive | None = None,
) -> None:
    """Complete a task: transform its output, export, and let the block that holds it go on.

    Without `raw_output` that is what the frame holds; without `directive` the task's `then` counts. May
    raise one of FAULTS, with nothing recorded.
    """
    output, context = frame.data if raw_output is None else raw_output, None
    if not node.common.keeps_output:
        output, context = _give_output(turn, node, frame, output)
    turn.record(TaskCompleted(node.reference, None if output is frame.data else output, context))
    then = node.common.then if directive is None else directive
    if then is Flow.END and not node.owner.takes_end(node):
        turn.later(node, partial(finish, turn, output))
        return
    around = frame.parent
    assert around is not None
    node.owner.child_ended(turn, around, node, then)


def _give_output(
    turn: "Turn", node: TaskNode, frame: FrameView, raw_output: Payload
) -> tuple[Payload, Payload | None]:
    common = node.common
    variables = variables_inside(turn, node, frame)
    variables.raw_output = raw_output
    output = raw_output
    if common.output_as is not None:
        value = turn.transform(common.output_as, raw_output, variables)
        output = turn.payload(value, raw_output, frame.input)
    if common.output_schema is not None:
        common.output_schema.check(output.value)
    if common.export_as is None:
        return output, None
    variables.output = output
    value = turn.transform(common.export_as, output, variables)
    context = turn.payload(value, output, turn.state.context)
    if common.export_schema is not None:
        common.export_schema.check(context.value)
    return output, context


def raise_error(turn: "Turn", node: TaskNode, problem: Problem) -> None:
    """Record an error that a task under way raises, and hand it up."""
    cancel_children(turn, turn.state.frames[node.reference])
    problem = problem.at(node.pointer)
    turn.record(TaskFaulted(node.reference, problem))
    hand_up(turn, node, problem)


def hand_up(turn: "Turn", node: TaskNode, problem: Problem) -> None:
    """Offer a task's error to each block around it; what nothing catches halts the execution."""
    child = node
    while isinstance(child.owner, TaskNode):
        owner = child.owner
        try:
            if owner.child_faulted(turn, frame_of(turn, owner), child, problem):
                return
        except FAULTS as error:
            problem = problem_of(error).at(owner.pointer)
            cancel_children(turn, frame_of(turn, owner))
            turn.record(TaskFaulted(owner.reference, problem))
        child = owner
    turn.record(ExecutionFaulted(problem))


def cancel_children(turn: "Turn", frame: FrameView) -> None:
    """Cancel every task under way right below a frame."""
    for child in list(frame.children.values()) if frame.children else []:
        if child.status is FrameStatus.LIVE:
            turn.record(TaskCancelled(child.reference))


def finish(turn: "Turn", output: Payload) -> None:
    """End the execution well, with the transformed output of its last task."""
    try:
        turn.record(ExecutionCompleted(turn.plan.give_output(turn, output)))
    except FAULTS as error:
        cancel_children(turn, turn.state.root)
        turn.record(ExecutionFaulted(problem_of(error).at(OUTPUT_INSTANCE)))


def time_out(node: TaskNode) -> None:
    """Raise the timeout error of a task whose time has run out."""
    raise fault("timeout", f"{node.pointer} took longer than its timeout")
