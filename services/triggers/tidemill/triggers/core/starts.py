"""What a matched event starts: in which lane, with which input."""

from dataclasses import dataclass

from tidemill.errors import InvalidRequestError
from tidemill.json import Json, dumps
from tidemill.lanes import check_identifier
from tidemill.triggers.core.conditions import EvaluationError, Reading, StartCondition
from tidemill.triggers.core.event import Event
from tidemill.triggers.core.index import Trigger

_FIELD = "ordering_key"


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
    """The lane's subject: the ordering key's value, else the event's subject.

    An ordering key that finds null or "" gives no subject: such an execution is its own lane. Anything but a
    string or a number is refused, for a lane that nobody meant would break the order that somebody relies on.
    """
    if condition.ordering_key is None:
        return event.raw.subject
    try:
        key = condition.ordering_key(event.envelope(), event.accepted_at_us)
    except EvaluationError as error:
        raise InvalidRequestError(_FIELD, f"{condition.workflow}: the ordering key failed: {error}") from None
    subject = _subject_text(condition, key)
    check_identifier(_FIELD, subject)
    return subject


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


def _subject_text(condition: StartCondition, key: Json) -> str:
    match key:
        case None:
            return ""
        case str():
            return key
        case int() | float() if not isinstance(key, bool):
            return dumps(key).decode()
        case _:
            message = f"{condition.workflow}: the ordering key must find a string or a number"
            raise InvalidRequestError(_FIELD, message)
