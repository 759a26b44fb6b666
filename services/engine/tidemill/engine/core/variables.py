"""The variables that expressions see, made only when an expression asks for them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tidemill.engine.core.faults import fault
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.times import describe_time
from tidemill.expressions import ExpressionError
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.node import TaskNode
    from tidemill.engine.core.plan import Plan
    from tidemill.engine.core.turn import Turn
    from tidemill.engine.core.views import FrameView

NO_VARIABLES: Final[Mapping[str, Json]] = MappingProxyType({})
# The specification's runtime expression arguments.
ARGUMENTS: Final = ("context", "input", "output", "secrets", "authorization", "task", "workflow", "runtime")


class Held(Enum):
    """What a variable of the document's own holds."""

    ITEM = "item"
    INDEX = "index"
    ERROR = "error"
    EXTENDED = "extended"


@dataclass(frozen=True, slots=True)
class Binding:
    """A loop or error variable, or the `$task` of extensions: what it holds, and the reference of the task
    that sets it.

    `item` finds the item of a loop over something else than the items that its frame holds.
    """

    held: Held
    reference: str
    item: "Callable[[FrameView], Json] | None" = None


NO_BINDINGS: Final[Mapping[str, Binding]] = MappingProxyType({})


class Variables(Mapping[str, Json]):
    """The variables of a place in a task; `input`, `raw_output` and `output` are None until they exist."""

    __slots__ = ("_node", "_turn", "input", "output", "own", "raw_input", "raw_output", "started_at_us")

    def __init__(self, turn: "Turn", node: "TaskNode", raw_input: Payload, started_at_us: int) -> None:
        self._turn = turn
        self._node = node
        self.raw_input = raw_input
        self.started_at_us = started_at_us
        self.input: Payload | None = None
        self.raw_output: Payload | None = None
        self.output: Payload | None = None
        # Values that no frame holds yet: the item of a round to come, the error that may be caught.
        self.own: Mapping[str, Json] = NO_VARIABLES

    def __getitem__(self, name: str) -> Json:
        if name in self.own:
            return self.own[name]
        binding = self._node.bindings.get(name)
        if binding is not None:
            return self._bound(binding)
        match name:
            case "context":
                return self._turn.state.context.value
            case "input":
                return self._held(name, self.input)
            case "output":
                return self._held(name, self.output)
            case "task":
                return self._task()
            case "workflow" | "runtime":
                return self._of_workflow(name)
            case "authorization":
                return None
            case "secrets":
                raise fault("authorization", "the workflow asks for a secret, and there is none")
            case _:
                raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        yield from {**dict.fromkeys(ARGUMENTS), **dict.fromkeys(self._node.bindings), **self.own}

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @staticmethod
    def _held(name: str, payload: Payload | None) -> Json:
        if payload is None:
            raise ExpressionError(f"${name} is not known yet at this place")
        return payload.value

    def _bound(self, binding: Binding) -> Json:
        frame = self._turn.state.frames[binding.reference]
        if binding.held is Held.ERROR:
            caught = frame.attempts and frame.attempts.caught
            return caught.as_json() if caught else None
        if binding.held is Held.EXTENDED:
            extended = self._turn.plan.tasks[binding.reference]
            return describe_extended(extended, frame.raw_input, frame.started_at_us)
        loop = frame.loop
        assert loop is not None
        if binding.held is Held.INDEX:
            return loop.index
        if binding.item is not None:
            return binding.item(frame)
        items = loop.items.value
        assert isinstance(items, list)
        return items[loop.index]

    def _of_workflow(self, name: str) -> Json:
        state = self._turn.state
        known = workflow_variables(
            self._turn.plan, state.execution_id, state.root.raw_input, state.started_at_us
        )
        return known[name]

    def _task(self) -> Json:
        described = _describe(self._node, self.raw_input, self.started_at_us)
        if self.raw_output is not None:
            described["output"] = self.raw_output.value
        return described


def describe_extended(node: "TaskNode", raw_input: Payload, started_at_us: int) -> Json:
    """The `$task` of extensions: the task that they extend, and each member of its definition by its name."""
    return {**node.definition, **_describe(node, raw_input, started_at_us)}


def _describe(node: "TaskNode", raw_input: Payload, started_at_us: int) -> dict[str, Json]:
    return {
        "name": node.name,
        "reference": node.pointer,
        "definition": node.definition,
        "input": raw_input.value,
        "startedAt": describe_time(started_at_us),
    }


def workflow_variables(
    plan: "Plan", execution_id: str, raw_input: Payload, started_at_us: int
) -> dict[str, Json]:
    """The variables that know of no task: `$workflow` with its raw input, and `$runtime`."""
    return {
        "workflow": {
            "id": execution_id,
            "definition": plan.document,
            "input": raw_input.value,
            "startedAt": describe_time(started_at_us),
        },
        "runtime": {"name": "tidemill", "version": plan.settings.runtime_version, "metadata": {}},
    }
