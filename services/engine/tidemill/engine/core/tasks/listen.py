"""`listen`: waits for events, and goes through them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tidemill.engine.core.compiler import members
from tidemill.engine.core.consuming import Strategy, filters_of, strategy_of
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.evaluation import Formula
from tidemill.engine.core.events import (
    EventReceived,
    ListeningEnded,
    RoundStarted,
    Subscription,
    TaskStarted,
)
from tidemill.engine.core.faults import fault
from tidemill.engine.core.hearing import HeardFilter, agree, reaches, subscription_of
from tidemill.engine.core.iterator import EventIterator
from tidemill.engine.core.keys import subscription_name
from tidemill.engine.core.lifecycle import complete_with, variables_inside
from tidemill.engine.core.node import Place, TaskList
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.reading import reading_of
from tidemill.engine.core.tasks.do import RoundsNode
from tidemill.engine.core.variables import Binding, Held, Variables
from tidemill.engine.core.views import FrameView, ListeningView
from tidemill.expressions import Expression, is_truthy
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class ListenNode(RoundsNode):
    """Its output is an array of the events that it took, each as `read` says or as `foreach.output` makes it.

    `until` of an `any` is a condition, asked on the array of the events taken so far, after each event and
    after each round of `foreach`; or a strategy, whose events are in no array and have no round. With
    `foreach` all events taken are gone through, also those that wait for their turn when enough have come.
    """

    __slots__ = ("_iterator", "_list", "_read", "_stops", "_takes", "_until", "filters")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        listen = members(definition["listen"])
        to, pointer = members(listen.get("to")), f"{place.reference}/listen/to"
        self._read = reading_of(listen.get("read"))
        self.filters: list[HeardFilter] = []
        self._takes = self._strategy(to, pointer, compiler)
        self._stops: Strategy | None = None
        self._until: Expression | None = None
        until = to.get("until") if "any" in to else None
        if isinstance(until, dict):
            self._stops = self._strategy(until, f"{pointer}/until", compiler)
        else:
            self._until = compiler.condition(until, f"{pointer}/until")
        self._iterator: EventIterator | None = None
        self._list = TaskList([])
        if "foreach" in definition:
            self._iterate(place, definition["foreach"], compiler)

    def _strategy(self, given: Mapping[str, Json], pointer: str, compiler: "Compiler") -> Strategy:
        strategy = strategy_of(given, len(self.filters))
        for place, definition in filters_of(given):
            self.filters.append(HeardFilter(definition, f"{pointer}{place}", compiler, self.bindings))
        return strategy

    def _iterate(self, place: Place, foreach: Json, compiler: "Compiler") -> None:
        around, reference = place.surroundings, place.reference
        self._iterator = EventIterator(foreach, f"{reference}/foreach", compiler)
        own = {
            self._iterator.each: Binding(Held.ITEM, reference, self._current_item),
            self._iterator.index: Binding(Held.INDEX, reference),
        }
        bindings = {**around.bindings, **own}
        inside = replace(around, owner=self, loop=reference, bindings=bindings, are_branches=False)
        self._list = compiler.task_list(members(foreach).get("do", []), f"{reference}/foreach/do", inside)

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        evaluate = partial(_evaluate, turn, entry.variables())
        expected = [each.expected(evaluate, entry.input.value) for each in self.filters]
        shared = self._known_before(turn)
        for values in reversed(expected):
            shared.update(values)
        task = f"{self.reference}#{entry.activations}/{entry.attempt}"
        subscriptions = [
            subscription_of(
                event_filter,
                {**shared, **expected[index]},
                turn,
                name=subscription_name(task, turn.state.retries, index),
                index=index,
            )
            for index, event_filter in enumerate(self.filters)
        ]
        return entry.started(listening=tuple(subscriptions))

    def _known_before(self, turn: "Turn") -> dict[str, Json]:
        """The correlation values that the events had which an operator's retry keeps."""
        left_behind = turn.state.frames.get(self.reference)
        if left_behind is None or left_behind.listening is None:
            return {}
        return dict(left_behind.listening.expected)

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        self.next_round(turn, frame)

    def take(self, turn: "Turn", frame: FrameView, event: Payload) -> EventReceived | None:
        """The fact that a filter takes an event; None when none does.

        An event counts once: for the first filter of `until` that it passes and that is still open, else
        for the first such filter of the strategy itself.
        """
        listening, envelope = _listening(frame), event.value
        assert isinstance(envelope, dict)
        if _excess(turn, listening):
            return None
        evaluate = partial(_evaluate, turn, variables_inside(turn, self, frame))
        for index in self._open_filters(listening):
            event_filter, own = self.filters[index], listening.subscriptions[index]
            if not event_filter.passes(envelope, evaluate):
                continue
            if not reaches(turn, event_filter, envelope):
                continue
            values = event_filter.correlations(envelope, evaluate)
            expected = _expected(listening, own)
            if values is not None and agree(values, expected):
                news = {name: value for name, value in values.items() if name not in expected}
                return EventReceived(self.reference, index, event, Payload.of(news) if news else None)
        return None

    def _open_filters(self, listening: ListeningView) -> list[int]:
        taken = _taken(listening)
        strategies = [self._takes] if self._stops is None else [self._stops, self._takes]
        return [
            index for strategy in strategies for index in strategy.filters if strategy.wants(index, taken)
        ]

    def has_heard_enough(self, turn: "Turn", frame: FrameView) -> bool:
        """Whether no more events are wanted. May raise one of FAULTS."""
        listening = _listening(frame)
        if not listening.is_open:
            return True
        if self._until is not None:
            items = self._items(listening)
            variables = variables_inside(turn, self, frame)
            return bool(items) and is_truthy(turn.evaluate(self._until, items, variables))
        return (self._stops or self._takes).is_complete(_taken(listening))

    def next_round(self, turn: "Turn", frame: FrameView) -> None:
        """Go on from what was heard: as often as wanted, it does what is left to do."""
        listening, loop = _listening(frame), frame.loop
        assert loop is not None
        if excess := _excess(turn, listening):
            raise fault("runtime", f"more than {excess} in one `listen`")
        enough, index = self.has_heard_enough(turn, frame), loop.index + 1
        is_under_way = index > len(listening.outputs)
        is_left = self._iterator is not None and index < self._count(listening)
        if enough and not is_under_way and not is_left:
            complete_with(turn, self, frame, self._outputs(listening))
            return
        if enough and listening.is_open:
            turn.record(ListeningEnded(self.reference))
        if is_left and not is_under_way and not turn.put_off(self.reference):
            turn.record(RoundStarted(self.reference, index))
            self.begin_list(turn, frame, self._list)

    def list_ended(self, turn: "Turn", frame: FrameView) -> None:
        assert self._iterator is not None
        item = self._current_item(frame)
        raw_output = frame.data if self._list.nodes else Payload.of(item)
        turn.record(self._iterator.completed(turn, self, frame, item=item, raw_output=raw_output))
        self.next_round(turn, frame)

    def _taken_events(self, listening: ListeningView) -> list[EventReceived]:
        """The events that are not those of `until`, in order."""
        if self._stops is None:
            return [event for _, event in listening.received]
        return [event for _, event in listening.received if event.filter in self._takes.filters]

    def _count(self, listening: ListeningView) -> int:
        if self._stops is None:
            return len(listening.received)
        return len(self._taken_events(listening))

    def _items(self, listening: ListeningView) -> list[Json]:
        return [self._read(event.event) for event in self._taken_events(listening)]

    def _outputs(self, listening: ListeningView) -> list[Json]:
        items = self._items(listening)
        for index, output in enumerate(listening.outputs):
            if output is not None:
                items[index] = output.value
        return items

    def _current_item(self, frame: FrameView) -> Json:
        listening, loop = _listening(frame), frame.loop
        assert loop is not None
        if self._stops is None:
            return self._read(listening.received[loop.index][1].event)
        return self._read(self._taken_events(listening)[loop.index].event)


def _listening(frame: FrameView) -> ListeningView:
    assert frame.listening is not None
    return frame.listening


def _taken(listening: ListeningView) -> set[int]:
    """The filters that have taken an event."""
    return {event.filter for _, event in listening.received}


def _expected(listening: ListeningView, subscription: Subscription) -> Mapping[str, Json]:
    """The correlation values that a filter asks for: its own, and those that the task has learnt."""
    own = {} if subscription.expected is None else members(subscription.expected.value)
    return {**listening.expected, **own}


def _excess(turn: "Turn", listening: ListeningView) -> str:
    """The limit that the events taken are over, with its value; empty when they are over none."""
    settings = turn.plan.settings
    if len(listening.received) > settings.events_per_listen_max:
        return f"events_per_listen_max ({settings.events_per_listen_max}) events"
    if listening.received_bytes > settings.bytes_per_listen_max:
        return f"bytes_per_listen_max ({settings.bytes_per_listen_max}) bytes of events"
    return ""


def _evaluate(turn: "Turn", variables: Variables, formula: Formula, value: Json) -> Json:
    return turn.evaluate(formula, value, variables)
