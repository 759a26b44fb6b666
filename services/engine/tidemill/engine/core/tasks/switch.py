"""`switch`: chooses where to go on."""

from typing import TYPE_CHECKING

from tidemill.engine.core.compiler import members
from tidemill.engine.core.lifecycle import complete, variables_inside
from tidemill.engine.core.node import Directive, Place, TaskNode, directive_of
from tidemill.engine.core.views import FrameView
from tidemill.expressions import Expression, is_truthy
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class SwitchNode(TaskNode):
    """The first case that holds decides, then the default one, then the task's own `then`."""

    __slots__ = ("_cases", "_default")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        self._cases: list[tuple[Expression, Directive]] = []
        self._default: Directive | None = None
        items = definition["switch"]
        for index, item in enumerate(items if isinstance(items, list) else []):
            for name, given in members(item).items():
                case = members(given)
                when = compiler.condition(case.get("when"), f"{place.reference}/switch/{index}/{name}/when")
                then = directive_of(case.get("then"))
                if when is None:
                    self._default = then
                else:
                    self._cases.append((when, then))

    def directives(self) -> list[Directive]:
        cases = [then for _, then in self._cases]
        return [*super().directives(), *cases, *([] if self._default is None else [self._default])]

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        complete(turn, self, frame, directive=self._choose(turn, frame))

    def _choose(self, turn: "Turn", frame: FrameView) -> Directive | None:
        variables = variables_inside(turn, self, frame)
        value = frame.input.value
        for when, then in self._cases:
            if is_truthy(turn.evaluate(when, value, variables)):
                return then
        return self._default
