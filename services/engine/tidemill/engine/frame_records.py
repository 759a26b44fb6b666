"""Frames of tasks in snapshots: to and from protobuf, each JSON value written once."""

from collections.abc import Sequence
from dataclasses import replace

from tidemill.api.events.v1.history_pb2 import SlotRequested as SlotRecord
from tidemill.api.events.v1.snapshot_pb2 import Snapshot
from tidemill.engine.core.events import ActionCompleted, ActionRequested, ChildCompleted, EventReceived
from tidemill.engine.core.payload import NULL, Payload
from tidemill.engine.core.state import (
    Attempts,
    EntryCounts,
    Frame,
    FrameStatus,
    Listening,
    Loop,
    TimerKind,
)
from tidemill.engine.event_records import read_event, write_event
from tidemill.engine.record_values import read_problem, write_problem
from tidemill.engine.secret_records import read_secrets, write_secret
from tidemill.engine.wait_records import read_listening, read_slot, write_listening
from tidemill.json import dumps, loads


class SnapshotError(Exception):
    """A snapshot that this release cannot read, or a state that it cannot write: the history still can."""


class Values:
    """The JSON values of a snapshot: tasks hand them on to one another, so most are held more than once.

    Those that are one payload in the state are one again, and no others: the core tells by that whether a
    task has changed its value.
    """

    def __init__(self, record: Snapshot) -> None:
        self._record = record
        self._indexes: dict[int, int] = {}

    def index(self, payload: Payload) -> int:
        """Where the value stands, now if not before. The payload must outlive this object."""
        index = self._indexes.get(id(payload))
        if index is None:
            index = self._indexes[id(payload)] = len(self._indexes)
            self._record.values.append(payload.data)
        return index

    def optional(self, payload: Payload | None) -> int:
        """The same plus one; 0 where there is none."""
        return 0 if payload is None else self.index(payload) + 1


def _optional(values: Sequence[Payload], index: int) -> Payload | None:
    return values[index - 1] if index else None


def write_frame(record: Snapshot.Frame, frame: Frame, values: Values) -> None:
    """Write a frame into an empty record. Raises SnapshotError where its counts are not its parent's."""
    record.reference = frame.reference
    record.parent = frame.parent.reference if frame.parent is not None else ""
    record.raw_input = values.index(frame.raw_input)
    record.input = values.index(frame.input)
    record.data = values.index(frame.data)
    record.started_at_us = frame.started_at_us
    record.activations = frame.activations
    record.attempt = frame.attempt
    record.status = frame.status
    record.timeout_us = frame.timeout_us
    record.branch = frame.branch
    record.retries_inside = frame.retries_inside
    record.retries_before = frame.retries_before
    if frame.error is not None:
        write_problem(record.error, frame.error)
        record.error.SetInParent()
    _write_timers(record, frame)
    _write_counts(record, frame)
    _write_call(record, frame, values)
    _write_waits(record, frame, values)
    _write_block(record, frame, values)


def read_frame(record: Snapshot.Frame, parent: Frame | None, values: Sequence[Payload]) -> Frame:
    """Read a frame, and put it below its parent."""
    frame = Frame(record.reference, parent, values[record.raw_input], record.started_at_us)
    frame.input = values[record.input]
    frame.data = values[record.data]
    frame.activations = record.activations
    frame.attempt = record.attempt
    frame.status = FrameStatus(record.status)
    frame.timeout_us = record.timeout_us
    frame.branch = record.branch
    frame.retries_inside = record.retries_inside
    frame.retries_before = record.retries_before
    if record.HasField("error"):
        frame.error = read_problem(record.error)
    _read_timers(record, frame)
    _read_counts(record, frame)
    _read_call(record, frame, values)
    _read_waits(record, frame, values)
    _read_block(record, frame, values)
    if parent is not None:
        if parent.children is None:
            parent.children = {}
        parent.children[frame.reference] = frame
    return frame


def _write_timers(record: Snapshot.Frame, frame: Frame) -> None:
    if frame.timers is not None:
        record.timers.SetInParent()
        for kind, timer_id in frame.timers.items():
            record.timers.timers.add(kind=kind, id=timer_id)
    if frame.fired is not None:
        record.fired.SetInParent()
        for kind, sequence in frame.fired.items():
            record.fired.timers.add(kind=kind, sequence=sequence)


def _read_timers(record: Snapshot.Frame, frame: Frame) -> None:
    if record.HasField("timers"):
        frame.timers = {TimerKind(timer.kind): timer.id for timer in record.timers.timers}
    if record.HasField("fired"):
        frame.fired = {TimerKind(timer.kind): timer.sequence for timer in record.fired.timers}


def _write_counts(record: Snapshot.Frame, frame: Frame) -> None:
    if frame.parent is None:
        assert frame.counts is not None
        _write_tree(record.counts, frame.counts)
    elif frame.counts is not None:
        around = frame.parent.counts
        if around is None or around.blocks.get(frame.reference) is not frame.counts:
            raise SnapshotError(f"the counts of {frame.reference} are no part of its parent's")
        record.counted = True
    if frame.counts_at_entry is not None:
        _write_tree(record.counts_at_entry, frame.counts_at_entry)
    if frame.counts_high is not None:
        _write_tree(record.counts_high, frame.counts_high)


def _read_counts(record: Snapshot.Frame, frame: Frame) -> None:
    if frame.parent is None:
        frame.counts = _read_tree(record.counts)
    elif record.counted:
        assert frame.parent.counts is not None
        frame.counts = frame.parent.counts.blocks[frame.reference]
    if record.HasField("counts_at_entry"):
        frame.counts_at_entry = _read_tree(record.counts_at_entry)
    if record.HasField("counts_high"):
        frame.counts_high = _read_tree(record.counts_high)


