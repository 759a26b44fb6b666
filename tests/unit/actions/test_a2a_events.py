"""Server-sent events are read alike, however their bytes are cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tidemill.actions.adapters.a2a.events import Events

STREAM = (
    "data: a\n\n: note\nid: 7\r\ndata:b\r\ndata:  c\r\n\r\nevent: x\rdata: d\u2028e\r\rdata\n\ndata: half"
).encode()
DATA = [b"a", b"b\n c", "d\u2028e".encode(), b""]


def test_the_data_of_events_is_read() -> None:
    assert Events().take(STREAM) == DATA


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    events = Events()
    places = [0, *sorted(cuts), len(STREAM)]
    taken = [data for start, end in pairwise(places) for data in events.take(STREAM[start:end])]
    assert taken == DATA
