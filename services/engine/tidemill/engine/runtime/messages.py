"""What executions and lanes ask of each other, as records: the same that stand in the command log."""

from dataclasses import dataclass
from typing import assert_never

from tidemill import lanes
from tidemill.api.events.v1 import command_pb2
from tidemill.engine.core.effects import (
    CancelChild,
    Message,
    RequestSlot,
    StartChild,
    Subscribe,
    TellParent,
    Unsubscribe,
)
from tidemill.engine.core.plan import Plan
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.record_values import write_problem
from tidemill.engine.wait_records import write_origin

COMMAND_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message and the hash of the lane that it goes to, which decides its shard."""

    lane_hash: int
    record: command_pb2.Command


def message_of(effect: Message, state: ExecutionState, plan: Plan) -> Outgoing:
    """The message for an effect of an execution."""
    match effect:
        case Subscribe():
            return _subscribe(effect, state, plan)
        case Unsubscribe():
            record = _to_lane(effect.lane, state)
            record.unsubscribe.subscription_id = effect.subscription_id
            record.unsubscribe.execution_id = state.execution_id
        case RequestSlot():
            record = _to_lane(effect.slot.lane, state)
            record.pace.request_id = effect.slot.request_id
            record.pace.execution_id = state.execution_id
            record.pace.limit = effect.slot.limit
            record.pace.per_us = effect.slot.per_us
        case StartChild():
            record = _start(effect, state)
        case CancelChild():
            record = _to_execution(effect.execution_id, state)
            record.cancel.reason = effect.reason
        case TellParent():
            record = _end(effect, state)
        case _:
            assert_never(effect)
    return outgoing(record)


def outgoing(record: command_pb2.Command) -> Outgoing:
    """A record with the hash of where it goes."""
    if record.lane:
        return Outgoing(lanes.lane_hash(record.lane), record)
    return Outgoing(lanes.hash_of_execution_id(record.execution_id), record)


def delivery(execution_id: str, subscription_id: str, *, data: bytes, received_at_us: int) -> Outgoing:
    """The message that brings an event to an execution."""
    record = command_pb2.Command(schema=COMMAND_SCHEMA, execution_id=execution_id)
    record.deliver.subscription_id = subscription_id
    record.deliver.event.data = data
    record.deliver.received_at_us = received_at_us
    return outgoing(record)


def hear_on(record: command_pb2.Command, after_execution_id: str) -> Outgoing:
    """The message by which a lane goes on to deliver an event to those who come after an execution."""
    following = command_pb2.Command()
    following.CopyFrom(record)
    following.source_shard = following.source_sequence = 0
    following.hear.after_execution_id = after_execution_id
    return outgoing(following)


def grant(execution_id: str, request_id: str, due_at_us: int) -> Outgoing:
    """The message that gives an execution its slot."""
    record = command_pb2.Command(schema=COMMAND_SCHEMA, execution_id=execution_id)
    record.grant.request_id = request_id
    record.grant.due_at_us = due_at_us
    return outgoing(record)


def _subscribe(effect: Subscribe, state: ExecutionState, plan: Plan) -> Outgoing:
    subscription = effect.subscription
    record = _to_lane(subscription.lane, state)
    record.subscribe.subscription_id = subscription.id
    record.subscribe.execution_id = state.execution_id
    record.subscribe.shape = plan.shape(effect.reference, subscription.filter)
    record.subscribe.key = subscription.key
    record.subscribe.since_us = subscription.since_us
    return outgoing(record)


def _start(effect: StartChild, state: ExecutionState) -> command_pb2.Command:
    child = effect.child
    record = _to_execution(child.execution_id, state)
    record.namespace = child.namespace
    start = record.start
    start.workflow = child.workflow
    start.version = child.version
    start.subject = child.subject
    start.input.data = child.input.data
    if child.origin is not None:
        start.origin.MergeFrom(write_origin(child.origin))
        start.origin.SetInParent()
    if child.awaited:
        start.parent_execution_id = state.execution_id
    start.depth = child.depth
    return record


def _end(effect: TellParent, state: ExecutionState) -> command_pb2.Command:
    record = _to_execution(effect.parent, state)
    record.end_child.child_execution_id = state.execution_id
    record.end_child.state = command_pb2.ChildState.ValueType(effect.state)
    if effect.output is not None:
        record.end_child.output.data = effect.output.data
    if effect.error is not None:
        write_problem(record.end_child.error, effect.error)
    return record


def _to_execution(execution_id: str, state: ExecutionState) -> command_pb2.Command:
    record = _record(state)
    record.execution_id = execution_id
    return record


def _to_lane(lane: bytes, state: ExecutionState) -> command_pb2.Command:
    record = _record(state)
    record.lane = lane
    return record


def _record(state: ExecutionState) -> command_pb2.Command:
    return command_pb2.Command(
        schema=COMMAND_SCHEMA, namespace=state.namespace, traceparent=state.traceparent
    )
