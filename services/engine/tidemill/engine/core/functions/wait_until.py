"""`waitUntil`: goes on at a time of the calendar, or once a window of the week is open."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tidemill.civil.timestamps import parse_instant
from tidemill.civil.windows import parse_window
from tidemill.civil.zones import load_zone
from tidemill.engine.core.compiler import members
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import TaskStarted
from tidemill.engine.core.faults import fault
from tidemill.engine.core.lifecycle import complete, variables_inside
from tidemill.engine.core.node import Directive, Flow, Place, WaitingNode
from tidemill.engine.core.state import TimerKind
from tidemill.engine.core.times import rfc3339
from tidemill.engine.core.timezones import zone_name
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn

_POLICIES: Final = ("continue", "skip", "fault")


class WaitUntilNode(WaitingNode):
    """Its output is its transformed input.

    A time that is past when the task is entered is answered by `pastDue`: `continue` goes on at once, `skip`
    leaves the list of tasks as `then: exit` does, `fault` raises the timeout error.
    """

    __slots__ = ("_given", "_past_due", "_zone_name")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        pointer = f"{place.reference}/with"
        given = members(definition.get("with"))
        self._past_due = compiler.template(given.get("pastDue", "continue"), f"{pointer}/pastDue")
        self._given = compiler.template(
            {name: value for name, value in given.items() if name != "pastDue"}, pointer
        )
        self._zone_name = zone_name(compiler.document)

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        variables = entry.variables()
        given = members(turn.evaluate(self._given, entry.input.value, variables))
        policy = self._policy(turn.evaluate(self._past_due, entry.input.value, variables))
        due_at_us = self._due_at_us(turn, given)
        if due_at_us > turn.now_us or "window" in given:
            return entry.started(due_at_us=due_at_us if due_at_us > turn.now_us else 0)
        if policy == "fault" and due_at_us < turn.now_us:
            raise fault("timeout", f"the time to wait until, {rfc3339(due_at_us)}, is past")
        return entry.started()

    def _due_at_us(self, turn: "Turn", given: Mapping[str, Json]) -> int:
        try:
            zone = load_zone(str(given.get("timezone", self._zone_name)))
            if "window" in given:
                return parse_window(given["window"], zone).opening(turn.now_us)
            return parse_instant(given.get("at"), zone)
        except ValueError as error:
            raise fault("expression", str(error)) from None

    @staticmethod
    def _policy(value: Json) -> str:
        if not isinstance(value, str) or value not in _POLICIES:
            raise fault("expression", "`pastDue` must be `continue`, `skip` or `fault`")
        return value

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        """Leave it to its timer, or go on when there is nothing to wait for."""
        if TimerKind.WAIT not in (frame.timers or ()):
            complete(turn, self, frame, directive=self._directive(turn, frame))

    def _directive(self, turn: "Turn", frame: FrameView) -> Directive | None:
        variables = variables_inside(turn, self, frame)
        given = members(turn.evaluate(self._given, frame.input.value, variables))
        is_late = "window" not in given and self._due_at_us(turn, given) < turn.now_us
        skips = turn.evaluate(self._past_due, frame.input.value, variables) == "skip"
        return Flow.EXIT if is_late and skips else None

    def go_on(self, turn: "Turn", frame: FrameView) -> None:
        complete(turn, self, frame)
