"""`raise`: raises an error on purpose."""

from typing import TYPE_CHECKING

from tidemill.dsl.references import resolve_error
from tidemill.engine.core.faults import TaskFaultError, fault
from tidemill.engine.core.lifecycle import variables_inside
from tidemill.engine.core.node import Place, TaskNode
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class RaiseNode(TaskNode):
    """Its error's members may be expressions on the transformed input."""

    __slots__ = ("_error",)

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        given = definition["raise"]
        pointer = f"{place.reference}/raise/error"
        error = given.get("error") if isinstance(given, dict) else None
        self._error = compiler.template(compiler.resolve(resolve_error, error, pointer), pointer)

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        variables = variables_inside(turn, self, frame)
        raise TaskFaultError(_problem(turn.evaluate(self._error, frame.input.value, variables)))


def _problem(value: Json) -> Problem:
    assert isinstance(value, dict)
    status = value.get("status")
    if not isinstance(status, int) or isinstance(status, bool):
        raise fault("expression", "the status of a raised error must be a whole number")
    texts = {name: _text(name, value.get(name)) for name in ("type", "title", "detail", "instance")}
    return Problem(texts["type"], status, texts["title"], texts["detail"], texts["instance"])


def _text(name: str, value: Json) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise fault("expression", f"the {name} of a raised error must be text")
    return value
