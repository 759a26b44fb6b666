"""A `call` of a function, of `use` or from outside: its task, as though it stood in the place of the call."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tidemill.dsl.task_references import of_function
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import TaskStarted
from tidemill.engine.core.lifecycle import complete
from tidemill.engine.core.node import Place
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.tasks.do import SequenceNode
from tidemill.engine.core.variables import NO_BINDINGS
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class FunctionNode(SequenceNode):
    """Its output is that of the function's task, whose input is the `with`.

    The `with` is the caller's, and in its frame the input. What `input.from` has made of the caller's data
    is kept as the one item of a loop without rounds: the call's own `output` and `export` may ask for it.
    """

    __slots__ = ("_arguments", "_function")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        name = str(definition["call"])
        self._arguments = compiler.template(definition.get("with") or {}, f"{place.reference}/with")
        # The function does not see the variables of its callers.
        inside = replace(place.surroundings, owner=self, are_branches=False, bindings=NO_BINDINGS)
        function = Place(of_function(place.reference, name), name, 0, inside)
        task, its_compiler = compiler.function(name, place.reference)
        self._function = its_compiler.lone_task(function, task)

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        transformed = entry.input
        arguments = turn.evaluate(self._arguments, transformed.value, entry.variables())
        entry.input = turn.payload(arguments, entry.raw_input)
        if transformed is entry.raw_input:
            return entry.started()
        return entry.started(items=turn.payload([transformed.value]))

    def transformed_input(self, frame: FrameView) -> Payload:
        if frame.loop is None:
            return frame.raw_input
        items = frame.loop.items.value
        assert isinstance(items, list)
        return Payload.of(items[0])

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        self.begin_list(turn, frame, self._function)

    def list_ended(self, turn: "Turn", frame: FrameView) -> None:
        complete(turn, self, frame)
