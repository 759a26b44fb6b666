"""`set`: replaces the data."""

from typing import TYPE_CHECKING

from tidemill.engine.core.lifecycle import complete_with, variables_inside
from tidemill.engine.core.node import Place, TaskNode
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class SetNode(TaskNode):
    """Its output is the template's value on the transformed input."""

    __slots__ = ("_value",)

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        self._value = compiler.template(definition["set"], f"{place.reference}/set")

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        variables = variables_inside(turn, self, frame)
        value = turn.evaluate(self._value, frame.input.value, variables)
        complete_with(turn, self, frame, value)
