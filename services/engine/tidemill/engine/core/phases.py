"""What each command does in each phase: one table, no ifs."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from tidemill.engine.core.commands import (
    Cancel,
    Command,
    CompleteAction,
    ConfirmCancellation,
    DeliverEvent,
    EndChild,
    FireTimer,
    GrantSlot,
    Resume,
    Retry,
    Start,
    Suspend,
)
from tidemill.engine.core.state import Phase


class Move(Enum):
    """What becomes of a command."""

    START = "begin the execution"
    REPEAT = "accept a repeat of the same start, refuse another one"
    CANCEL = "end the execution"
    SUSPEND = "pause it"
    RESUME = "go on from the facts that came meanwhile"
    RETRY = "go on from what faulted"
    ACT = "record a fact and go on from it"
    RECORD = "record a fact, if it is one, and no more"
    REFUSE = "refuse: the phase does not allow it"
    UNKNOWN = "refuse: there is no such execution"
    IGNORE = "nothing waits for it"


_FACTS: Final = (CompleteAction, ConfirmCancellation, FireTimer, DeliverEvent, EndChild, GrantSlot)
_REQUESTS: Final = (Start, Cancel, Suspend, Resume, Retry)


def _row(facts: Move, **requests: Move) -> dict[type[Command], Move]:
    """One phase: `facts` for what comes from outside, REFUSE for the requests that are not named."""
    row: dict[type[Command], Move] = dict.fromkeys(_FACTS, facts)
    for kind in _REQUESTS:
        row[kind] = requests.get(kind.__name__.lower(), Move.REFUSE)
    return row


_LIVE: Final = _row(Move.ACT, start=Move.REPEAT, cancel=Move.CANCEL, suspend=Move.SUSPEND)
_CLOSED: Final = _row(Move.RECORD, start=Move.REPEAT)

# An execution is pending until its first event is recorded: then there is no state yet.
TRANSITIONS: Final[Mapping[Phase, Mapping[type[Command], Move]]] = MappingProxyType(
    {
        Phase.PENDING: {**dict.fromkeys(_REQUESTS, Move.UNKNOWN), Start: Move.START}
        | dict.fromkeys(_FACTS, Move.IGNORE),
        Phase.RUNNING: _LIVE,
        Phase.WAITING: _LIVE,
        Phase.SUSPENDED: _row(Move.RECORD, start=Move.REPEAT, cancel=Move.CANCEL, resume=Move.RESUME),
        Phase.CANCELLED: _CLOSED,
        Phase.FAULTED: _row(Move.RECORD, start=Move.REPEAT, retry=Move.RETRY),
        Phase.COMPLETED: _CLOSED,
    }
)
