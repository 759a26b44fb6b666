"""The `foreach` of a subscription: a round of its tasks for each message of a batch, one after the other."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tidemill.engine.core.asyncapi.consumption import Consumption
from tidemill.engine.core.asyncapi.rounds import last_round, messages_of
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import RoundStarted, TaskStarted
from tidemill.engine.core.iterator import EventIterator
from tidemill.engine.core.lifecycle import complete_with
from tidemill.engine.core.node import Place, TaskNode
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.referring import members
from tidemill.engine.core.tasks.do import RoundsNode
from tidemill.engine.core.variables import Binding, Held
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class MessagesNode(RoundsNode):
    """Its input is a batch, its output the same batch with what became of each message that was wanted.

    What is wanted is asked after each round, with what its `export` has made of the context.
    """

    __slots__ = ("_around", "_consumption", "_iterator", "_list")

    def __init__(
        self,
        place: Place,
        definition: dict[str, Json],
        compiler: "Compiler",
        *,
        around: TaskNode,
        consumption: Consumption,
    ) -> None:
        # Its `output` and `export` are those of each round.
        super().__init__(place, {}, compiler)
        self._around = around
        self._consumption = consumption
        self._iterator = EventIterator(definition, place.reference, compiler, number=_current_index)
        own = {
            self._iterator.each: Binding(Held.ITEM, place.reference, _current_item),
            self._iterator.index: Binding(Held.ITEM, place.reference, _current_index),
        }
        surroundings = place.surroundings
        bindings = {**surroundings.bindings, **own}
        inside = replace(
            surroundings, owner=self, loop=place.reference, bindings=bindings, are_branches=False
        )
        self._list = compiler.task_list(definition.get("do", []), f"{place.reference}/do", inside)

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        return entry.started(listening=())

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        self.next_round(turn, frame)

    def next_round(self, turn: "Turn", frame: FrameView) -> None:
        loop = frame.loop
        assert loop is not None
        index = loop.index + 1
        outputs = _outputs(frame)
        ended = bool(outputs) and self._is_over(turn, frame, outputs)
        if ended or index >= len(messages_of(frame.input.value)):
            batch = members(frame.input.value)
            complete_with(
                turn, self, frame, {"position": batch.get("position"), "messages": outputs, "ended": ended}
            )
        elif not turn.put_off(self.reference):
            turn.record(RoundStarted(self.reference, index))
            self.begin_list(turn, frame, self._list)

    def _is_over(self, turn: "Turn", frame: FrameView, outputs: list[Json]) -> bool:
        assert frame.parent is not None
        count = _count_before(frame) + len(outputs)
        return self._consumption.is_over(turn, self._around, frame.parent, count=count, news=outputs)

    def list_ended(self, turn: "Turn", frame: FrameView) -> None:
        item = _current_item(frame)
        raw_output = frame.data if self._list.nodes else Payload.of(item)
        turn.record(self._iterator.completed(turn, self, frame, item=item, raw_output=raw_output))
        self.next_round(turn, frame)


def _current_item(frame: FrameView) -> Json:
    assert frame.loop is not None
    return messages_of(frame.input.value)[frame.loop.index]


def _current_index(frame: FrameView) -> int:
    """The number of the message in the whole subscription, from 0."""
    assert frame.loop is not None
    return _count_before(frame) + frame.loop.index


def _count_before(frame: FrameView) -> int:
    """How many messages came in earlier batches."""
    assert frame.parent is not None
    last = last_round(frame.parent)
    return 0 if last is None else last.count


def _outputs(frame: FrameView) -> list[Json]:
    """What the rounds that have ended have made of their messages."""
    assert frame.listening is not None
    items = messages_of(frame.input.value)
    return [
        items[index] if output is None else output.value
        for index, output in enumerate(frame.listening.outputs)
    ]
