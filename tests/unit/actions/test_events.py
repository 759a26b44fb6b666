"""CloudEvents out of the arguments of `events.publish`."""

import pytest

from tidemill.actions.adapters.events import event_of
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.json import Json

WHOLE: dict[str, Json] = {
    "specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed", "subject": "ada",
    "time": "2026-01-01T00:00:00Z", "datacontenttype": "application/json", "dataschema": "https://example.com/s",
    "data": {"total": 5}, "priority": 3, "urgent": True, "region": "eu", "nothing": None,
}  # fmt: skip


def test_every_attribute_is_carried_over() -> None:
    assert event_of(WHOLE, "key") == CloudEvent(
        id="1",
        source="/shop",
        type="order.placed",
        subject="ada",
        time="2026-01-01T00:00:00Z",
        data_content_type="application/json",
        data_schema="https://example.com/s",
        data=b'{"total":5}',
        extensions={"priority": "3", "urgent": "true", "region": "eu"},
    )


def test_an_event_without_an_id_gets_the_idempotency_key() -> None:
    event = event_of({"source": "/shop", "type": "a"}, "key")
    assert (event.id, event.data) == ("key", b"")


def test_data_may_be_null() -> None:
    assert event_of({"source": "/shop", "type": "a", "data": None}, "key").data == b"null"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("text", "object"),
        ({"type": "a"}, "source"),
        ({"source": "/shop"}, "type"),
        ({"source": 5, "type": "a"}, "source"),
        ({"source": "/shop", "type": "a", "specversion": "0.3"}, "specversion"),
        ({"source": "/shop", "type": "a", "data_base64": "AAAA"}, "data_base64"),
        ({"source": "/shop", "type": "a", "extra": {}}, "extra"),
    ],
)
def test_what_is_no_event_is_refused(value: Json, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        event_of(value, "key")
