"""One thing that a definition listens to; apart from what finds it in documents, which takes long to load."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listen:
    """Events of one type (empty: of all types) that are wanted, and in which lanes.

    `own_lane`: in the lane of their subject, which the expression `ordering_key` finds on the event, or which
    is the event's own subject where that is empty. `correlation_lane`: in the lane of all events of the type.
    """

    event_type: str
    own_lane: bool
    correlation_lane: bool
    ordering_key: str = ""
