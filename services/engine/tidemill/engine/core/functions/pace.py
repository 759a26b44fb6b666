"""`pace`: goes on once it has a slot, so many in each period, first come first served."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tidemill import lanes
from tidemill.dsl import parse_duration
from tidemill.dsl.limits import PACE_LIMIT_MAX
from tidemill.engine.core.compiler import members
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import SlotRequested, TaskStarted
from tidemill.engine.core.faults import fault
from tidemill.engine.core.lifecycle import complete
from tidemill.engine.core.node import Place, WaitingNode
from tidemill.engine.core.views import FrameView
from tidemill.errors import TidemillError
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class PaceNode(WaitingNode):
    """Its output is its transformed input. All tasks with the same key in a namespace share their slots."""

    __slots__ = ("_given",)

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        self._given = compiler.template(definition.get("with") or {}, f"{place.reference}/with")

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        given = members(turn.evaluate(self._given, entry.input.value, entry.variables()))
        state = turn.state
        slot = SlotRequested(
            request_id=f"{self.reference}#{entry.activations}/{entry.attempt}",
            lane=_lane(state.namespace, given.get("key", state.workflow)),
            limit=_limit(given),
            per_us=_per_us(given),
        )
        return entry.started(slot=slot)

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        """Leave it to its slot, and then to its timer."""

    def go_on(self, turn: "Turn", frame: FrameView) -> None:
        complete(turn, self, frame)


def _lane(namespace: str, key: Json) -> bytes:
    if not isinstance(key, str) or not key:
        raise fault("expression", "the key of `pace` must be text")
    try:
        return lanes.pace_lane(namespace, key)
    except TidemillError as error:
        raise fault("expression", f"the key of `pace`: {error}") from None


def _limit(given: Mapping[str, Json]) -> int:
    limit = given.get("limit")
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= PACE_LIMIT_MAX:
        raise fault(
            "expression",
            f"the limit of `pace` must be a whole number from 1 to PACE_LIMIT_MAX ({PACE_LIMIT_MAX})",
        )
    return limit


def _per_us(given: Mapping[str, Json]) -> int:
    try:
        per_us = parse_duration(given.get("per"))
    except ValueError as error:
        raise fault("expression", str(error)) from None
    if per_us <= 0:
        raise fault("expression", "the period of `pace` must be longer than zero")
    return per_us
