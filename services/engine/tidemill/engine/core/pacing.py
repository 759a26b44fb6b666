"""The slots of a pace lane: who asks first goes first, and at most so many go in each period."""

from tidemill.json import dumps, loads


def next_slot(counter: bytes, limit: int, per_us: int, now_us: int) -> tuple[int, bytes]:
    """The time of the next slot, never before now, and the counter after it; an empty one has never counted.

    Periods follow each other from the first request after an idle time on. A slot lies in the first period
    that has room: at its beginning, or now where it has begun. So slots never go backwards, and a queue costs
    one counter however long it is.
    """
    start_us, used = _read(counter)
    if not used or now_us >= start_us + per_us:
        start_us, used = now_us, 0
    elif used >= limit:
        start_us, used = start_us + per_us, 0
    return max(start_us, now_us), dumps({"start_us": start_us, "used": used + 1})


def _read(counter: bytes) -> tuple[int, int]:
    if not counter:
        return 0, 0
    read = loads(counter)
    assert isinstance(read, dict)
    start_us, used = read["start_us"], read["used"]
    assert isinstance(start_us, int)
    assert isinstance(used, int)
    return start_us, used
