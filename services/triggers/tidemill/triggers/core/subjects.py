"""Whose event it is: the subject that an ordering key finds on it."""

from typing import Final

from tidemill.errors import InvalidRequestError
from tidemill.events.subjects import subject_text
from tidemill.lanes import check_identifier
from tidemill.triggers.core.conditions import Evaluation, EvaluationError
from tidemill.triggers.core.event import Event

_FIELD: Final = "ordering_key"


def find_subject(ordering_key: Evaluation, event: Event, prefix: str = "") -> str:
    """The subject that an ordering key finds; `prefix` stands before what is wrong with it.

    Null or "" is no subject: such an execution is its own lane. Anything but a string or a number is refused
    (InvalidRequestError), for a lane that nobody meant would break the order that somebody relies on.
    """
    try:
        key = ordering_key(event.envelope(), event.accepted_at_us)
    except EvaluationError as error:
        raise InvalidRequestError(_FIELD, f"{prefix}the ordering key failed: {error}") from None
    subject = subject_text(key)
    if subject is None:
        raise InvalidRequestError(_FIELD, f"{prefix}the ordering key must find a string or a number")
    check_identifier(_FIELD, subject)
    return subject
