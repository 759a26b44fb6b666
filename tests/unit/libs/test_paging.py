"""Pages: sizes within their limits, tokens that lead on and cannot be made up."""

import base64

import pytest

from tidemill.errors import InvalidRequestError
from tidemill.paging import PageLimits, decode_token, encode_token

LIMITS = PageLimits(page_size_default=10, page_size_max=50)


@pytest.mark.parametrize(("wanted", "size"), [(0, 10), (7, 7), (50, 50), (51, 50)])
def test_a_page_has_the_wanted_size_within_the_limit(wanted: int, size: int) -> None:
    assert LIMITS.size(wanted) == size


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="page_size"):
        LIMITS.size(-1)


def test_a_token_gives_back_its_place() -> None:
    assert decode_token(encode_token(5, "ü/x"), int, str) == [5, "ü/x"]
    assert decode_token("", int, str) is None


@pytest.mark.parametrize(
    "token",
    ["nonsense", "é", encode_token("a", 5), encode_token(5), base64.b64encode(b"{}").decode()],
    ids=["no base64", "no ascii", "other types", "too short", "no list"],
)
def test_a_made_up_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidRequestError, match="page_token"):
        decode_token(token, int, str)
