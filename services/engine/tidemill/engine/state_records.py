"""States of executions as snapshots: to and from protobuf, exactly. What a release cannot read it ignores."""

from typing import Final

from tidemill.api.events.v1.command_pb2 import ExecutionKind
from tidemill.api.events.v1.snapshot_pb2 import Snapshot
from tidemill.engine.core.events import EventReceived, Kind
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.state import ExecutionState, Phase, Timer, TimerKind
from tidemill.engine.event_records import read_event, write_event
from tidemill.engine.frame_records import SnapshotError, Values, read_frame, write_frame
from tidemill.engine.record_values import read_payload, read_problem, write_problem
from tidemill.engine.wait_records import read_listening, read_origin, write_listening, write_origin

# Raised whenever a state holds something new: an older snapshot would not have it.
SNAPSHOT_SCHEMA: Final = 1


def encode_state(state: ExecutionState) -> bytes:
    """Write a snapshot. Raises SnapshotError for a state that has none."""
    record = Snapshot(schema=SNAPSHOT_SCHEMA)
    _write_identity(record, state)
    _write_standing(record, state)
    values = Values(record)
    record.context = values.index(state.context)
    write_frame(record.root, state.root, values)
    for frame in state.frames.values():
        write_frame(record.frames.add(), frame, values)
    _write_waits(record, state)
    _write_subscriptions(record, state)
    return record.SerializeToString()


def decode_state(execution_id: str, sequence: int, data: bytes) -> ExecutionState:
    """Read a snapshot that was taken after the event `sequence`.

    Raises SnapshotError for one of another format or of another event, and for a damaged one.
    """
    try:
        return _read(execution_id, sequence, Snapshot.FromString(data))
    except SnapshotError:
        raise
    except Exception as error:
        raise SnapshotError(f"a snapshot is damaged: {type(error).__name__}: {error}") from error


def _read(execution_id: str, sequence: int, record: Snapshot) -> ExecutionState:
    if record.schema != SNAPSHOT_SCHEMA:
        raise SnapshotError(f"a snapshot has schema {record.schema}, this release reads {SNAPSHOT_SCHEMA}")
    if record.sequence != sequence:
        raise SnapshotError(f"a snapshot of event {record.sequence} is kept as that of {sequence}")
    values = [Payload.encoded(data) for data in record.values]
    state = ExecutionState(execution_id, read_frame(record.root, None, values))
    for held in record.frames:
        parent = state.frames[held.parent] if held.parent else state.root
        state.frames[held.reference] = read_frame(held, parent, values)
    state.context = values[record.context]
    _read_identity(record, state)
    _read_standing(record, state)
    _read_waits(record, state)
    _read_subscriptions(record, state)
    return state


def _write_identity(record: Snapshot, state: ExecutionState) -> None:
    record.namespace = state.namespace
    record.workflow = state.workflow
    record.version = state.version
    record.subject = state.subject
    if state.origin is not None:
        record.origin.MergeFrom(write_origin(state.origin))
        record.origin.SetInParent()
    record.request_id = state.request_id
    record.input_digest = state.input_digest
    record.traceparent = state.traceparent
    record.kind = ExecutionKind.ValueType(state.kind)
    record.parent_execution_id = state.parent
    record.depth = state.depth


def _read_identity(record: Snapshot, state: ExecutionState) -> None:
    state.namespace = record.namespace
    state.workflow = record.workflow
    state.version = record.version
    state.subject = record.subject
    state.origin = read_origin(record.origin) if record.HasField("origin") else None
    state.request_id = record.request_id
    state.input_digest = record.input_digest
    state.traceparent = record.traceparent
    state.kind = Kind(record.kind)
    state.parent = record.parent_execution_id
    state.depth = record.depth


def _write_standing(record: Snapshot, state: ExecutionState) -> None:
    record.sequence = state.sequence
    record.closed_at_us = state.closed_at_us
    record.halt = state.halt or 0
    record.reason = state.reason
    if state.output is not None:
        record.output.data = state.output.data
    if state.error is not None:
        write_problem(record.error, state.error)
        record.error.SetInParent()
    record.retries = state.retries
    record.yields = state.yields
    record.yields_in_a_row = state.yields_in_a_row
    if state.stop is not None:
        write_event(record.stop, state.stop)


def _read_standing(record: Snapshot, state: ExecutionState) -> None:
    state.sequence = record.sequence
    state.closed_at_us = record.closed_at_us
    state.halt = Phase(record.halt) if record.halt else None
    state.reason = record.reason
    state.output = read_payload(record, "output")
    state.error = read_problem(record.error) if record.HasField("error") else None
    state.retries = record.retries
    state.yields = record.yields
    state.yields_in_a_row = record.yields_in_a_row
    if record.HasField("stop"):
        event = read_event(record.stop)
        assert isinstance(event, EventReceived)
        state.stop = event


def _write_waits(record: Snapshot, state: ExecutionState) -> None:
    for named, frames in (
        (record.actions, state.actions),
        (record.children, state.children),
        (record.slots, state.slots),
    ):
        for identity, frame in frames.items():
            if state.frames.get(frame.reference) is not frame:
                raise SnapshotError(f"{identity} belongs to no task that is under way")
            named.add(id=identity, reference=frame.reference)
    for (key, attempt), reference in state.cancelling.items():
        record.cancelling.add(key=key, attempt=attempt, reference=reference)
    for timer_id, timer in state.timers.items():
        record.timers.add(id=timer_id, reference=timer.reference, kind=timer.kind, due_at_us=timer.due_at_us)
    for reference, is_round in state.yielded.items():
        record.yielded.add(reference=reference, round=is_round)


def _read_waits(record: Snapshot, state: ExecutionState) -> None:
    frames = state.frames
    state.actions = {named.id: frames[named.reference] for named in record.actions}
    state.children = {named.id: frames[named.reference] for named in record.children}
    state.slots = {named.id: frames[named.reference] for named in record.slots}
    state.cancelling = {(call.key, call.attempt): call.reference for call in record.cancelling}
    state.timers = {
        timer.id: Timer(timer.reference, TimerKind(timer.kind), timer.due_at_us) for timer in record.timers
    }
    state.yielded = {task.reference: task.round for task in record.yielded}


def _write_subscriptions(record: Snapshot, state: ExecutionState) -> None:
    for reference, subscription in state.subscriptions.values():
        held = record.subscriptions.add(reference=reference)
        write_listening(held.listening, (subscription,))
    for (source, identity), time_us in state.heard.items():
        record.heard.add(source=source, id=identity, time_us=time_us)


def _read_subscriptions(record: Snapshot, state: ExecutionState) -> None:
    for held in record.subscriptions:
        for subscription in read_listening(held.listening):
            state.subscriptions[subscription.id] = (held.reference, subscription)
    state.heard = {(event.source, event.id): event.time_us for event in record.heard}
