"""Events as they are stored: each of the core's classes to and from protobuf."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from tidemill.api.events.v1 import history_pb2 as records
from tidemill.api.events.v1.command_pb2 import ExecutionKind
from tidemill.engine.core import events
from tidemill.engine.core.events import Event
from tidemill.engine.core.history import HistoryError
from tidemill.engine.core.payload import Payload
from tidemill.engine.record_values import read_payload, read_problem, write_problem
from tidemill.engine.secret_records import read_secrets, write_secret
from tidemill.engine.wait_records import (
    READERS,
    WRITERS,
    read_child,
    read_listening,
    read_slot,
    write_listening,
    write_wait,
)


def write_event(record: records.Event, event: Event) -> None:
    """Write one event into an empty record."""
    _WRITERS[type(event)](record, event)


def write_events(batch: records.HistoryBatch, events_: Sequence[Event]) -> None:
    """Write events into a batch without any."""
    add = batch.events.add
    for event in events_:
        _WRITERS[type(event)](add(), event)


def read_event(record: records.Event) -> Event:
    """Read one event; raises HistoryError for a kind that this release does not know."""
    kind = record.WhichOneof("kind")
    if kind is None:
        raise HistoryError("a history row holds an event of an unknown kind")
    return _READERS[kind](getattr(record, kind))


def _write_execution_started(record: records.Event, event: events.ExecutionStarted) -> None:
    started = record.execution_started
    started.namespace = event.namespace
    started.workflow = event.workflow
    started.version = event.version
    started.subject = event.subject
    started.raw_input.data = event.raw_input.data
    if event.input is not None:
        started.input.data = event.input.data
    started.timeout_at_us = event.timeout_at_us
    if event.origin is not None:
        started.origin.trigger = event.origin.trigger
        started.origin.event_source = event.origin.event_source
        started.origin.event_id = event.origin.event_id
        started.origin.SetInParent()
    started.request_id = event.request_id
    started.input_digest = event.input_digest
    started.traceparent = event.traceparent
    started.parent_execution_id = event.parent
    started.kind = ExecutionKind.ValueType(event.kind)
    started.depth = event.depth
    if event.stopping:
        write_listening(started.stopping, event.stopping)


def _read_execution_started(record: records.ExecutionStarted) -> events.ExecutionStarted:
    origin = record.origin if record.HasField("origin") else None
    return events.ExecutionStarted(
        namespace=record.namespace,
        workflow=record.workflow,
        version=record.version,
        subject=record.subject,
        raw_input=Payload.encoded(record.raw_input.data),
        input=read_payload(record, "input"),
        timeout_at_us=record.timeout_at_us,
        origin=origin and events.TriggerOrigin(origin.trigger, origin.event_source, origin.event_id),
        request_id=record.request_id,
        input_digest=record.input_digest,
        traceparent=record.traceparent,
        parent=record.parent_execution_id,
        kind=events.Kind(record.kind),
        stopping=read_listening(record.stopping),
        depth=record.depth,
    )


def _write_execution_completed(record: records.Event, event: events.ExecutionCompleted) -> None:
    record.execution_completed.output.data = event.output.data


def _read_execution_completed(record: records.ExecutionCompleted) -> events.ExecutionCompleted:
    return events.ExecutionCompleted(Payload.encoded(record.output.data))


def _write_execution_faulted(record: records.Event, event: events.ExecutionFaulted) -> None:
    write_problem(record.execution_faulted.error, event.error)


def _read_execution_faulted(record: records.ExecutionFaulted) -> events.ExecutionFaulted:
    return events.ExecutionFaulted(read_problem(record.error))


def _write_execution_cancelled(record: records.Event, event: events.ExecutionCancelled) -> None:
    record.execution_cancelled.reason = event.reason
    record.execution_cancelled.SetInParent()


def _read_execution_cancelled(record: records.ExecutionCancelled) -> events.ExecutionCancelled:
    return events.ExecutionCancelled(record.reason)


def _write_execution_suspended(record: records.Event, event: events.ExecutionSuspended) -> None:
    record.execution_suspended.reason = event.reason
    record.execution_suspended.SetInParent()


def _read_execution_suspended(record: records.ExecutionSuspended) -> events.ExecutionSuspended:
    return events.ExecutionSuspended(record.reason)


def _write_execution_resumed(record: records.Event, _: events.ExecutionResumed) -> None:
    record.execution_resumed.SetInParent()


def _read_execution_resumed(_: records.ExecutionResumed) -> events.ExecutionResumed:
    return events.ExecutionResumed()


def _write_execution_retried(record: records.Event, event: events.ExecutionRetried) -> None:
    record.execution_retried.timeout_at_us = event.timeout_at_us
    record.execution_retried.SetInParent()
    if event.stopping:
        write_listening(record.execution_retried.stopping, event.stopping)


def _read_execution_retried(record: records.ExecutionRetried) -> events.ExecutionRetried:
    return events.ExecutionRetried(record.timeout_at_us, read_listening(record.stopping))


def _write_task_started(record: records.Event, event: events.TaskStarted) -> None:
    started = record.task_started
    started.reference = event.reference
    started.activations = event.activations
    started.attempt = event.attempt
    if event.input is not None:
        started.input.data = event.input.data
    if event.timeout_at_us:
        started.timeout_at_us = event.timeout_at_us
    if event.action is not None:
        action = started.action
        action.action = event.action.action
        action.arguments.data = event.action.arguments.data
        if event.action.secrets:
            action.secrets.extend(map(write_secret, event.action.secrets))
    elif event.due_at_us:
        started.due_at_us = event.due_at_us
    elif event.items is not None:
        started.items.data = event.items.data
    elif event.attempt_timeout_at_us:
        started.attempt_timeout_at_us = event.attempt_timeout_at_us
    else:
        write_wait(started, event)


def _read_task_started(record: records.TaskStarted) -> events.TaskStarted:
    detail = record.WhichOneof("detail")
    action = None
    if detail == "action":
        requested = record.action
        action = events.ActionRequested(
            requested.action, Payload.encoded(requested.arguments.data), read_secrets(requested.secrets)
        )
    return events.TaskStarted(
        record.reference,
        record.activations,
        record.attempt,
        read_payload(record, "input"),
        record.timeout_at_us,
        action,
        record.due_at_us,
        Payload.encoded(record.items.data) if detail == "items" else None,
        record.attempt_timeout_at_us,
        read_listening(record.listening) if detail == "listening" else None,
        read_child(record.child) if detail == "child" else None,
        read_slot(record.slot) if detail == "slot" else None,
    )


def _write_task_skipped(record: records.Event, event: events.TaskSkipped) -> None:
    record.task_skipped.reference = event.reference


def _read_task_skipped(record: records.TaskSkipped) -> events.TaskSkipped:
    return events.TaskSkipped(record.reference)


def _write_task_completed(record: records.Event, event: events.TaskCompleted) -> None:
    completed = record.task_completed
    completed.reference = event.reference
    if event.output is not None:
        completed.output.data = event.output.data
    if event.context is not None:
        completed.context.data = event.context.data


def _read_task_completed(record: records.TaskCompleted) -> events.TaskCompleted:
    return events.TaskCompleted(
        record.reference, read_payload(record, "output"), read_payload(record, "context")
    )


def _write_task_faulted(record: records.Event, event: events.TaskFaulted) -> None:
    record.task_faulted.reference = event.reference
    write_problem(record.task_faulted.error, event.error)


def _read_task_faulted(record: records.TaskFaulted) -> events.TaskFaulted:
    return events.TaskFaulted(record.reference, read_problem(record.error))


def _write_task_cancelled(record: records.Event, event: events.TaskCancelled) -> None:
    record.task_cancelled.reference = event.reference


def _read_task_cancelled(record: records.TaskCancelled) -> events.TaskCancelled:
    return events.TaskCancelled(record.reference)


def _write_round_started(record: records.Event, event: events.RoundStarted) -> None:
    record.round_started.reference = event.reference
    record.round_started.index = event.index


def _read_round_started(record: records.RoundStarted) -> events.RoundStarted:
    return events.RoundStarted(record.reference, record.index)


def _write_error_caught(record: records.Event, event: events.ErrorCaught) -> None:
    caught = record.error_caught
    caught.reference = event.reference
    write_problem(caught.error, event.error)
    caught.retry = event.retry
    caught.retry_at_us = event.retry_at_us


def _read_error_caught(record: records.ErrorCaught) -> events.ErrorCaught:
    return events.ErrorCaught(record.reference, read_problem(record.error), record.retry, record.retry_at_us)


def _write_task_retried(record: records.Event, event: events.TaskRetried) -> None:
    record.task_retried.reference = event.reference
    record.task_retried.attempt_timeout_at_us = event.attempt_timeout_at_us


def _read_task_retried(record: records.TaskRetried) -> events.TaskRetried:
    return events.TaskRetried(record.reference, record.attempt_timeout_at_us)


def _write_action_completed(record: records.Event, event: events.ActionCompleted) -> None:
    completed = record.action_completed
    completed.reference = event.reference
    completed.key = event.key
    completed.attempt = event.attempt
    completed.state = records.ActionState.ValueType(event.state)
    if event.output is not None:
        completed.output.data = event.output.data
    if event.error is not None:
        write_problem(completed.error, event.error)
    if event.late:
        completed.late = True


def _read_action_completed(record: records.ActionCompleted) -> events.ActionCompleted:
    return events.ActionCompleted(
        record.reference,
        record.key,
        record.attempt,
        _read_action_state(record.state),
        read_payload(record, "output"),
        read_problem(record.error) if record.HasField("error") else None,
        record.late,
    )


def _write_cancellation_confirmed(record: records.Event, event: events.CancellationConfirmed) -> None:
    record.cancellation_confirmed.key = event.key


def _read_cancellation_confirmed(record: records.CancellationConfirmed) -> events.CancellationConfirmed:
    return events.CancellationConfirmed(record.key)


def _write_timer_fired(record: records.Event, event: events.TimerFired) -> None:
    record.timer_fired.timer_id = event.timer_id


def _read_timer_fired(record: records.TimerFired) -> events.TimerFired:
    return events.TimerFired(record.timer_id)


def _read_action_state(number: int) -> events.ActionState:
    try:
        return events.ActionState(number)
    except ValueError:
        raise HistoryError(f"a history row holds the unknown action state {number}") from None


# One row for each kind of event. The pairs are right by construction of the table, which no type can say.
_WRITERS: Final[Mapping[type[Event], Callable[[records.Event, Any], None]]] = {
    events.ExecutionStarted: _write_execution_started,
    events.ExecutionCompleted: _write_execution_completed,
    events.ExecutionFaulted: _write_execution_faulted,
    events.ExecutionCancelled: _write_execution_cancelled,
    events.ExecutionSuspended: _write_execution_suspended,
    events.ExecutionResumed: _write_execution_resumed,
    events.ExecutionRetried: _write_execution_retried,
    events.TaskStarted: _write_task_started,
    events.TaskSkipped: _write_task_skipped,
    events.TaskCompleted: _write_task_completed,
    events.TaskFaulted: _write_task_faulted,
    events.TaskCancelled: _write_task_cancelled,
    events.RoundStarted: _write_round_started,
    events.ErrorCaught: _write_error_caught,
    events.TaskRetried: _write_task_retried,
    events.ActionCompleted: _write_action_completed,
    events.CancellationConfirmed: _write_cancellation_confirmed,
    events.TimerFired: _write_timer_fired,
    **WRITERS,
}
_READERS: Final[Mapping[str, Callable[[Any], Event]]] = MappingProxyType(
    {
        "execution_started": _read_execution_started,
        "execution_completed": _read_execution_completed,
        "execution_faulted": _read_execution_faulted,
        "execution_cancelled": _read_execution_cancelled,
        "execution_suspended": _read_execution_suspended,
        "execution_resumed": _read_execution_resumed,
        "execution_retried": _read_execution_retried,
        "task_started": _read_task_started,
        "task_skipped": _read_task_skipped,
        "task_completed": _read_task_completed,
        "task_faulted": _read_task_faulted,
        "task_cancelled": _read_task_cancelled,
        "round_started": _read_round_started,
        "error_caught": _read_error_caught,
        "task_retried": _read_task_retried,
        "action_completed": _read_action_completed,
        "cancellation_confirmed": _read_cancellation_confirmed,
        "timer_fired": _read_timer_fired,
        **READERS,
    }
)