def _write_tree(record: Snapshot.EntryCounts, top: EntryCounts) -> None:
    """Write counts without recursion: how deep documents go is no concern of the stack."""
    waiting = [(0, "", top)]
    for index, (parent, reference, counts) in enumerate(waiting):
        block = record.blocks.add(parent=parent, reference=reference)
        for entered, count in counts.entries.items():
            block.entries.add(reference=entered, count=count)
        waiting.extend((index, below, held) for below, held in counts.blocks.items())


def _read_tree(record: Snapshot.EntryCounts) -> EntryCounts:
    trees: list[EntryCounts] = []
    for block in record.blocks:
        counts = EntryCounts()
        counts.entries = {entry.reference: entry.count for entry in block.entries}
        if trees:
            trees[block.parent].blocks[block.reference] = counts
        trees.append(counts)
    return trees[0]


def _write_call(record: Snapshot.Frame, frame: Frame, values: Values) -> None:
    record.key = frame.key
    record.outcome_sequence = frame.outcome_sequence
    if frame.request is not None:
        record.request.SetInParent()
        record.request.action = frame.request.action
        record.request.arguments.data = frame.request.arguments.data
        record.request.secrets.extend(map(write_secret, frame.request.secrets))
    if frame.outcome is not None:
        write_event(record.outcome, replace(frame.outcome, output=None))
        record.outcome_output = values.optional(frame.outcome.output)


def _read_call(record: Snapshot.Frame, frame: Frame, values: Sequence[Payload]) -> None:
    frame.key = record.key
    frame.outcome_sequence = record.outcome_sequence
    if record.HasField("request"):
        arguments = Payload.encoded(record.request.arguments.data)
        secrets = read_secrets(record.request.secrets)
        frame.request = ActionRequested(record.request.action, arguments, secrets)
    if record.HasField("outcome"):
        outcome = read_event(record.outcome)
        assert isinstance(outcome, ActionCompleted)
        frame.outcome = replace(outcome, output=_optional(values, record.outcome_output))


def _write_waits(record: Snapshot.Frame, frame: Frame, values: Values) -> None:
    if frame.listening is not None:
        _write_heard(record.listening, frame.listening, values)
    record.child = frame.child
    record.ended_sequence = frame.ended_sequence
    if frame.ended is not None:
        write_event(record.ended, replace(frame.ended, output=None))
        record.ended_output = values.optional(frame.ended.output)
    if (slot := frame.slot) is not None:
        record.slot.MergeFrom(
            SlotRecord(request_id=slot.request_id, lane=slot.lane, limit=slot.limit, per_us=slot.per_us)
        )


def _read_waits(record: Snapshot.Frame, frame: Frame, values: Sequence[Payload]) -> None:
    if record.HasField("listening"):
        frame.listening = _read_heard(record.listening, values)
    frame.child = record.child
    frame.ended_sequence = record.ended_sequence
    if record.HasField("ended"):
        ended = read_event(record.ended)
        assert isinstance(ended, ChildCompleted)
        frame.ended = replace(ended, output=_optional(values, record.ended_output))
    if record.HasField("slot"):
        frame.slot = read_slot(record.slot)


def _write_heard(record: Snapshot.HeardSoFar, listening: Listening, values: Values) -> None:
    record.SetInParent()
    write_listening(record.listening, listening.subscriptions)
    record.open = listening.is_open
    for sequence, event in listening.received:
        received = record.received.add(sequence=sequence, value=values.index(event.event))
        write_event(received.event, replace(event, event=NULL))
    record.received_bytes = listening.received_bytes
    record.expected = dumps(listening.expected)
    record.outputs.extend(map(values.optional, listening.outputs))


def _read_heard(record: Snapshot.HeardSoFar, values: Sequence[Payload]) -> Listening:
    listening = Listening(read_listening(record.listening))
    listening.is_open = record.open
    for received in record.received:
        event = read_event(received.event)
        assert isinstance(event, EventReceived)
        listening.received.append((received.sequence, replace(event, event=values[received.value])))
    listening.received_bytes = record.received_bytes
    expected = loads(record.expected)
    assert isinstance(expected, dict)
    listening.expected = expected
    listening.outputs = [_optional(values, index) for index in record.outputs]
    return listening


def _write_block(record: Snapshot.Frame, frame: Frame, values: Values) -> None:
    if frame.outputs is not None:
        record.outputs.SetInParent()
        for branch, output in frame.outputs.items():
            record.outputs.outputs.add(branch=branch, value=values.index(output))
    if frame.loop is not None:
        record.loop.SetInParent()
        record.loop.items = values.index(frame.loop.items)
        record.loop.index = frame.loop.index
    if (attempts := frame.attempts) is not None:
        record.attempts.SetInParent()
        record.attempts.attempt_timeout_us = attempts.attempt_timeout_us
        record.attempts.retry = attempts.retry
        record.attempts.retries = attempts.retries
        if attempts.caught is not None:
            write_problem(record.attempts.caught, attempts.caught)
            record.attempts.caught.SetInParent()


def _read_block(record: Snapshot.Frame, frame: Frame, values: Sequence[Payload]) -> None:
    if record.HasField("outputs"):
        frame.outputs = {output.branch: values[output.value] for output in record.outputs.outputs}
    if record.HasField("loop"):
        frame.loop = Loop(values[record.loop.items])
        frame.loop.index = record.loop.index
    if record.HasField("attempts"):
        attempts = frame.attempts = Attempts()
        attempts.attempt_timeout_us = record.attempts.attempt_timeout_us
        attempts.retry = record.attempts.retry
        attempts.retries = record.attempts.retries
        if record.attempts.HasField("caught"):
            attempts.caught = read_problem(record.attempts.caught)
