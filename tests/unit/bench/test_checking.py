"""The benchmark's check must see what is lost or doubled."""

import pytest

from tidemill.api.engine.v1.execution_service_pb2 import HistoryEvent
from tidemill.api.events.v1.history_pb2 import (
    ACTION_STATE_FAILED,
    ACTION_STATE_SUCCEEDED,
    ActionCompleted,
    Event,
    ExecutionCompleted,
    ExecutionStarted,
)
from tidemill.bench.checking import history_faults

STARTED = Event(execution_started=ExecutionStarted())
COMPLETED = Event(execution_completed=ExecutionCompleted())


def done(key: str) -> Event:
    return Event(action_completed=ActionCompleted(key=key, state=ACTION_STATE_SUCCEEDED))


def faults(*facts: Event, steps: int = 2) -> list[str]:
    events = [HistoryEvent(sequence=number, event=fact) for number, fact in enumerate(facts, start=1)]
    return history_faults(events, steps=steps)


def test_a_whole_history_has_no_faults() -> None:
    assert faults(STARTED, done("a"), done("b"), COMPLETED) == []


@pytest.mark.parametrize(
    "facts",
    [
        (STARTED, done("a"), COMPLETED),
        (STARTED, done("a"), done("a"), COMPLETED),
        (STARTED, done("a"), done("b"), done("c"), COMPLETED),
        (STARTED, done("a"), done("b")),
        (STARTED, done("a"), done("b"), COMPLETED, COMPLETED),
        (
            STARTED,
            done("a"),
            Event(action_completed=ActionCompleted(key="b", state=ACTION_STATE_FAILED)),
            COMPLETED,
        ),
        (),
    ],
    ids=["lost step", "doubled key", "doubled step", "not completed", "completed twice", "failed", "empty"],
)
def test_whatever_is_lost_or_doubled_is_seen(facts: tuple[Event, ...]) -> None:
    assert faults(*facts)


def test_a_gap_in_the_history_is_seen() -> None:
    events = [
        HistoryEvent(sequence=sequence, event=fact) for sequence, fact in ((1, STARTED), (3, COMPLETED))
    ]
    assert history_faults(events, steps=0) == ["its history has gaps or repeats"]
