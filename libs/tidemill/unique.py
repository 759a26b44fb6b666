"""New unique ids: kept apart from `lanes`, which stays free of clocks and randomness."""

import uuid_utils


def fresh_uuid() -> str:
    """A new uuid v7: unique, and sorted by the time it was made."""
    return str(uuid_utils.uuid7())


def fresh_request_id() -> str:
    """A new id for the request of a start, whose execution's uuid begins with its time (`requested_uuid`)."""
    return f"t-{fresh_uuid()}"
