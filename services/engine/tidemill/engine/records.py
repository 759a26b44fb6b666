"""History rows: what one commit added to one execution, to and from protobuf."""

from collections.abc import Sequence
from typing import Final, TypeAlias, assert_never

from google.protobuf.message import DecodeError

from tidemill.api.events.v1 import history_pb2 as records
from tidemill.engine.core.events import Event
from tidemill.engine.core.history import HistoryError
from tidemill.engine.event_records import read_event, write_events
from tidemill.values import value

RECORD_SCHEMA: Final = 1


@value
class LogSource:
    """A record of the shard's command log."""

    offset: int


@value
class TimerSource:
    """A timer that fired."""

    timer_id: str


@value
class ActionSource:
    """The result of one attempt of an action."""

    key: str
    attempt: int


@value
class MessageSource:
    """A message of another execution or of a lane; sequence 0 when it was sent in the same commit."""

    shard: int
    sequence: int


Source: TypeAlias = LogSource | TimerSource | ActionSource | MessageSource


@value
class Cause:
    """The command that `events` events in a row came from; None when it has no identity."""

    events: int
    source: Source | None


@value
class Batch:
    """One history row: what one commit added to one execution, and the time of each event in it."""

    now_us: int
    events: list[Event]
    causes: list[Cause]


def encode_batch(batch_events: Sequence[Event], causes: Sequence[Cause], now_us: int) -> bytes:
    """Write a history row. Raises JsonError for a payload that cannot be written (the core makes none)."""
    record = records.HistoryBatch(schema=RECORD_SCHEMA, time_us=now_us)
    write_events(record, batch_events)
    for cause in causes:
        _write_cause(record.causes.add(), cause)
    return record.SerializeToString()


def decode_batch(data: bytes) -> Batch:
    """Read a history row; raises HistoryError for one that this release cannot read."""
    try:
        record = records.HistoryBatch.FromString(data)
    except DecodeError as error:
        raise HistoryError(f"a history row is damaged: {error}") from None
    if record.schema != RECORD_SCHEMA:
        raise HistoryError(f"a history row has schema {record.schema}, this release reads {RECORD_SCHEMA}")
    return Batch(record.time_us, [read_event(event) for event in record.events], _read_causes(record))


def _write_cause(record: records.Cause, cause: Cause) -> None:
    record.events = cause.events
    match cause.source:
        case LogSource(offset):
            record.log_offset = offset
        case TimerSource(timer_id):
            record.timer_id = timer_id
        case ActionSource(key, attempt):
            action = record.action
            action.key = key
            action.attempt = attempt
        case MessageSource(shard, sequence):
            record.message.shard = shard
            record.message.sequence = sequence
            record.message.SetInParent()
        case None:
            pass
        case _:
            assert_never(cause.source)


def _read_causes(record: records.HistoryBatch) -> list[Cause]:
    return [Cause(cause.events, _read_source(cause)) for cause in record.causes]


def _read_source(cause: records.Cause) -> Source | None:
    match cause.WhichOneof("source"):
        case "log_offset":
            return LogSource(cause.log_offset)
        case "timer_id":
            return TimerSource(cause.timer_id)
        case "action":
            return ActionSource(cause.action.key, cause.action.attempt)
        case "message":
            return MessageSource(cause.message.shard, cause.message.sequence)
        case None:
            return None
