"""`wait`: goes on after a time."""

from typing import TYPE_CHECKING

from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import TaskStarted
from tidemill.engine.core.lifecycle import complete
from tidemill.engine.core.node import Place, WaitingNode
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class WaitNode(WaitingNode):
    """Its output is its transformed input."""

    __slots__ = ("_duration",)

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        self._duration = compiler.duration(definition["wait"], f"{place.reference}/wait")

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        wait_us = self._duration.resolve(turn, entry.input, entry.variables())
        return entry.started(due_at_us=turn.now_us + wait_us)

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        """Leave it to its timer."""

    def go_on(self, turn: "Turn", frame: FrameView) -> None:
        complete(turn, self, frame)
