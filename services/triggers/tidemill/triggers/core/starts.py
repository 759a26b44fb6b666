"""What a matched event starts: in which lane, with which input."""

from dataclasses import dataclass

from tidemill.json import dumps
from tidemill.triggers.core.conditions import Reading, StartCondition
from tidemill.triggers.core.event import Event
from tidemill.triggers.core.index import Trigger
from tidemill.triggers.core.subjects import find_subject


@dataclass(frozen=True, slots=True)
class Start:
    """An execution to start: of the trigger's definition version, in the subject's lane."""

    trigger: Trigger
    subject: str
    input: bytes


def plan_start(trigger: Trigger, event: Event) -> Start:
    """Say what a matched event starts; raises InvalidRequestError when the ordering key gives no subject."""
    condition = trigger.condition
    return Start(trigger, subject_of(condition, event), input_of(condition.reading, event))


def subject_of(condition: StartCondition, event: Event) -> str:
    """The lane's subject: the ordering key's value, else the event's subject."""
    if condition.ordering_key is None:
        return event.raw.subject
    return find_subject(condition.ordering_key, event, f"{condition.workflow}: ")


def input_of(reading: Reading, event: Event) -> bytes:
    """The workflow's input: an array of one element, as the definition reads events."""
    match reading:
        case Reading.DATA:
            # The data travels as it came: nobody on the way needs to look inside again.
            return b"[%b]" % (event.raw.data or b"null")
        case Reading.ENVELOPE:
            return b"[%b]" % dumps(event.envelope(), field="event")
        case Reading.RAW:
            return b"[%b]" % dumps(event.raw.data.decode(), field="data")
