"""The tasks of a schedule that start its workflow and do not wait; no document of an author can hold them."""

from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from tidemill import lanes
from tidemill.engine.core.compiler import members
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import ChildRequested, TaskStarted, TriggerOrigin
from tidemill.engine.core.faults import fault
from tidemill.engine.core.lifecycle import complete
from tidemill.engine.core.node import Place, TaskNode
from tidemill.engine.core.payload import EMPTY_OBJECT, Payload
from tidemill.engine.core.reading import reading_of
from tidemill.engine.core.views import FrameView
from tidemill.errors import TidemillError
from tidemill.events.subjects import subject_text
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class Occasion(NamedTuple):
    """What an execution is started with."""

    origin: TriggerOrigin
    subject: str
    input: Payload


class StartNode(TaskNode):
    """Starts an execution of the schedule's own workflow and version; its output is its input.

    The execution stands in the lane of its subject. Its id follows from what started it, never from the
    version, so that the schedules of two versions never start it twice.
    """

    __slots__ = ("_version",)

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        self._version = str(members(compiler.document["document"])["version"])

    @abstractmethod
    def occasion(self, turn: "Turn", entry: Entry) -> Occasion:
        """What to start with. May raise one of FAULTS."""

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        origin, subject, given = self.occasion(turn, entry)
        namespace, workflow = turn.state.namespace, turn.state.workflow
        child = ChildRequested(
            execution_id=_execution_id(namespace, workflow, subject, origin=origin),
            namespace=namespace,
            workflow=workflow,
            version=self._version,
            subject=subject,
            input=given,
            awaited=False,
            origin=origin,
        )
        return entry.started(child=child)

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        complete(turn, self, frame)


class FireStartNode(StartNode):
    """The start of one fire time, `$fire`."""

    __slots__ = ("_fire", "_trigger")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        self._trigger = str(definition["startAtFire"])
        self._fire = compiler.template("${ $fire }", place.reference)

    def occasion(self, turn: "Turn", entry: Entry) -> Occasion:
        fire = turn.evaluate(self._fire, None, entry.variables())
        return Occasion(TriggerOrigin(self._trigger, "", str(fire)), "", EMPTY_OBJECT)


class EventStartNode(StartNode):
    """The start for the events that a `listen` has taken, whose envelopes are its input.

    The ordering key, an expression on the first event, gives the subject: text or a number; null gives none.
    """

    __slots__ = ("_ordering_key", "_read")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        given = members(definition["startOnEvents"])
        self._read = reading_of(given.get("read"))
        self._ordering_key = compiler.condition(given.get("orderingKey", ".subject?"), "/document/metadata")

    def occasion(self, turn: "Turn", entry: Entry) -> Occasion:
        events = entry.input.value
        assert isinstance(events, list)
        first = members(events[0])
        origin = TriggerOrigin("on", str(first.get("source")), str(first.get("id")))
        assert self._ordering_key is not None
        subject = _subject(turn.evaluate(self._ordering_key, events[0], entry.variables()))
        return Occasion(origin, subject, turn.payload([self._read(Payload.of(event)) for event in events]))


def _subject(key: Json) -> str:
    subject = subject_text(key)
    if subject is None:
        raise fault("expression", "the ordering key must find text or a number")
    try:
        lanes.check_identifier("orderingKey", subject)
    except TidemillError as error:
        raise fault("expression", str(error)) from None
    return subject


def _execution_id(namespace: str, workflow: str, subject: str, *, origin: TriggerOrigin) -> str:
    fields = ("event", namespace, workflow, subject, origin.trigger, origin.event_source, origin.event_id)
    unique = lanes.derived_uuid(fields)
    return lanes.execution_id(lanes.lane_hash(lanes.lane_of(namespace, subject, unique)), unique)
