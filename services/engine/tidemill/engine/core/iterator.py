"""The `foreach` of a `listen`: what each event it goes through adds to the output and to the context."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from tidemill.engine.core.compiler import members
from tidemill.engine.core.events import RoundCompleted
from tidemill.engine.core.lifecycle import variables_inside
from tidemill.engine.core.node import TaskNode
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn

Number: TypeAlias = Callable[[FrameView], int]


def number_of_round(frame: FrameView) -> int:
    """The number of the round under way, from 0."""
    assert frame.loop is not None
    return frame.loop.index


class EventIterator:
    """The names of its variables, and the transformations at the end of each round."""

    __slots__ = ("_export_as", "_export_schema", "_number", "_output_as", "_output_schema", "each", "index")

    def __init__(
        self, foreach: Json, pointer: str, compiler: "Compiler", *, number: Number = number_of_round
    ) -> None:
        """`number` finds what the index is of the round under way."""
        given = members(foreach)
        self._number = number
        output, export = members(given.get("output")), members(given.get("export"))
        self.each = str(given.get("item", "item"))
        self.index = str(given.get("at", "index"))
        self._output_as = compiler.transformation(output.get("as"), f"{pointer}/output/as")
        self._output_schema = compiler.schema(output.get("schema"), f"{pointer}/output/schema")
        self._export_as = compiler.transformation(export.get("as"), f"{pointer}/export/as")
        self._export_schema = compiler.schema(export.get("schema"), f"{pointer}/export/schema")

    def completed(
        self, turn: "Turn", node: TaskNode, frame: FrameView, *, item: Json, raw_output: Payload
    ) -> RoundCompleted:
        """The end of the round at hand. May raise one of FAULTS."""
        variables = variables_inside(turn, node, frame)
        variables.own = {self.each: item, self.index: self._number(frame)}
        variables.raw_output = raw_output
        output: Payload | None = None
        if self._output_as is not None:
            output = turn.payload(turn.evaluate(self._output_as, raw_output.value, variables))
        entry = Payload.of(item) if output is None else output
        if self._output_schema is not None:
            self._output_schema.check(entry.value)
        if self._export_as is None:
            return RoundCompleted(node.reference, output)
        variables.output = entry
        context = turn.payload(turn.evaluate(self._export_as, entry.value, variables))
        if self._export_schema is not None:
            self._export_schema.check(context.value)
        return RoundCompleted(node.reference, output, context)
