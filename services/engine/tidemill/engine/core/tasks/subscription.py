"""`call: asyncapi` with a `subscription`: a loop of calls, each of which goes on where the last one ended."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tidemill.dsl.task_references import consume_of, foreach_of
from tidemill.engine.core.asyncapi.consumption import Consumption
from tidemill.engine.core.asyncapi.rounds import Round, last_round, read_round, taken_by
from tidemill.engine.core.compiler import members
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import RoundCompleted, RoundStarted, TaskStarted
from tidemill.engine.core.faults import fault
from tidemill.engine.core.lifecycle import complete_with, enter_later
from tidemill.engine.core.node import Directive, Place, TaskList, TaskNode
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.tasks.do import RoundsNode
from tidemill.engine.core.tasks.messages import MessagesNode
from tidemill.engine.core.tasks.receive import ReceiveNode
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class SubscriptionNode(RoundsNode):
    """Its output is an array of the messages that it took, each as `foreach.output` makes it.

    A round is one call, which takes what is there, and waits while nothing is; then the rounds of `foreach`
    for what it took. Each round leaves behind where the next one goes on, `position`: so no message is lost
    and none comes twice, whoever makes the calls and however often one is made.
    """

    __slots__ = ("_consumption", "_messages", "_receive")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        subscription = members(members(definition.get("with")).get("subscription"))
        pointer = f"{place.reference}/with/subscription"
        self._consumption = Consumption(subscription.get("consume"), f"{pointer}/consume", compiler)
        around = place.surroundings
        inside = replace(around, owner=self, loop=place.reference, are_branches=False)
        self._receive = self._below(
            compiler.make(
                partial(ReceiveNode, around=self, consumption=self._consumption),
                Place(consume_of(place.reference), "consume", 0, inside),
                definition,
            )
        )
        self._messages: TaskNode | None = None
        if "foreach" in subscription:
            self._messages = self._below(
                compiler.make(
                    partial(MessagesNode, around=self, consumption=self._consumption),
                    Place(foreach_of(place.reference), "foreach", 0, inside),
                    dict(members(subscription["foreach"])),
                )
            )

    def _below(self, node: TaskNode) -> TaskNode:
        node.siblings = TaskList([node])
        # What goes wrong in it is an error of the task that the author wrote.
        node.pointer = self.pointer
        return node

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        return entry.started(listening=())

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        self.next_round(turn, frame)

    def next_round(self, turn: "Turn", frame: FrameView) -> None:
        loop = frame.loop
        assert loop is not None
        if self._is_over(turn, frame):
            complete_with(turn, self, frame, taken_by(frame))
        elif not turn.put_off(self.reference):
            turn.record(RoundStarted(self.reference, loop.index + 1))
            enter_later(turn, self._receive)

    def _is_over(self, turn: "Turn", frame: FrameView) -> bool:
        last = last_round(frame)
        if last is not None and last.ended:
            return True
        ends_at_us = self._consumption.ends_at_us(turn, self, frame)
        if ends_at_us and turn.now_us >= ends_at_us:
            return True
        return last is None and self._consumption.is_over(turn, self, frame, count=0, news=[])

    def child_ended(self, turn: "Turn", frame: FrameView, child: TaskNode, directive: Directive) -> None:
        if child is self._receive:
            turn.later(self, partial(self._received, turn, frame))
        else:
            self.later(turn, frame)

    def _received(self, turn: "Turn", frame: FrameView) -> None:
        batch, last = read_round(frame.data.value), last_round(frame)
        if not batch.messages and last is not None and last.position == batch.position:
            # Nothing has come for as long as a call waits: there is nothing to remember.
            self._wait_on(turn, frame)
        elif batch.messages and self._messages is not None:
            enter_later(turn, self._messages)
        else:
            self._end_round(turn, frame, self._wanted(turn, frame, batch, last.count if last else 0))

    def _wait_on(self, turn: "Turn", frame: FrameView) -> None:
        if self._is_over(turn, frame):
            complete_with(turn, self, frame, taken_by(frame))
        else:
            enter_later(turn, self._receive)

    def _wanted(self, turn: "Turn", frame: FrameView, batch: Round, before: int) -> Round:
        """What is wanted of a batch, up to the message that ends it all; so many came before it."""
        for wanted in range(1, len(batch.messages) + 1):
            news = batch.messages[:wanted]
            if self._consumption.is_over(turn, self, frame, count=before + wanted, news=news):
                return replace(batch, messages=news, ended=True)
        return batch

    def list_ended(self, turn: "Turn", frame: FrameView) -> None:
        self._end_round(turn, frame, read_round(frame.data.value))

    def _end_round(self, turn: "Turn", frame: FrameView, ended: Round) -> None:
        last = last_round(frame)
        count = len(ended.messages) + (last.count if last else 0)
        size = len(Payload.of(ended.messages).data) + (last.size if last else 0)
        _refuse_excess(turn, count=count, size=size)
        output = turn.payload(replace(ended, count=count, size=size).as_json())
        turn.record(RoundCompleted(self.reference, output))
        self.next_round(turn, frame)


def _refuse_excess(turn: "Turn", *, count: int, size: int) -> None:
    """Raises TaskFaultError where more was taken than an execution may hold."""
    settings = turn.plan.settings
    events_max, bytes_max = settings.events_per_listen_max, settings.bytes_per_listen_max
    if count > events_max:
        raise fault("runtime", f"more than events_per_listen_max ({events_max}) messages in one subscription")
    if size > bytes_max:
        raise fault("runtime", f"more than bytes_per_listen_max ({bytes_max}) bytes in one subscription")
