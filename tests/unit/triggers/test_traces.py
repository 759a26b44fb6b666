"""Trace contexts that come from outside."""

import pytest

from tidemill.triggers.traces import leading, well_formed

SAMPLED = f"00-{'a' * 32}-{'b' * 16}-01"
UNSAMPLED = f"00-{'c' * 32}-{'d' * 16}-00"


@pytest.mark.parametrize("text", ["", "00", SAMPLED + "\n", SAMPLED.upper(), "é" + SAMPLED[1:]])
def test_what_is_no_trace_context_is_dropped(text: str) -> None:
    assert well_formed(text) == ""


def test_a_trace_context_passes() -> None:
    assert well_formed(SAMPLED) == SAMPLED


@pytest.mark.parametrize(
    ("contexts", "expected"),
    [
        ([], ""),
        (["", ""], ""),
        (["", UNSAMPLED], UNSAMPLED),
        ([UNSAMPLED, "", SAMPLED], SAMPLED),
    ],
)
def test_a_shared_call_belongs_to_the_first_sampled_context(contexts: list[str], expected: str) -> None:
    assert leading(contexts) == expected
