"""What caused the events of a history row, read without the events themselves."""

from typing import Final

from tidemill.api.events.v1.history_pb2 import Cause, Event, HistoryBatch
from tidemill.checking import facts
from tidemill.engine.runtime.quarantine import ENGINE_ERROR

_SUSPENDED: Final = "execution_suspended"
# As the core's classes are called, by the names of the record's kinds.
_NAMES: Final = {
    field.name: "".join(word.capitalize() for word in field.name.split("_"))
    for field in Event.DESCRIPTOR.oneofs_by_name["kind"].fields
}


def read_record(data: bytes) -> HistoryBatch:
    """The record of a row. Raises DecodeError."""
    return HistoryBatch.FromString(data)


def causes_of(record: HistoryBatch) -> list[facts.CauseFact]:
    """Each cause with the first event that it caused."""
    causes: list[facts.CauseFact] = []
    events = record.events
    at = 0
    for cause in record.causes:
        following = at + cause.events
        first = ""
        if at < len(events) and cause.events > 0:
            first = _first(events[at], events[min(following, len(events)) - 1])
        causes.append((*_source(cause), cause.events, first))
        at = following
    return causes


def _first(first: Event, last: Event) -> str:
    # What could not be applied leaves a suspension, alone or right behind the start.
    if last.WhichOneof("kind") == _SUSPENDED and last.execution_suspended.reason == ENGINE_ERROR:
        return facts.ENGINE_ERROR
    return _NAMES.get(first.WhichOneof("kind") or "", "")


def _source(cause: Cause) -> tuple[str, str, int]:
    match cause.WhichOneof("source"):
        case "log_offset":
            return facts.LOG, "", cause.log_offset
        case "timer_id":
            return facts.TIMER, cause.timer_id, 0
        case "action":
            return facts.ACTION, cause.action.key, cause.action.attempt
        case "message":
            return facts.MESSAGE, "", cause.message.sequence
        case _:
            return facts.UNKNOWN, "", 0
