"""What `decide` answers: the events to store, the effects to release after, or why it refuses."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from tidemill.engine.core.effects import Effect
from tidemill.engine.core.events import Event
from tidemill.engine.core.state import ExecutionState
from tidemill.values import value


class RejectionReason(StrEnum):
    """Why a command is refused; the names are those of the contract's error reasons."""

    EXECUTION_NOT_FOUND = "EXECUTION_NOT_FOUND"
    PHASE_CONFLICT = "PHASE_CONFLICT"
    REENTRY_REFUSED = "REENTRY_REFUSED"
    REQUEST_ID_CONFLICT = "REQUEST_ID_CONFLICT"
    SEQUENCE_CONFLICT = "SEQUENCE_CONFLICT"


@value
class Rejection:
    """A refused command: nothing has changed. `metadata` holds whatever varies in `message`."""

    reason: RejectionReason
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@value
class Decision:
    """The outcome of one command.

    Without events and without a rejection the command was a duplicate or came too late: it is done.
    """

    state: ExecutionState | None
    events: list[Event]
    effects: list[Effect]
    rejection: Rejection | None = None
