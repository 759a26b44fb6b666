"""Records of the log and answers of actions as commands of the core, and where each came from."""

from typing import Final

from tidemill.api.actions.v1.action_service_pb2 import ActionResult
from tidemill.api.events.v1 import command_pb2, history_pb2
from tidemill.engine.core import commands
from tidemill.engine.core.effects import CallAction, CancelAction
from tidemill.engine.core.events import ActionState, Kind
from tidemill.engine.core.payload import NULL, Payload
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.record_values import read_payload, read_problem
from tidemill.engine.records import ActionSource, LogSource, MessageSource, Source, TimerSource
from tidemill.engine.runtime.items import ActionAnswer, DueTimer, Keepable, LoggedCommand, Message
from tidemill.engine.runtime.owned_shard import OwnedShard
from tidemill.engine.runtime.sessions import OwedCall
from tidemill.engine.wait_records import read_child_state, read_origin

# By its number; looking one up costs less than calling the class.
_ACTION_STATES: Final = {int(state): state for state in ActionState}


def command_of(item: Keepable) -> commands.Command:
    """What the item asks of its execution; raises ValueError or KeyError for a record that asks for nothing
    known."""
    match item:
        case ActionAnswer():
            return _answered(item)
        case LoggedCommand() | Message():
            return _logged(item.record)
        case DueTimer():
            return commands.FireTimer(item.timer_id)


def source_of(item: Keepable) -> Source:
    """What history says the item's events came from."""
    match item:
        case ActionAnswer():
            result = item.result
            return ActionSource(result.key, result.attempt)
        case LoggedCommand():
            return LogSource(item.offset)
        case Message():
            return MessageSource(item.shard, item.sequence)
        case DueTimer():
            return TimerSource(item.timer_id)


def action_call(effect: CallAction | CancelAction, owned: OwnedShard, state: ExecutionState) -> OwedCall:
    """The call, or the end of one, that an execution asks for under an ownership."""
    return OwedCall(effect, state.namespace, state.execution_id, owned.shard, owned.epoch, state.traceparent)


def _logged(record: command_pb2.Command) -> commands.Command:
    match record.WhichOneof("kind"):
        case "start":
            return _start(record)
        case "cancel":
            return commands.Cancel(record.cancel.reason)
        case "suspend":
            return commands.Suspend(record.suspend.reason)
        case "resume":
            return commands.Resume()
        case "retry":
            return commands.Retry(record.retry.if_sequence)
        case "deliver":
            held = record.deliver
            event = Payload.encoded(held.event.data)
            return commands.DeliverEvent(held.subscription_id, event, held.received_at_us)
        case "end_child":
            return _end_child(record.end_child)
        case "grant":
            return commands.GrantSlot(record.grant.request_id, record.grant.due_at_us)
        case unknown:
            raise ValueError(f"a command of no known kind: {unknown}")


def _start(record: command_pb2.Command) -> commands.Start:
    start = record.start
    return commands.Start(
        execution_id=record.execution_id,
        namespace=record.namespace,
        workflow=start.workflow,
        version=start.version,
        subject=start.subject,
        input=Payload.encoded(start.input.data or b"{}"),
        input_digest=start.input_digest,
        request_id=record.request_id,
        origin=read_origin(start.origin) if start.HasField("origin") else None,
        traceparent=record.traceparent,
        parent=start.parent_execution_id,
        kind=Kind(start.kind),
        depth=start.depth,
    )


def _end_child(record: command_pb2.EndChildCommand) -> commands.EndChild:
    return commands.EndChild(
        record.child_execution_id,
        read_child_state(record.state),
        output=read_payload(record, "output"),
        error=read_problem(record.error) if record.HasField("error") else None,
    )


def _answered(item: ActionAnswer) -> commands.Command:
    result: ActionResult = item.result
    if item.cancelled and result.state == history_pb2.ACTION_STATE_CANCELLED:
        return commands.ConfirmCancellation(result.key)
    return commands.CompleteAction(
        result.key,
        result.attempt,
        _ACTION_STATES[result.state],
        output=_output(result),
        error=read_problem(result.error) if result.HasField("error") else None,
    )


def _output(result: ActionResult) -> Payload | None:
    data = result.output.data
    if not data:
        return NULL if result.HasField("output") else None
    return Payload.encoded(data)
