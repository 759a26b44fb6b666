"""What a matched event starts: its lane and its input."""

import pytest

from tests.unit.triggers.samples import condition, event, index_of, one
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import TidemillError
from tidemill.json import Json, loads
from tidemill.triggers.core.conditions import Reading
from tidemill.triggers.core.event import Event, RawEvent
from tidemill.triggers.core.starts import input_of, plan_start, subject_of

LEAD: Json = {"contact": "c7", "number": 12, "half": 1.5, "flag": True, "list": []}


def subject(key: Json, sent: Event) -> str:
    return subject_of(condition(one(type="a"), ordering_key=key), sent)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (None, "contact-9"),
        (".data.contact", "c7"),
        ("${ .data.contact }", "c7"),
        (".data.number", "12"),
        (".data.half", "1.5"),
        (".subject", "contact-9"),
        ('.source + "/" + .data.contact', "/forms/c7"),
        (".data.missing // .subject", "contact-9"),
        # Nothing found: no lane to share.
        (".data.missing", ""),
        ('""', ""),
    ],
)
def test_the_subject_is_the_ordering_keys_value_or_the_events_subject(key: Json, expected: str) -> None:
    assert subject(key, event(data=LEAD, subject="contact-9")) == expected


@pytest.mark.parametrize("key", [".data.flag", ".data.list", ".data", ".data.contact.deeper", 'error("no")'])
def test_an_ordering_key_without_a_subject_is_an_error_of_the_event(key: str) -> None:
    with pytest.raises(TidemillError) as caught:
        subject(key, event(data=LEAD))
    assert caught.value.reason == reasons.ERROR_REASON_INVALID_REQUEST
    assert caught.value.metadata == {"field": "ordering_key"}


def test_an_over_long_ordering_key_is_refused() -> None:
    with pytest.raises(TidemillError) as caught:
        subject(".data", event(data="a" * 300))
    assert caught.value.metadata["limit"] == "ordering_key_bytes_max"


def test_the_input_is_an_array_of_the_events_data() -> None:
    assert loads(input_of(Reading.DATA, event(data={"a": [1]}))) == [{"a": [1]}]


def test_data_travels_as_it_was_written() -> None:
    start = plan_start(index_of(condition(one(type="a"))).triggers()[0], event(data=None))
    assert start.input == b"[null]"
    written = RawEvent("1", "/s", "a", data=b'{ "a" : 1.0 }')
    assert input_of(Reading.DATA, Event(written, {"a": 1.0}, 0)) == b'[{ "a" : 1.0 }]'


def test_the_envelope_is_read_whole() -> None:
    sent = event(data={"a": 1}, subject="c7", extensions={"tenant": "x"})
    assert loads(input_of(Reading.ENVELOPE, sent)) == [sent.envelope()]


def test_raw_data_is_its_text() -> None:
    assert loads(input_of(Reading.RAW, event(data={"a": "é"}))) == ['{"a":"é"}']
