"""Snapshots hold every member of a state; those of another format are not taken for a state."""

import pytest

from tests.unit.core.snapshots import members_of, snapshot
from tidemill.api.events.v1.snapshot_pb2 import Snapshot
from tidemill.engine.core.events import (
    ActionCompleted,
    ActionRequested,
    ActionState,
    ChildCompleted,
    ChildState,
    EventReceived,
    Kind,
    SlotRequested,
    Subscription,
    TriggerOrigin,
)
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.secrets import SecretPath, SecretUse
from tidemill.engine.core.state import (
    Attempts,
    EntryCounts,
    ExecutionState,
    Frame,
    FrameStatus,
    Listening,
    Loop,
    Phase,
    Timer,
    TimerKind,
)
from tidemill.engine.frame_records import SnapshotError
from tidemill.engine.state_records import SNAPSHOT_SCHEMA, decode_state, encode_state

EXECUTION_ID = "00000000-0190a000-0000-7000-8000-0000000000f1"
PROBLEM = Problem("https://example.com/e", 503, "t", "d", "/do/0/a")
BLOCK, TASK = "/do/0/block", "/do/0/block/try/1/task"
SUBSCRIPTION = Subscription("s", 2, b"lane", b"key", Payload.of({"n": 1}), 7)
RECEIVED = EventReceived(TASK, 1, Payload.of({"id": "1"}), Payload.of({"n": 2}))


def counts(depth: int) -> EntryCounts:
    """Counts so many blocks deep."""
    made = EntryCounts()
    made.entries = {f"/do/{depth}/a": depth, f"/do/{depth}/b": 2}
    if depth:
        made.blocks = {f"/do/{depth}/c": counts(depth - 1), f"/do/{depth}/d": EntryCounts()}
    return made


def listening() -> Listening:
    """A `listen` with everything that one can have."""
    made = Listening((SUBSCRIPTION,))
    made.is_open = False
    made.received = [(5, RECEIVED), (6, RECEIVED)]
    made.received_bytes = 12
    made.expected = {"n": 1, "m": [1.0, None]}
    made.outputs = [None, Payload.of(0)]
    return made


def attempts() -> Attempts:
    """A `try` that has caught an error."""
    made = Attempts()
    made.attempt_timeout_us = 5
    made.caught = PROBLEM
    made.retry = 2
    made.retries = 1
    return made


def loop() -> Loop:
    """A loop under way."""
    made = Loop(Payload.of([1, 2.0]))
    made.index = 1
    return made


def frame(state: ExecutionState, reference: str, parent: Frame) -> Frame:
    """A frame with everything that one can have: more than any task has at once."""
    made = Frame(reference, parent, Payload.of({"raw": 1}), 100)
    made.input, made.data = Payload.of({"in": 1}), Payload.of("data")
    made.activations, made.attempt, made.status = "1.2", 3, FrameStatus.CANCELLED
    made.error, made.timeout_us, made.key = PROBLEM, 60, "key"
    made.timers = {TimerKind.WAIT: "t1", TimerKind.TIMEOUT: "t2"}
    made.fired = {TimerKind.RETRY: 4, TimerKind.ATTEMPT: 5}
    secrets = (SecretUse("/a", (SecretPath("token"),)),)
    made.request = ActionRequested("http", Payload.of({"a": "(secret)"}), secrets)
    made.outcome = ActionCompleted(reference, "key", 3, ActionState.FAILED, made.data, PROBLEM)
    made.outcome_sequence, made.ended_sequence = 8, 9
    made.counts_at_entry, made.counts_high = counts(1), counts(2)
    made.branch, made.outputs = 1, {1: Payload.of(1), 0: Payload.of(None)}
    made.loop, made.attempts, made.listening = loop(), attempts(), listening()
    made.child = "child"
    made.ended = ChildCompleted(reference, "child", ChildState.FAULTED, Payload.of(0), PROBLEM)
    made.slot = SlotRequested("slot", b"pace", 2, 1_000)
    made.retries_inside, made.retries_before = 2, 3
    assert parent.counts is not None
    made.counts = parent.counts.blocks[reference] = counts(3)
    parent.children = {reference: made}
    state.frames[reference] = made
    return made


