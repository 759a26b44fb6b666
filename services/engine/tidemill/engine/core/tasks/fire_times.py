"""The task of a schedule that waits for its next fire time; no document of an author can hold it."""

from typing import TYPE_CHECKING, Final

from tidemill.civil.fire_times import CronTimes, EveryTimes, FireTimes
from tidemill.civil.missed import due_fires, parse_missed_fires
from tidemill.civil.zones import load_zone
from tidemill.dsl import parse_duration
from tidemill.dsl.problems import refusal
from tidemill.engine.core.compiler import members
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import ScheduleFired, TaskStarted
from tidemill.engine.core.lifecycle import complete_with
from tidemill.engine.core.node import Flow, Place, WaitingNode
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.state import TimerKind
from tidemill.engine.core.times import rfc3339
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn

_DONE_UNTIL: Final = "done_until_us"


class FireTimesNode(WaitingNode):
    """Its output is `{fires: [RFC 3339...], done_until_us}`: the fire times to start now.

    `done_until_us` comes back as its input, so that no fire time is lost or taken twice however long the
    starts took. A period counts from the start of the execution. When no time ever comes, the schedule ends.
    """

    __slots__ = ("_cron", "_missed", "_period_us")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        given = members(definition["fireTimes"])
        self._cron: CronTimes | None = None
        self._period_us = 0
        try:
            self._missed = parse_missed_fires(given.get("missedFires"))
            if "cron" in given:
                self._cron = CronTimes(str(given["cron"]), load_zone(str(given["timezone"])))
            else:
                self._period_us = parse_duration(given["every"])
        except ValueError as error:
            raise refusal(str(error), "/schedule") from None

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        return entry.started(due_at_us=self._next_us(turn, entry.input) or 0)

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        """Leave it to its timer."""
        if TimerKind.WAIT not in (frame.timers or ()):
            complete_with(turn, self, frame, {"fires": []}, directive=Flow.END)

    def go_on(self, turn: "Turn", frame: FrameView) -> None:
        due_us = self._next_us(turn, frame.input)
        assert due_us is not None
        fires = due_fires(self._times(turn), due_us, turn.now_us, self._missed)
        turn.record(ScheduleFired(self.reference, fires.starts, fires.missed))
        starts: list[Json] = [rfc3339(time_us) for time_us in fires.starts]
        complete_with(turn, self, frame, {"fires": starts, _DONE_UNTIL: turn.now_us})

    def _next_us(self, turn: "Turn", given: Payload) -> int | None:
        done_until_us = members(given.value).get(_DONE_UNTIL, turn.state.started_at_us)
        assert isinstance(done_until_us, int)
        return self._times(turn).after(done_until_us)

    def _times(self, turn: "Turn") -> FireTimes:
        return self._cron or EveryTimes(turn.state.started_at_us, self._period_us)
