"""Events of waits for others as they are stored: listening, children, slots, and turns that were put off."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tidemill.api.events.v1 import history_pb2 as records
from tidemill.api.events.v1.command_pb2 import ChildState, TriggerOrigin
from tidemill.engine.core import events
from tidemill.engine.core.events import Event, Subscription
from tidemill.engine.core.history import HistoryError
from tidemill.engine.core.payload import Payload
from tidemill.engine.record_values import read_payload, read_problem, write_problem


def write_wait(record: records.TaskStarted, event: events.TaskStarted) -> None:
    """Write what a task that waits for others adds to its entry, if it does."""
    if event.listening is not None:
        record.listening.SetInParent()
        write_listening(record.listening, event.listening)
    elif event.child is not None:
        _write_child(record.child, event.child)
    elif event.slot is not None:
        slot = event.slot
        record.slot.MergeFrom(
            records.SlotRequested(
                request_id=slot.request_id, lane=slot.lane, limit=slot.limit, per_us=slot.per_us
            )
        )


def write_listening(record: records.Listening, subscriptions: tuple[Subscription, ...]) -> None:
    """Write subscriptions into an empty record."""
    for subscription in subscriptions:
        written = record.subscriptions.add(
            id=subscription.id,
            filter=subscription.filter,
            lane=subscription.lane,
            key=subscription.key,
            since_us=subscription.since_us,
        )
        if subscription.expected is not None:
            written.expected.data = subscription.expected.data


def read_listening(record: records.Listening) -> tuple[Subscription, ...]:
    """Read subscriptions."""
    return tuple(
        Subscription(held.id, held.filter, held.lane, held.key, read_payload(held, "expected"), held.since_us)
        for held in record.subscriptions
    )


def _write_child(record: records.ChildRequested, child: events.ChildRequested) -> None:
    record.execution_id = child.execution_id
    record.namespace = child.namespace
    record.workflow = child.workflow
    record.version = child.version
    record.subject = child.subject
    record.input.data = child.input.data
    record.awaited = child.awaited
    record.depth = child.depth
    if child.origin is not None:
        record.origin.MergeFrom(write_origin(child.origin))
        record.origin.SetInParent()


def read_child(record: records.ChildRequested) -> events.ChildRequested:
    """Read the start of a child."""
    return events.ChildRequested(
        execution_id=record.execution_id,
        namespace=record.namespace,
        workflow=record.workflow,
        version=record.version,
        subject=record.subject,
        input=Payload.encoded(record.input.data),
        awaited=record.awaited,
        origin=read_origin(record.origin) if record.HasField("origin") else None,
        depth=record.depth,
    )


def write_origin(origin: events.TriggerOrigin) -> TriggerOrigin:
    """The record of an origin."""
    return TriggerOrigin(trigger=origin.trigger, event_source=origin.event_source, event_id=origin.event_id)


def read_origin(record: TriggerOrigin) -> events.TriggerOrigin:
    """Read an origin."""
    return events.TriggerOrigin(record.trigger, record.event_source, record.event_id)


def read_slot(record: records.SlotRequested) -> events.SlotRequested:
    """Read the request of a slot."""
    return events.SlotRequested(record.request_id, record.lane, record.limit, record.per_us)


def _write_event_received(record: records.Event, event: events.EventReceived) -> None:
    received = record.event_received
    received.reference = event.reference
    received.filter = event.filter
    received.event.data = event.event.data
    if event.correlations is not None:
        received.correlations.data = event.correlations.data


def _read_event_received(record: records.EventReceived) -> events.EventReceived:
    return events.EventReceived(
        record.reference,
        record.filter,
        Payload.encoded(record.event.data),
        read_payload(record, "correlations"),
    )


def _write_listening_ended(record: records.Event, event: events.ListeningEnded) -> None:
    record.listening_ended.reference = event.reference


def _read_listening_ended(record: records.ListeningEnded) -> events.ListeningEnded:
    return events.ListeningEnded(record.reference)


def _write_child_completed(record: records.Event, event: events.ChildCompleted) -> None:
    completed = record.child_completed
    completed.reference = event.reference
    completed.execution_id = event.execution_id
    completed.state = ChildState.ValueType(event.state)
    if event.output is not None:
        completed.output.data = event.output.data
    if event.error is not None:
        write_problem(completed.error, event.error)


def _read_child_completed(record: records.ChildCompleted) -> events.ChildCompleted:
    return events.ChildCompleted(
        record.reference,
        record.execution_id,
        read_child_state(record.state),
        read_payload(record, "output"),
        read_problem(record.error) if record.HasField("error") else None,
    )


def read_child_state(number: int) -> events.ChildState:
    """How a child ended; raises HistoryError for a number that this release does not know."""
    try:
        return events.ChildState(number)
    except ValueError:
        raise HistoryError(f"a record holds the unknown child state {number}") from None


def _write_task_yielded(record: records.Event, event: events.TaskYielded) -> None:
    record.task_yielded.reference = event.reference


def _read_task_yielded(record: records.TaskYielded) -> events.TaskYielded:
    return events.TaskYielded(record.reference)


def _write_slot_granted(record: records.Event, event: events.SlotGranted) -> None:
    record.slot_granted.reference = event.reference
    record.slot_granted.due_at_us = event.due_at_us


def _read_slot_granted(record: records.SlotGranted) -> events.SlotGranted:
    return events.SlotGranted(record.reference, record.due_at_us)


def _write_schedule_fired(record: records.Event, event: events.ScheduleFired) -> None:
    record.schedule_fired.reference = event.reference
    record.schedule_fired.starts_us.extend(event.starts_us)
    record.schedule_fired.missed = event.missed


def _read_schedule_fired(record: records.ScheduleFired) -> events.ScheduleFired:
    return events.ScheduleFired(record.reference, tuple(record.starts_us), record.missed)


def _write_round_completed(record: records.Event, event: events.RoundCompleted) -> None:
    completed = record.round_completed
    completed.reference = event.reference
    if event.output is not None:
        completed.output.data = event.output.data
    if event.context is not None:
        completed.context.data = event.context.data


def _read_round_completed(record: records.RoundCompleted) -> events.RoundCompleted:
    return events.RoundCompleted(
        record.reference, read_payload(record, "output"), read_payload(record, "context")
    )


# Rows of the tables in `event_records`.
WRITERS: Final[Mapping[type[Event], Callable[[records.Event, Any], None]]] = {
    events.EventReceived: _write_event_received,
    events.ListeningEnded: _write_listening_ended,
    events.ChildCompleted: _write_child_completed,
    events.TaskYielded: _write_task_yielded,
    events.SlotGranted: _write_slot_granted,
    events.ScheduleFired: _write_schedule_fired,
    events.RoundCompleted: _write_round_completed,
}
READERS: Final[Mapping[str, Callable[[Any], Event]]] = {
    "event_received": _read_event_received,
    "listening_ended": _read_listening_ended,
    "child_completed": _read_child_completed,
    "task_yielded": _read_task_yielded,
    "slot_granted": _read_slot_granted,
    "schedule_fired": _read_schedule_fired,
    "round_completed": _read_round_completed,
}