def full_state() -> ExecutionState:
    """A state with everything that one can have."""
    root = Frame("", None, Payload.of({"raw": 1}), 50)
    root.counts = EntryCounts()
    state = ExecutionState(EXECUTION_ID, root)
    task = frame(state, TASK, frame(state, BLOCK, root))
    state.namespace, state.workflow, state.version, state.subject = "shop", "cart", "1.0.0", "ada"
    state.origin = TriggerOrigin("t", "source", "id")
    state.request_id, state.input_digest, state.traceparent = "request", b"digest", "00-trace"
    state.actions, state.children, state.slots = {"key": task}, {"child": task}, {"slot": task}
    state.cancelling = {("key", 1): TASK, ("other", 2): BLOCK}
    state.timers = {"t1": Timer(TASK, TimerKind.WAIT, 9), "t0": Timer("", TimerKind.YIELD, 3)}
    state.kind, state.parent, state.depth = Kind.TRIGGER, "parent", 2
    state.subscriptions = {"s": (TASK, SUBSCRIPTION)}
    state.heard = {("source", "2"): 6, ("source", "1"): 5}
    state.stop = RECEIVED
    state.yielded = {TASK: True, BLOCK: False}
    state.yields, state.yields_in_a_row, state.retries, state.sequence = 3, 2, 1, 40
    state.context = Payload.of({"c": 1})
    state.closed_at_us, state.halt, state.reason = 99, Phase.FAULTED, "why"
    state.output, state.error = Payload.of(None), PROBLEM
    return state


def unset(value: object, fresh: object) -> set[str]:
    """The members that are as in a fresh one."""
    return {name for name in members_of(type(value)) if getattr(value, name) == getattr(fresh, name)}


def test_every_member_survives() -> None:
    state = full_state()
    task = state.frames[TASK]
    fresh_frame = Frame("", None, Payload.of(0), 0)
    assert unset(state, ExecutionState("", fresh_frame)) == set()
    assert unset(task, fresh_frame) == {"children"}
    assert unset(listening(), Listening(())) == set()
    assert unset(attempts(), Attempts()) == set()
    assert unset(loop(), Loop(Payload.of(0))) == set()
    again = decode_state(EXECUTION_ID, 40, encode_state(state))
    assert snapshot(again) == snapshot(state)


def test_what_is_shared_in_a_state_is_shared_again() -> None:
    again = decode_state(EXECUTION_ID, 40, encode_state(full_state()))
    block, task = again.frames[BLOCK], again.frames[TASK]
    assert again.actions["key"] is again.children["child"] is again.slots["slot"] is task
    assert block.children == {TASK: task}
    assert task.parent is block
    assert block.parent is again.root
    assert again.root.counts is not None
    assert block.counts is again.root.counts.blocks[BLOCK]
    assert block.counts is not None
    assert task.counts is block.counts.blocks[TASK]
    assert task.outcome is not None
    assert task.outcome.output is task.data


def test_a_value_that_many_tasks_hold_is_written_once() -> None:
    state = full_state()
    state.frames[TASK].data = state.frames[BLOCK].data = state.context = Payload.of("x" * 10_000)
    assert len(encode_state(state)) < 15_000


def test_counts_may_be_as_deep_as_documents_go() -> None:
    state = full_state()
    state.frames[TASK].counts_high = counts(500)
    again = decode_state(EXECUTION_ID, 40, encode_state(state)).frames[TASK].counts_high
    for _ in range(500):
        assert again is not None
        again = next(iter(again.blocks.values()))


def test_counts_apart_from_their_parents_are_refused() -> None:
    state = full_state()
    state.frames[TASK].counts = counts(1)
    with pytest.raises(SnapshotError, match="no part of its parent's"):
        encode_state(state)


def test_a_call_of_no_task_under_way_is_refused() -> None:
    state = full_state()
    state.actions["key"] = Frame("/do/9/gone", None, Payload.of(0), 0)
    with pytest.raises(SnapshotError, match="key belongs to no task"):
        encode_state(state)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff no snapshot", "damaged"),
        (b"", "schema 0, this release reads 1"),
        (Snapshot(schema=SNAPSHOT_SCHEMA + 1, sequence=40).SerializeToString(), "schema 2"),
        (Snapshot(schema=SNAPSHOT_SCHEMA, sequence=39).SerializeToString(), "event 39 is kept as that of 40"),
        (Snapshot(schema=SNAPSHOT_SCHEMA, sequence=40).SerializeToString(), "damaged: IndexError"),
    ],
)
def test_what_is_no_snapshot_of_the_event_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(SnapshotError, match=message):
        decode_state(EXECUTION_ID, 40, data)
