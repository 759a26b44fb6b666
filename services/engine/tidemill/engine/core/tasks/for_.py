"""`for`: a round of its tasks for each item, one after the other."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tidemill.engine.core.compiler import members
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import RoundStarted, TaskStarted
from tidemill.engine.core.faults import fault
from tidemill.engine.core.lifecycle import complete, variables_inside
from tidemill.engine.core.node import Place
from tidemill.engine.core.tasks.do import RoundsNode
from tidemill.engine.core.variables import Binding, Held
from tidemill.engine.core.views import FrameView
from tidemill.expressions import is_truthy
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class ForNode(RoundsNode):
    """Each round's input is the output of the one before; `exit` ends the round.

    `while` is asked before each round, on the data so far, with the item and the index of that round.
    """

    __slots__ = ("_each", "_index", "_items", "_list", "_while")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        reference = place.reference
        loop = members(definition["for"])
        self._each = str(loop.get("each", "item"))
        self._index = str(loop.get("at", "index"))
        items = loop.get("in")
        pointer = f"{reference}/for/in"
        self._items = compiler.transformation(items, pointer) or compiler.template([], pointer)
        self._while = compiler.condition(definition.get("while"), f"{reference}/while")
        own = {
            self._each: Binding(Held.ITEM, reference),
            self._index: Binding(Held.INDEX, reference),
        }
        bindings = {**place.surroundings.bindings, **own}
        inside = replace(
            place.surroundings, owner=self, loop=reference, bindings=bindings, are_branches=False
        )
        self._list = compiler.task_list(definition.get("do", []), f"{reference}/do", inside)

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        items = turn.evaluate(self._items, entry.input.value, entry.variables())
        if not isinstance(items, list):
            raise fault("expression", "`for.in` must give an array")
        return entry.started(items=turn.payload(items))

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        self.next_round(turn, frame)

    def list_ended(self, turn: "Turn", frame: FrameView) -> None:
        self.next_round(turn, frame)

    def next_round(self, turn: "Turn", frame: FrameView) -> None:
        loop = frame.loop
        assert loop is not None
        items = loop.items.value
        assert isinstance(items, list)
        index = loop.index + 1
        if index >= len(items):
            complete(turn, self, frame)
            return
        if turn.put_off(self.reference):
            return
        if not self._goes_on(turn, frame, index=index, item=items[index]):
            complete(turn, self, frame)
            return
        turn.record(RoundStarted(self.reference, index))
        self.begin_list(turn, frame, self._list)

    def _goes_on(self, turn: "Turn", frame: FrameView, *, index: int, item: Json) -> bool:
        if self._while is None:
            return True
        variables = variables_inside(turn, self, frame)
        variables.own = {self._each: item, self._index: index}
        return is_truthy(turn.evaluate(self._while, frame.data.value, variables))
