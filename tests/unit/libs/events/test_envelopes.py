"""Events in the CloudEvents JSON format, and what tells them apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.libs.events.samples import cloud_event
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.events.envelopes import attribute_text, envelope_of, event_digest
from tidemill.json import Json, JsonError, dumps

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


def test_an_envelope_holds_the_attributes_that_the_event_has() -> None:
    full = cloud_event(
        data={"score": 7},
        subject="contact-7",
        time="2026-01-01T00:00:00Z",
        data_content_type="application/json",
        data_schema="/schemas/lead",
        extensions={"region": "eu", "tenant": "a"},
    )
    assert envelope_of(full) == {
        "specversion": "1.0",
        "id": "1",
        "source": "/forms",
        "type": "lead.created",
        "subject": "contact-7",
        "time": "2026-01-01T00:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "/schemas/lead",
        "region": "eu",
        "tenant": "a",
        "data": {"score": 7},
    }
    assert envelope_of(cloud_event()) == {
        "specversion": "1.0",
        "id": "1",
        "source": "/forms",
        "type": "lead.created",
    }


def test_data_that_is_null_is_there() -> None:
    assert envelope_of(CloudEvent(id="1", source="/s", type="t", data=b"null"))["data"] is None


def test_equal_events_give_equal_bytes_whatever_the_order_of_their_extensions() -> None:
    names = [f"extension{number}" for number in range(20)]
    forth = cloud_event(extensions=dict.fromkeys(names, "x"))
    back = cloud_event(extensions=dict.fromkeys(reversed(names), "x"))
    assert dumps(envelope_of(forth)) == dumps(envelope_of(back))


def test_data_that_is_no_json_is_refused() -> None:
    with pytest.raises(JsonError, match="data"):
        envelope_of(CloudEvent(id="1", source="/s", type="t", data=b"{"))


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (5, "5"), (0.5, "0.5"), ("x", "x"), (None, None)]
)
def test_attributes_are_text(value: Json, text: Json) -> None:
    assert attribute_text(value) == text


def test_a_digest_is_for_ever() -> None:
    # Lanes store it: another answer would make every repeat a new event.
    assert event_digest("/forms", "42").hex() == "1943c87318dba05f4dc0cabebb14e1eb"


@given(NAMES, NAMES, NAMES, NAMES)
def test_events_have_one_digest_when_source_and_id_are_the_same(a: str, b: str, c: str, d: str) -> None:
    assert (event_digest(a, b) == event_digest(c, d)) is ((a, b) == (c, d))
    assert len(event_digest(a, b)) == 16


def test_what_moves_from_the_source_to_the_id_is_another_event() -> None:
    assert event_digest("ab", "c") != event_digest("a", "bc")
