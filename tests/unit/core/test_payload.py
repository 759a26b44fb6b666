"""Payloads parse and write only when asked."""

import pytest

from tidemill.engine.core.payload import Payload
from tidemill.json import JsonError


def test_bytes_pass_through_as_they_are() -> None:
    assert Payload.encoded(b"{ not json").data == b"{ not json"


def test_each_form_is_made_from_the_other_once() -> None:
    payload = Payload.encoded(b'{"a": [1]}')
    assert payload.value == {"a": [1]}
    assert payload.value is payload.value
    made = Payload.of({"a": [1]})
    assert made.data == b'{"a":[1]}'
    assert made.data is made.data


def test_equal_values_are_equal_however_they_are_written() -> None:
    assert Payload.encoded(b'{ "a":1}') == Payload.of({"a": 1})
    assert Payload.encoded(b"null") == Payload.of(None)
    assert Payload.of(1) != Payload.of(2)
    assert Payload.of(1) != 1


def test_what_is_not_json_says_so_when_asked() -> None:
    with pytest.raises(JsonError):
        _ = Payload.encoded(b"{oops").value
    with pytest.raises(JsonError):
        _ = Payload.of(float("nan")).data
