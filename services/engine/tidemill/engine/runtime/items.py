"""What waits in a shard's inbox. Each item says which execution it is for."""

from typing import Final

from tidemill.api.actions.v1.action_service_pb2 import ActionResult
from tidemill.api.events.v1.command_pb2 import Command as CommandRecord
from tidemill.values import value


@value
class LoggedCommand:
    """A command out of the log, of so many bytes there.

    `repeated` when it is a message of another shard that stands in the log before.
    """

    shard: int
    execution_id: str
    offset: int
    record: CommandRecord
    repeated: bool = False
    size_bytes: int = 0


@value
class ActionAnswer:
    """The outcome of an action, and when it came by the monotonic clock.

    `cancelled` when a cancellation of it had been asked for.
    """

    shard: int
    execution_id: str
    result: ActionResult
    cancelled: bool = False
    received_us: int = 0


@value
class DueTimer:
    """A timer whose time has come: the clock has shown `due_at_us`, whatever it shows now."""

    shard: int
    execution_id: str
    timer_id: str
    due_at_us: int = 0


@value
class Message:
    """What an execution or lane of the shard asks of another one there.

    `sequence` is its number in the outbox; 0 for one that is applied in the commit that sends it.
    """

    shard: int
    execution_id: str
    sequence: int
    record: CommandRecord


@value
class OwedWork:
    """A wish to release again what the execution owes, after its owner changed."""

    shard: int
    execution_id: str


@value
class SnapshotDue:
    """A wish for a snapshot of an open execution now, so that its history until now may go."""

    shard: int
    execution_id: str


@value
class Redriven:
    """A dead letter that the command at `offset` takes up again; without an item when it is gone."""

    shard: int
    execution_id: str
    offset: int
    number: int
    item: "Keepable | None"


@value
class Poisoned:
    """An item whose rows the store refuses, on its way to the dead letters.

    `bare` when it refuses the suspension of its execution too: then nothing but the dead letter is written.
    """

    shard: int
    execution_id: str
    item: "Keepable"
    error: str
    bare: bool = False


Keepable = LoggedCommand | ActionAnswer | DueTimer | Message
Item = Keepable | OwedWork | SnapshotDue | Redriven | Poisoned

COMMAND_KIND: Final = "command"
RESULT_KIND: Final = "result"
TIMER_KIND: Final = "timer"
MESSAGE_KIND: Final = "message"
HISTORY_KIND: Final = "history"


def encode(item: Keepable) -> tuple[str, bytes]:
    """The item's kind and bytes, for a dead letter."""
    match item:
        case LoggedCommand():
            return COMMAND_KIND, item.offset.to_bytes(8, "big") + item.record.SerializeToString()
        case ActionAnswer():
            return RESULT_KIND, bytes([item.cancelled]) + item.result.SerializeToString()
        case DueTimer():
            return TIMER_KIND, item.timer_id.encode()
        case Message():
            return MESSAGE_KIND, item.record.SerializeToString()


def decode(kind: str, data: bytes, *, shard: int, execution_id: str) -> Keepable | None:
    """The item of a dead letter; None for one that holds none (a history that does not fold)."""
    match kind:
        case "command":
            record = CommandRecord.FromString(data[8:])
            # Its shard has counted it as applied; taken up again it is no repeat.
            record.source_sequence = 0
            return LoggedCommand(shard, execution_id, int.from_bytes(data[:8], "big"), record)
        case "result":
            return ActionAnswer(shard, execution_id, ActionResult.FromString(data[1:]), bool(data[0]))
        case "timer":
            return DueTimer(shard, execution_id, data.decode())
        case "message":
            return Message(shard, execution_id, 0, CommandRecord.FromString(data))
        case _:
            return None
