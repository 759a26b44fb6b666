"""`emit` publishes an event."""

import pytest

from tests.unit.core.driver import EXECUTION_ID, START_US, Driver, Task, Value, set_task
from tidemill.engine.core.times import describe_time, rfc3339


def emitting(event: Task, data: Value = None) -> Driver:
    return Driver({"tell": {"emit": {"event": {"with": event}}}}, set_task("after", "${ .id }")).start(data)


def test_the_request_is_the_whole_event_and_its_id_the_key() -> None:
    driver = emitting(
        {"type": "order.placed", "subject": "${ .id }", "data": {"n": "${ .n }"}}, {"id": "c1", "n": 5}
    )
    call = driver.call_of("/do/0/tell")
    assert call.action == "events.publish"
    assert call.key == f"{EXECUTION_ID}:/do/0/tell#1"
    assert call.arguments.value == {
        "id": call.key,
        "specversion": "1.0",
        "source": "/shop/orders",
        "type": "order.placed",
        "time": "2023-11-14T22:13:20Z",
        "subject": "c1",
        "data": {"n": 5},
    }


def test_what_the_author_gives_takes_precedence() -> None:
    event: Task = {
        "id": "mine",
        "type": "t",
        "source": "https://a/{b}",
        "time": "2020-01-01T00:00:00Z",
    }
    arguments = emitting(event, {"b": "c d"}).call_of("/do/0/tell").arguments.value
    assert arguments == {**event, "specversion": "1.0", "source": "https://a/c%20d"}


def test_the_output_is_what_the_action_returns() -> None:
    driver = emitting({"type": "t"})
    call = driver.call_of("/do/0/tell")
    driver.succeed("/do/0/tell", call.arguments.value)
    assert driver.output == call.key


@pytest.mark.parametrize("event", [{"type": "${ .missing }"}, {"type": "t", "source": "${ 5 }"}, {}])
def test_an_event_without_its_texts_faults(event: Task) -> None:
    assert emitting(event).error.instance == "/do/0/tell"


def test_times_are_written_in_utc_with_microseconds_only_where_there_are_any() -> None:
    assert rfc3339(START_US) == "2023-11-14T22:13:20Z"
    assert rfc3339(START_US + 1) == "2023-11-14T22:13:20.000001Z"
    assert describe_time(START_US + 1_500) == {
        "iso8601": "2023-11-14T22:13:20.001500Z",
        "epoch": {"seconds": 1_700_000_000, "milliseconds": 1_700_000_000_001},
    }
