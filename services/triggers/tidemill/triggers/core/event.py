"""An event that came in: its attributes, its data, and when it was accepted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tidemill.events.checking import EventLimits, check_event
from tidemill.events.envelopes import envelope_with
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.expressions import Expression, Template


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event as it was sent, not looked at yet; an empty string or empty data means absent."""

    id: str
    source: str
    type: str
    subject: str = ""
    time: str = ""
    data_content_type: str = ""
    data_schema: str = ""
    data: bytes = b""
    extensions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """An acceptable event. `value` is the parsed data, None without any; `accepted_at_us` is its `now`."""

    raw: RawEvent
    value: Json
    accepted_at_us: int
    _envelope: dict[str, Json] = field(default_factory=dict, compare=False, repr=False)

    def envelope(self) -> dict[str, Json]:
        """The event in the CloudEvents JSON format: the attributes that it has, and its data."""
        if not self._envelope:
            self._envelope.update(envelope_with(self.raw, self.value))
        return self._envelope

    def evaluate(self, formula: "Expression | Template", value: Json) -> Json:
        """Evaluate on a part of the event: nothing else is known. May raise ExpressionError."""
        return formula.evaluate(value, now_us=self.accepted_at_us)


def accept_event(raw: RawEvent, limits: EventLimits, *, now_us: int) -> Event:
    """Check an event; raises TidemillError, as `check_event` does."""
    return Event(raw, check_event(raw, limits), now_us)
