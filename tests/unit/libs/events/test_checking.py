"""Which events are acceptable."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.errors import TidemillError
from tidemill.events.checking import EventLimits, check_event, is_json_content_type
from tidemill.events.envelopes import envelope_of
from tidemill.json import dumps, loads

LIMITS = EventLimits(data_bytes_max=1_000, attribute_bytes_max=100, extensions_max=3)


@dataclass(frozen=True)
class Sent:
    """An event as it may come by HTTP, where texts may hold what no message can."""

    id: str = "1"
    source: str = "/s"
    type: str = "t"
    subject: str = ""
    time: str = ""
    data_content_type: str = ""
    data_schema: str = ""
    data: bytes = b""
    extensions: Mapping[str, str] = field(default_factory=dict)


def refusal(attributes: dict[str, Any]) -> TidemillError:
    with pytest.raises(TidemillError) as caught:
        check_event(replace(Sent(), **attributes), LIMITS)
    return caught.value


@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_a_required_attribute_is_asked_for_by_name(name: str) -> None:
    error = refusal({name: ""})
    assert (error.reason, error.metadata) == (reasons.ERROR_REASON_INVALID_REQUEST, {"field": name})


@pytest.mark.parametrize("name", ["id", "source", "type", "subject"])
def test_an_identifier_holds_no_nul(name: str) -> None:
    assert refusal({name: "a\0b"}).metadata == {"field": name}


@pytest.mark.parametrize("name", ["id", "source", "type", "subject"])
def test_an_identifier_holds_no_unpaired_surrogate(name: str) -> None:
    assert refusal({name: "a\ud800"}).metadata == {"field": name}


@pytest.mark.parametrize("name", ["id", "source", "type", "subject"])
def test_an_identifier_is_bounded_in_bytes(name: str) -> None:
    error = refusal({name: "é" * 129})
    assert error.reason == reasons.ERROR_REASON_TOO_LARGE
    assert error.metadata == {"limit": f"{name}_bytes_max", "limit_value": "256", "actual": "258"}


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-02-31"}, "time"),
        ({"time": "2026-01-01T00:00:00"}, "time"),
        ({"time": "2026-13-01T00:00:00Z"}, "time"),
        ({"data_content_type": "text/plain"}, "data_content_type"),
        ({"data_schema": "a\0"}, "data_schema"),
        ({"extensions": {"Upper": "a"}}, "extensions"),
        ({"extensions": {"": "a"}}, "extensions"),
        ({"extensions": {"data": "a"}}, "extensions"),
        ({"extensions": {"id": "a"}}, "extensions"),
        ({"extensions": {"a": "\0"}}, "extensions"),
    ],
)
def test_an_attribute_that_is_malformed_is_refused_by_field(attributes: dict[str, Any], field: str) -> None:
    error = refusal(attributes)
    assert (error.reason, error.metadata) == (reasons.ERROR_REASON_INVALID_REQUEST, {"field": field})


@pytest.mark.parametrize(
    ("attributes", "limit"),
    [
        ({"data": b'"' + b"a" * 1_000 + b'"'}, "data_bytes_max"),
        ({"data_schema": "a" * 101}, "data_schema_bytes_max"),
        ({"extensions": {"a": "b" * 101}}, "extensions_bytes_max"),
        ({"extensions": {"a": "", "b": "", "c": "", "d": ""}}, "extensions_max"),
    ],
)
def test_what_is_over_a_limit_is_refused_by_the_limit(attributes: dict[str, Any], limit: str) -> None:
    error = refusal(attributes)
    assert (error.reason, error.metadata["limit"]) == (reasons.ERROR_REASON_TOO_LARGE, limit)


@pytest.mark.parametrize(
    "data", [b"{", b"nothing", b'{"a": NaN}', b'"\\ud800"', b'"\\u0000"', b"99999999999999999999", b"\xff"]
)
def test_data_that_is_no_acceptable_json_is_refused(data: bytes) -> None:
    error = refusal({"data": data})
    assert (error.reason, error.metadata) == (reasons.ERROR_REASON_INVALID_PAYLOAD, {"field": "data"})


@pytest.mark.parametrize(
    "time", ["2026-01-01T00:00:00Z", "2026-01-01t23:59:60.123456789z", "2026-01-01T00:00:00.5+05:30"]
)
def test_rfc_3339_times_are_taken_as_they_are(time: str) -> None:
    assert check_event(Sent(time=time), LIMITS) is None


def test_data_leaves_room_for_the_event_around_it_and_an_array_of_events() -> None:
    limits = EventLimits(data_bytes_max=10_000, attribute_bytes_max=100, extensions_max=3)
    deepest = CloudEvent(id="1", source="/s", type="t", data=b"[" * 248 + b"]" * 248)
    check_event(deepest, limits)
    loads(dumps([envelope_of(deepest)]))
    assert refusal({"data": b"[" * 249 + b"]" * 249}).reason == reasons.ERROR_REASON_INVALID_PAYLOAD


def test_the_data_of_an_acceptable_event_is_read() -> None:
    assert check_event(CloudEvent(id="1", source="/s", type="t", data=b'{"a": 1.0}'), LIMITS) == {"a": 1.0}


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("", True),
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("text/json", True),
        ("application/vnd.acme.lead+json", True),
        ("application/xml", False),
        ("application/jsonlines", False),
        ("json", False),
    ],
)
def test_which_media_types_say_json(content_type: str, *, expected: bool) -> None:
    assert is_json_content_type(content_type) is expected
