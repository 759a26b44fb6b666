"""`run`: another workflow as a child, awaited or not; a program is left to the Action service."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tidemill import lanes
from tidemill.engine.core.compiler import members
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import ChildCompleted, ChildRequested, ChildState, TaskStarted
from tidemill.engine.core.faults import TaskFaultError, fault
from tidemill.engine.core.lifecycle import complete
from tidemill.engine.core.node import Place, TaskNode, WaitingNode
from tidemill.engine.core.payload import EMPTY_OBJECT, NULL, Payload
from tidemill.engine.core.problems import Problem, standard_problem
from tidemill.engine.core.tasks.processes import ProcessNode, process_kind
from tidemill.engine.core.views import FrameView
from tidemill.errors import TidemillError
from tidemill.expressions import Template
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn

WORKFLOW: Final = "workflow"
LATEST: Final = "latest"
_HASH_DIGITS: Final = 8


def run_node(place: Place, definition: dict[str, Json], compiler: "Compiler") -> TaskNode:
    """The task of a `run`: a child or a program. Raises DocumentError."""
    if process_kind(members(definition["run"])):
        return ProcessNode(place, definition, compiler)
    return RunNode(place, definition, compiler)


class RunNode(WaitingNode):
    """Its output is the child's; its transformed input when it does not wait for the child.

    The child stands in the parent's lane, and has its subject. Each attempt has a child of its own.
    """

    __slots__ = ("_input", "_workflow", "awaited")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        run = members(definition["run"])
        self.awaited = run.get("await") is not False
        pointer = f"{place.reference}/run/{WORKFLOW}"
        workflow = members(run.get(WORKFLOW))
        names = {name: workflow.get(name, "") for name in ("namespace", "name", "version")}
        self._workflow = compiler.template(names, pointer)
        self._input: Template | None = None
        if "input" in workflow:
            self._input = compiler.template(workflow["input"], f"{pointer}/input")

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        return entry.started(child=self._child(turn, entry))

    def _child(self, turn: "Turn", entry: Entry) -> ChildRequested:
        depth = _depth(turn, awaited=self.awaited)
        names = members(turn.evaluate(self._workflow, entry.input.value, entry.variables()))
        namespace, workflow = _name(names, "namespace"), _name(names, "name")
        return ChildRequested(
            execution_id=_child_id(turn, entry),
            namespace=namespace,
            workflow=workflow,
            version=_version(turn, namespace, workflow, asked=_text(names, "version")),
            subject=turn.state.subject,
            input=self._resolved_input(turn, entry),
            awaited=self.awaited,
            depth=depth,
        )

    def _resolved_input(self, turn: "Turn", entry: Entry) -> Payload:
        if self._input is None:
            return EMPTY_OBJECT
        return turn.payload(turn.evaluate(self._input, entry.input.value, entry.variables()))

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        if not self.awaited:
            complete(turn, self, frame)

    def go_on(self, turn: "Turn", frame: FrameView) -> None:
        ended = frame.ended
        assert ended is not None
        if ended.state is not ChildState.COMPLETED:
            raise TaskFaultError(_problem(ended))
        complete(turn, self, frame, NULL if ended.output is None else ended.output)


def _depth(turn: "Turn", *, awaited: bool) -> int:
    """How deep a child stands; raises TaskFaultError below too many others.

    An execution that starts its successor and ends is no chain, as long as it took its time: only what starts
    the next one at once runs away.
    """
    state, settings = turn.state, turn.plan.settings
    if not awaited and turn.now_us - state.started_at_us >= settings.runaway_us:
        return 0
    depth = state.depth + 1
    if depth > settings.child_depth_max:
        limit = settings.child_depth_max
        detail = f"more than child_depth_max ({limit}) executions, each started by the one before"
        raise fault("runtime", detail)
    return depth


def _child_id(turn: "Turn", entry: Entry) -> str:
    parent = turn.state.execution_id
    fields = ("child", parent, entry.node.reference, entry.activations, str(entry.attempt))
    return f"{parent[:_HASH_DIGITS]}-{lanes.derived_uuid(fields)}"


def _version(turn: "Turn", namespace: str, workflow: str, *, asked: str) -> str:
    """The version that runs. It may have been published after this document: so it is looked for only now."""
    wanted = "" if asked == LATEST else asked
    version = turn.plan.settings.definitions(namespace, workflow, wanted)
    if version is None:
        name = f"{namespace}/{workflow}" + (f":{wanted}" if wanted else "")
        raise fault("configuration", f"there is no definition {name}")
    return version


def _name(names: Mapping[str, Json], member: str) -> str:
    text = _text(names, member)
    try:
        lanes.check_identifier(member, text)
    except TidemillError as error:
        raise fault("expression", str(error)) from None
    if not text:
        raise fault("expression", f"the {member} of a workflow to run must not be empty")
    return text


def _text(names: Mapping[str, Json], member: str) -> str:
    text = names[member]
    if not isinstance(text, str):
        raise fault("expression", f"the {member} of a workflow to run must be text")
    return text


def _problem(ended: ChildCompleted) -> Problem:
    """The child's error as it gave it, raised here: its own place means nothing in this document."""
    error = ended.error
    if error is not None:
        return Problem(error.type, error.status, error.title, error.detail)
    return standard_problem(
        "runtime", f"the execution {ended.execution_id} ended as {ended.state.name.lower()}"
    )
