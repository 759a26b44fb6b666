"""JSON values of any kind, out of which tests make documents that nobody would write."""

from collections.abc import Sequence

from hypothesis import strategies as st

from tidemill.json import Json


def json_values(names: Sequence[str]) -> st.SearchStrategy[Json]:
    """Values whose members, and some of whose texts, have these names."""
    members = st.sampled_from(names)
    scalars = (
        st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | members | st.text(max_size=5)
    )
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(members, inner, max_size=3),
    )
