"""JSON payloads: what passes, and what is refused before it is stored."""

import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.json import (
    INTEGER_MAX,
    INTEGER_MIN,
    NESTING_MAX,
    Json,
    JsonError,
    dumps,
    dumps_canonical,
    loads,
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(INTEGER_MIN, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abü", max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_reads_back_the_same(value: Json) -> None:
    assert loads(dumps(value)) == value
    assert loads(dumps_canonical(value)) == value


@pytest.mark.parametrize(
    "text", ["18446744073709551615", "-9223372036854775808", '["0000000000000000000000"]', "1e+22"]
)
def test_numbers_in_range_and_long_digits_elsewhere_pass(text: str) -> None:
    assert dumps(loads(text)) == text.encode()


@pytest.mark.parametrize(
    "text",
    [
        "18446744073709551616",
        "-9223372036854775809",
        '{"a": [1, 123456789012345678901234567890]}',
        "1" + "0" * 300,
        "9" * 6000,
        "1e400",
        "NaN",
        "-Infinity",
        "",
        "{",
        '"\\ud800"',
        '"\ud800"',
        '"a\\u0000b"',
        '{"a\\u0000": 1}',
        '[["\\u0000"]]',
        "[" * 2000,
    ],
)
def test_what_cannot_be_kept_exactly_is_refused(text: str) -> None:
    with pytest.raises(JsonError) as caught:
        loads(text, field="input")
    assert caught.value.reason == reasons.ERROR_REASON_INVALID_PAYLOAD
    assert caught.value.metadata == {"field": "input"}


def test_bytes_that_are_no_utf8_are_refused() -> None:
    with pytest.raises(JsonError):
        loads(b'"\xff"')


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert loads(r'"\\u0000"') == r"\u0000"


@pytest.mark.parametrize(
    "value",
    [2**64, -(2**63) - 1, float("nan"), [float("inf")], {"a": {"b": [-float("inf")]}}, "\ud800"],
)
def test_values_that_are_no_json_are_not_written(value: Json) -> None:
    with pytest.raises(JsonError):
        dumps(value)


def test_nulls_beside_numbers_are_written() -> None:
    assert dumps({"a": None, "b": [None, 1.5]}) == b'{"a":null,"b":[null,1.5]}'


def test_equal_values_have_one_canonical_form() -> None:
    assert dumps_canonical({"b": 1, "a": {"d": 2, "c": 3}}) == b'{"a":{"c":3,"d":2},"b":1}'
    assert dumps({"b": 1, "a": 2}) == b'{"b":1,"a":2}'


@pytest.mark.parametrize(("open_", "close"), [("[", "]"), ('{"a":', "}")])
def test_what_nests_too_deep_to_be_written_is_not_read(open_: str, close: str) -> None:
    inside = "0" if open_ != "[" else ""
    fits = open_ * NESTING_MAX + inside + close * NESTING_MAX
    assert loads(dumps(loads(fits))) == loads(fits)
    with pytest.raises(JsonError, match="deeper than 250"):
        loads(open_ * (NESTING_MAX + 1) + inside + close * (NESTING_MAX + 1))


def test_what_nests_too_deep_to_be_read_is_not_written() -> None:
    value: Json = []
    for _ in range(NESTING_MAX - 1):
        value = [value]
    assert loads(dumps(value)) == value
    for write in (dumps, dumps_canonical):
        with pytest.raises(JsonError, match="deeper than 250"):
            write([value])


def test_a_wide_value_is_not_a_deep_one() -> None:
    assert len(loads("[" + ",".join(["[]"] * 1000) + "]")) == 1000  # type: ignore[arg-type]


def test_what_is_written_holds_no_more_memory_than_it_is_long() -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [dumps({"n": number}) for number in range(1_000)]
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert held < sum(map(sys.getsizeof, kept)) + 20_000
