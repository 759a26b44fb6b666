"""Messages as JSON."""

import pytest
from google.protobuf.duration_pb2 import Duration

from tidemill.api.actions.v1.action_service_pb2 import EFFECT_CLASS_AT_MOST_ONCE, Action
from tidemill.api.engine.v1.execution_pb2 import EXECUTION_PHASE_WAITING
from tidemill.api.events.v1.history_pb2 import (
    ACTION_STATE_SUCCEEDED,
    ActionCompleted,
    Listening,
    ScheduleFired,
    Subscription,
    TaskStarted,
)
from tidemill.api.events.v1.payload_pb2 import CloudEvent, Payload
from tidemill.client.plain import phase_name, phase_names, phase_of_name, plain, rfc3339
from tidemill.lanes import correlation_lane


def test_payloads_become_their_values_and_enums_their_words() -> None:
    message = ActionCompleted(
        reference="/do/0/a", attempt=2, state=ACTION_STATE_SUCCEEDED, output=Payload(data=b"[1]")
    )
    assert plain(message) == {
        "reference": "/do/0/a",
        "attempt": 2,
        "state": "succeeded",
        "output": [1],
    }


def test_times_become_texts() -> None:
    assert plain(TaskStarted(reference="/a", due_at_us=1_500_000)) == {
        "reference": "/a",
        "due_at": "1970-01-01T00:00:01.500000Z",
    }


def test_durations_become_seconds_and_long_enum_names_keep_all_their_words() -> None:
    message = Action(name="a", effect_class=EFFECT_CLASS_AT_MOST_ONCE, timeout=Duration(nanos=500_000_000))
    assert plain(message) == {"name": "a", "effect_class": "at_most_once", "timeout": 0.5}


def test_maps_and_bytes() -> None:
    assert plain(CloudEvent(id="1", data=b"\x01", extensions={"k": "v"})) == {
        "id": "1",
        "data": "01",
        "extensions": {"k": "v"},
    }


def test_lists_of_messages_and_of_times_become_lists_and_lanes_their_words() -> None:
    waits = Subscription(id="a:0", lane=correlation_lane("shop", "order.paid"), since_us=1)
    assert plain(TaskStarted(listening=Listening(subscriptions=[waits]))) == {
        "listening": {
            "subscriptions": [{"id": "a:0", "lane": "shop events order.paid", "since": rfc3339(1)}],
        }
    }
    assert plain(ScheduleFired(starts_us=[7, 8], missed=2)) == {
        "starts": [rfc3339(7), rfc3339(8)],
        "missed": 2,
    }


def test_an_empty_payload_is_null() -> None:
    assert plain(Payload()) is None


@pytest.mark.parametrize("time_us", [0, 1, 999_999, 1_700_000_000_000_001])
def test_times_have_six_decimals_and_are_utc(time_us: int) -> None:
    text = rfc3339(time_us)
    assert text.endswith(f".{time_us % 1_000_000:06d}Z")


def test_phases_have_the_words_of_the_dsl() -> None:
    assert phase_names() == [
        "pending",
        "running",
        "waiting",
        "suspended",
        "cancelled",
        "faulted",
        "completed",
    ]
    assert phase_of_name("waiting") == EXECUTION_PHASE_WAITING
    assert phase_name(99) == "phase_99"  # type: ignore[arg-type]
