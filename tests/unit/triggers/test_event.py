"""How an accepted event looks inside."""

import pytest

from tests.unit.triggers.samples import LIMITS, NOW_US, event, raw
from tidemill.errors import InvalidRequestError
from tidemill.triggers.core.event import RawEvent, accept_event


def test_what_is_not_acceptable_is_refused() -> None:
    with pytest.raises(InvalidRequestError):
        accept_event(RawEvent("1", "/s", ""), LIMITS, now_us=NOW_US)


def test_the_envelope_has_the_attributes_that_the_event_has() -> None:
    full = event(
        data={"a": 1},
        subject="c1",
        time="2026-01-01T00:00:00Z",
        data_content_type="application/json",
        data_schema="/schemas/lead",
        extensions={"tenant": "x"},
    )
    assert full.envelope() == {
        "specversion": "1.0",
        "id": "1",
        "source": "/forms",
        "type": "lead.created",
        "subject": "c1",
        "time": "2026-01-01T00:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "/schemas/lead",
        "tenant": "x",
        "data": {"a": 1},
    }


def test_the_envelope_of_a_bare_event_has_no_empty_members() -> None:
    assert event().envelope() == {
        "specversion": "1.0",
        "id": "1",
        "source": "/forms",
        "type": "lead.created",
    }


def test_null_as_data_is_data() -> None:
    accepted = accept_event(raw(data=None), LIMITS, now_us=NOW_US)
    with_null = accept_event(RawEvent("1", "/s", "t", data=b"null"), LIMITS, now_us=NOW_US)
    assert "data" not in accepted.envelope()
    assert with_null.envelope()["data"] is None
